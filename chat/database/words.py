"""Words of a text as the search index has them: one function for texts and for queries. Pure.

Words are folded (`folding.py`). Of scripts without blanks between words (Chinese, Japanese, Thai,
and Korean, whose endings are part of the word) each run gives overlapping pairs of characters and
its last character: two neighbouring characters are then found by their pair, one by a prefix.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from chat.database.folding import fold

LONGEST = 128
"""Code points of a word that count: a longer one is no word, but is found by its beginning."""

INDEXED = 500_000
"""Code points of a text that are indexed; few messages are longer, by far."""


def _ranges(categories: str) -> str:
    """Characters of these categories as the inside of a regular expression's class."""
    found: list[list[int]] = []
    for code in range(0x300, 0x10000):
        if unicodedata.category(chr(code)) in categories:
            if found and found[-1][1] == code - 1:
                found[-1][1] = code
            else:
                found.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in found)


MARKS = _ranges("Mn Mc Me")
JOINERS = "\u00ad\u200b-\u200d\u2060\ufeff"
"""Invisible characters within words: soft hyphens, joiners and their opposite."""

WORD = re.compile(rf"[^\W_](?:[^\W_]|[{MARKS}{JOINERS}])*")
PLAIN = re.compile("[a-z0-9]+")
INVISIBLE = re.compile(f"[{JOINERS}]")

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007"
    "\u3040-\u30ff\u3100-\u318f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f"
    "\uac00-\ud7ff\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
RUN = re.compile(f"[{UNSPACED}]+|[^{UNSPACED}]+")
IS_UNSPACED = re.compile(f"[{UNSPACED}]")


class Span(NamedTuple):
    """A word, and its place in the text in code points."""

    word: str
    start: int
    end: int


def words(text: str) -> list[str]:
    """The words of a text in their order, as far as it is indexed."""
    text = text[:INDEXED]
    if text.isascii():
        return [word[:LONGEST] for word in PLAIN.findall(text.lower())]
    known: dict[str, list[str]] = {}
    found: list[str] = []
    for raw in WORD.findall(text):
        if raw not in known:
            known[raw] = [span.word for span in _split(raw)]
        found += known[raw]
    return found


def spans(text: str) -> Iterator[Span]:
    """The same one by one, with their places."""
    for match in WORD.finditer(text, 0, INDEXED):
        raw, at = match[0], match.start()
        for word, start, end in _split(raw):
            yield Span(word, at + start, at + end)


def is_unspaced(word: str) -> bool:
    """True for characters of a script without blanks between words."""
    return bool(IS_UNSPACED.match(word))


def _split(raw: str) -> list[Span]:
    """The words in a run of letters, digits and marks, with places in it."""
    if raw.isascii():
        return [Span(raw.lower()[:LONGEST], 0, len(raw))]
    folded = fold(INVISIBLE.sub("", raw)) or ""
    exact = len(folded) == len(raw)  # else a character was folded to none or to several
    found = []
    for piece in WORD.finditer(folded):
        for run in RUN.finditer(piece[0]):
            start, end = piece.start() + run.start(), piece.start() + run.end()
            if not is_unspaced(run[0]):
                found.append(Span(run[0][:LONGEST], start, end))
                continue
            found += [Span(folded[at : at + 2], at, at + 2) for at in range(start, end - 1)]
            found.append(Span(folded[end - 1], end - 1, end))
    if exact:
        return found
    return [Span(word, 0, len(raw)) for word, _, _ in found]
