"""The first title of a conversation; the page's cases are the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chat.models.values.titles import LONGEST, title_of

CASES = json.loads((Path(__file__).resolve().parents[4] / "frontend/tests/titles.json").read_text())


@pytest.mark.parametrize(("text", "title"), CASES)
def test_title_is_the_first_line_without_half_a_mark_or_character(text: str, title: str) -> None:
    assert title_of(text) == title
    assert len(title) <= LONGEST


def test_long_text_costs_no_more_than_its_beginning() -> None:
    for mark in ("**a ", "[a](", "`", "_a ", "~~a", "# ", "<https://", "*a*b"):
        assert title_of(mark * 250_000) == title_of(mark * 1000)
