"""Cache headers of static files."""

from __future__ import annotations

from pathlib import Path

import parley_frontend
import pytest
from django.test import Client

CHUNKS = sorted((Path(parley_frontend.static_dir) / "parley" / "chunks").glob("*.js"))


@pytest.mark.parametrize("number", range(len(CHUNKS)))
def test_files_that_a_page_loads_on_demand_are_kept_for_ever(client: Client, number: int) -> None:
    answer = client.get(f"/static/parley/chunks/{CHUNKS[number].name}")
    assert answer.status_code == 200
    assert "immutable" in answer["Cache-Control"]


def test_files_without_a_hash_are_asked_for_again(client: Client) -> None:
    answer = client.get("/static/parley/chat.js")
    assert answer.status_code == 200
    assert "immutable" not in answer["Cache-Control"]
