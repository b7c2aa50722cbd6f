"""Pieces that repeat what was there, and those that only look so."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.upstream.repeats import Repeats

type Piece = str | tuple[str, str]
"""A piece, or one that is the `last` with a finish reason, or a `summary`."""


def read(pieces: list[Piece]) -> str:
    repeats, text = Repeats(), ""

    def take(new: str) -> None:
        nonlocal text
        text = new if repeats.replaces else text + new

    for piece in pieces:
        words, kind = piece if isinstance(piece, tuple) else (piece, "")
        take(repeats.join(words, last=kind == "last", summary=kind == "summary"))
        assert repeats.whole() in (text, text + words) or text in repeats.whole()
    take(repeats.rest())
    return text


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["Par", "Parley", "Parley says", "Parley says hi."], "Parley says hi."),
        (["Par", "Parley", "Parley", ("Parley", "last")], "Parley"),
        (["Par", "ley.", ("Parley.", "last")], "Parley."),
        (["Par", "ley.", ("Parley.", "summary")], "Parley."),
        (["Par", "ley.", ("Parley. And more.", "summary")], "Parley. And more."),
        (["Par", "ley.", ("Something else", "summary")], "Parley."),
        (["ha", "haha", ("hahaha", "summary")], "hahaha"),
        ([("Parley.", "summary")], "Parley."),
        # What only looks so.
        (["ha", "ha", "ha!"], "hahaha!"),
        (["ha", ("ha", "last")], "haha"),
        (["1", "1."], "11."),
        (["ab", "abc", "abcd", "x"], "ababcabcdx"),
        (["The cat", "The cat sat", " on"], "The catThe cat sat on"),
        (["go", "go", ("gogo", "last"), "!"], "gogogogo!"),
    ],
)
def test_repeated_text_is_there_once_and_other_text_stays(pieces: list[Piece], text: str) -> None:
    assert read(pieces) == text


@given(st.lists(st.text("abc ", min_size=1, max_size=4), min_size=3, max_size=20))
def test_text_so_far_in_every_piece_is_the_last_piece(parts: list[str]) -> None:
    so_far = ["".join(parts[: count + 1]) for count in range(len(parts))]
    assert read(list(so_far)) == so_far[-1]


@given(st.lists(st.text("abc", min_size=1, max_size=3), max_size=20))
def test_new_pieces_are_all_there(parts: list[str]) -> None:
    grows = all(b.startswith(a) for a, b in pairwise(parts))
    if not (grows and len(parts) > 1):
        assert read(list(parts)) == "".join(parts)
