"""Errors of endpoints, as everybody reads them."""

import re
from pathlib import Path

import pytest

from chat.upstream import UpstreamError
from chat.upstream.errors import SENTENCES


@pytest.mark.parametrize("code", SENTENCES)
def test_every_sentence_is_plain(code: str) -> None:
    message = UpstreamError(code, "Fake", setting="top_p").message
    assert message.endswith(".")
    assert "{" not in message
    assert "None" not in message
    assert len(message) < 120


def test_page_knows_each_stored_sentence_to_translate_it() -> None:
    page = (Path(__file__).parents[3] / "frontend/src/views/reply-problems.js").read_text()
    for code, sentence in SENTENCES.items():
        assert re.search(rf'\b{code}: \[\s*msg\(\s*"{re.escape(sentence)}"', page), code
