"""Overlap of a text and its continuation. No I/O.

A model that is asked to continue a text often repeats its last words first, or the word in which
it was cut. Models also see "is " + "a" as other tokens than "is" + " a" and continue the former
badly. White space at the end of the text is therefore not sent, and may come back. Both
repetitions are left out here.
"""

from __future__ import annotations

import re

WINDOW = 8000
"""Code points at the end of the kept text that are searched for a repetition."""

LEAST = 12
"""Code points that count as a repetition; less may be intended."""

FRAGMENT = re.compile(r"(?<![\w'])[^\W\d_]{3,}\Z")
"""The beginning of a word at the end of the kept text, long enough to be recognised."""

_SPACE = " \t\r\n"


def shared_prefix(one: str, other: str) -> int:
    """Length of the longest common beginning."""
    for at, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return at
    return min(len(one), len(other))


def overlap(before: str, after: str) -> int:
    """Length of the longest end of `before` that begins `after`; 0 for less than `LEAST`.

    One pass over each, by Knuth, Morris and Pratt: `borders` has, for each
    length of a repetition, the longest shorter one that ends alike.
    """
    sought = after[: len(before)]
    if len(sought) < LEAST or sought[:LEAST] not in before:
        return 0
    borders = [0] * (len(sought) + 1)
    size = 0
    for at in range(1, len(sought)):
        while size and sought[at] != sought[size]:
            size = borders[size]
        size += sought[at] == sought[size]
        borders[at + 1] = size
    size = 0
    for letter in before:
        while size and (size == len(sought) or letter != sought[size]):
            size = borders[size]
        size += letter == sought[size]
    return size


class TextOverlap:
    """Removes from a continuation its repetition of the kept text.

    Holds back the beginning for as long as it may be a repetition.
    """

    def __init__(self, kept: str) -> None:
        self._tail = kept[-WINDOW:]
        self._held = ""
        self._open = bool(self._tail)

    def remove(self, piece: str) -> str:
        """Return the text that can be appended now; "" while that is uncertain."""
        if not self._open:
            return piece
        self._held += piece
        # Blanks alone are part of every text; they do not keep an endless one here.
        few = len(self._held) <= WINDOW
        return "" if few and self._held.lstrip() in self._tail else self.rest()

    def rest(self) -> str:
        """Return the text held back, without the repetition, and hold back nothing more."""
        held, self._held, self._open = self._held, "", False
        for text in (held, held.lstrip()):
            if (size := overlap(self._tail, text)) >= LEAST:
                return text[size:]
        fragment = FRAGMENT.search(self._tail)
        if fragment and re.match(re.escape(fragment[0]) + r"[^\W\d_]", held):
            return held[len(fragment[0]) :]
        return held


def split_space(text: str) -> tuple[str, str]:
    """The text as it is sent, and the white space at its end that is not.

    A text of white space alone is sent as it is.
    """
    sent = text.rstrip(_SPACE)
    return (sent, text[len(sent) :]) if sent else (text, "")


class SpaceOverlap:
    """Removes from the start of an answer the white space that was not sent."""

    __slots__ = ("_at", "_space")

    def __init__(self, space: str) -> None:
        self._space, self._at = space, 0

    def remove(self, piece: str) -> str:
        """Return the new part of the next piece of the answer."""
        same = shared_prefix(self._space[self._at : self._at + len(piece)], piece)
        self._at = self._at + same if same == len(piece) else len(self._space)
        return piece[same:]
