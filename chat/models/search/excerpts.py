"""Excerpts: the part of a text around what was searched for, with the found words marked. Pure."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from chat.database.words import Span, spans
from chat.models.search.terms import Term

LENGTH = 180
"""Code points of an excerpt, about."""
BEFORE = 50
"""Code points before the first marked word."""
LOOKED_AT = 200
"""Marked words among which the best place is looked for."""
BLANKS = re.compile(r"\s+")


class MarkedPiece(NamedTuple):
    """A part of an excerpt, marked or not."""

    text: str
    is_marked: bool


class Mark(NamedTuple):
    """A found term: its number among the terms, and its place in code points."""

    term: int
    start: int
    end: int


def marks(text: str, terms: Sequence[Term], most: int = LOOKED_AT) -> list[Mark]:
    """Places of the terms in a text, from its beginning: about as many as asked for."""
    longest = max((len(term.words) for term in terms), default=1)
    last: deque[Span] = deque(maxlen=longest)
    found: list[Mark] = []
    unseen = set(range(len(terms)))
    for span in spans(text):
        last.append(span)
        said = [one.word for one in last]
        for number, term in enumerate(terms):
            if term.ends_at(said, len(said) - 1):
                found.append(Mark(number, last[-len(term.words)].start, span.end))
                unseen.discard(number)
        if len(found) >= most and not unseen:
            break
    return found


def excerpt(text: str, terms: Sequence[Term]) -> list[MarkedPiece]:
    """The part of a text with most of the terms; its beginning where none is found."""
    found = marks(text, terms)
    first = _best(found)
    start = _word_start(text, max(0, first.start - BEFORE)) if first else 0
    least = first.end if first else 0
    end = _word_end(text, max(start + LENGTH, least), least)
    return pieces(text, [mark for mark in found if start <= mark.start and mark.end <= end],
                  start, end)  # fmt: skip


def pieces(text: str, found: Sequence[Mark], start: int, end: int) -> list[MarkedPiece]:
    """The text between these places, with marks; dots where it was cut, blanks on one line."""
    cut: list[MarkedPiece] = []
    at = start
    for mark in sorted(found, key=lambda one: (one.start, -one.end)):
        if mark.end <= at:
            continue
        if cut and cut[-1].is_marked and mark.start <= at:  # overlapping pairs are one mark
            cut[-1] = MarkedPiece(cut[-1].text + text[at : mark.end], True)
        else:
            cut.append(MarkedPiece(text[at : max(at, mark.start)], False))
            cut.append(MarkedPiece(text[max(at, mark.start) : mark.end], True))
        at = mark.end
    cut.append(MarkedPiece(text[at:end], False))
    tidy = [MarkedPiece(BLANKS.sub(" ", piece.text), piece.is_marked) for piece in cut]
    if start > 0:
        tidy.insert(0, MarkedPiece("… ", False))
    if end < len(text):
        tidy.append(MarkedPiece(" …", False))
    return _joined(tidy)


def _joined(cut: list[MarkedPiece]) -> list[MarkedPiece]:
    found: list[MarkedPiece] = []
    for piece in cut:
        if not piece.text:
            continue
        if found and found[-1].is_marked == piece.is_marked:
            found[-1] = MarkedPiece(found[-1].text + piece.text, piece.is_marked)
        else:
            found.append(piece)
    return found


def _best(found: Sequence[Mark]) -> Mark | None:
    """The first mark of the stretch of an excerpt's length that has most terms."""
    best, most = None, 0
    for number, mark in enumerate(found):
        near = {mark.term}
        for other in found[number + 1 :]:
            if other.end > mark.start + LENGTH - BEFORE:
                break
            near.add(other.term)
        if len(near) > most:
            best, most = mark, len(near)
    return best


def _word_start(text: str, at: int) -> int:
    """The next begin of a word, unless that is far."""
    if at == 0:
        return 0
    blank = BLANKS.search(text, at, at + 20)
    return blank.end() if blank else at


def _word_end(text: str, at: int, least: int) -> int:
    if at >= len(text):
        return len(text)
    blank = max(text.rfind(" ", at - 20, at), text.rfind("\n", at - 20, at))
    return blank if blank > least else at
