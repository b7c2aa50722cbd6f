"""Where a continued text joins the kept one. Pure.

A model that is asked to go on often repeats the last words first, or begins the word again in which
it was cut. What it repeats is left out.
"""

from __future__ import annotations

import re

WINDOW = 8000
"""Code points of the kept text that a repetition is looked for in."""

LEAST = 12
"""Code points that count as a repetition; less may be what the text wants to say."""

FRAGMENT = re.compile(r"(?<![\w'])[^\W\d_]{3,}\Z")
"""The beginning of a word at the end of the kept text, long enough to be recognised."""


class Seam:
    """Holds back the beginning of a continuation for as long as it may be a repetition."""

    def __init__(self, kept: str) -> None:
        self._tail = kept[-WINDOW:]
        self._held = ""
        self._open = bool(self._tail)

    def join(self, text: str) -> str:
        """What of the text so far can be appended now; "" while that is not clear."""
        if not self._open:
            return text
        self._held += text
        return "" if self._held.lstrip() in self._tail else self.rest()

    def rest(self) -> str:
        """Decide with what there is: everything held back, without what was repeated."""
        held, self._held, self._open = self._held, "", False
        for said in (held, held.lstrip()):
            for size in range(min(len(said), len(self._tail)), LEAST - 1, -1):
                if self._tail.endswith(said[:size]):
                    return said[size:]
        fragment = FRAGMENT.search(self._tail)
        if fragment and re.match(re.escape(fragment[0]) + r"[^\W\d_]", held):
            return held[len(fragment[0]) :]
        return held
