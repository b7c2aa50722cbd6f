"""docs/openai-api.md names what there is."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings

from chat.api.openai import calls, errors

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = (ROOT / "docs" / "openai-api.md").read_text()
SOURCES = [path.read_text() for path in (ROOT / "chat" / "api" / "openai").glob("*.py")]


def test_every_code_is_in_the_document() -> None:
    codes = {code for text in SOURCES for code in re.findall(r'code="([a-z_]+)"', text)}
    codes |= {code for text in SOURCES for code in re.findall(r', "([a-z]+_[a-z_]+)"\)', text)}
    codes |= {kind.code for kind in errors._REFUSED.values()}
    codes |= {kind.code for kind in errors._ENDED.values()}
    assert len(codes) > 20
    assert {code for code in codes if f"`{code}`" not in DOCUMENT} == set()


def test_everything_refused_by_name_is_in_the_document() -> None:
    assert {name for name in calls.NOT_SERVED if f"`{name}`" not in DOCUMENT} == set()


def test_its_numbers_are_those_of_the_code() -> None:
    assert f"more than {calls.MESSAGES:,}" in DOCUMENT
    assert f"beyond {calls.DEPTH} levels" in DOCUMENT
    assert f"{settings.API_BODY_BYTES // 1024 // 1024} MiB" in DOCUMENT
    assert f"every {settings.SILENCE_SECONDS:g} seconds" in DOCUMENT
    assert f"for {settings.REQUEST_DAYS} days" in DOCUMENT
