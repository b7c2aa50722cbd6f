"""The two texts of a reply, cleaned so that they can be stored and sent as UTF-8. No I/O."""

from __future__ import annotations

import re

_LONE = re.compile("[\ud800-\udfff]")


class Track:
    """Joins the pieces of one text and cleans them.

    NUL is dropped (PostgreSQL stores none), a surrogate pair that was split over two pieces is
    joined, a lone surrogate becomes U+FFFD.
    """

    __slots__ = ("_high", "_pieces")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._high = ""

    def add(self, piece: str) -> None:
        """Append a piece."""
        self._pieces.append(piece)

    def take(self, last: bool = False) -> str:
        """Return the text added since the last call; half a pair waits for its other half."""
        if not self._pieces and not (last and self._high):
            return ""
        text = self._pieces[0] if len(self._pieces) == 1 else "".join(self._pieces)
        self._pieces.clear()
        if "\0" in text:
            text = text.replace("\0", "")
        if self._high or not text.isascii():
            text = self._join(text, last)
        return text

    def _join(self, text: str, last: bool) -> str:
        text = self._high + text
        self._high = ""
        if _LONE.search(text) is None:
            return text
        if not last and "\ud800" <= text[-1] <= "\udbff":
            text, self._high = text[:-1], text[-1]
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def clean(text: str) -> str:
    """Clean a whole text as a `Track` cleans its pieces."""
    track = Track()
    track.add(text)
    return track.take(last=True)
