"""The two texts of a reply, cleaned: what may be stored and sent as UTF-8. No I/O."""

from __future__ import annotations

import re

_LONE = re.compile("[\ud800-\udfff]")
_OPEN = "<think>"
_CLOSE = "</think>"


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
        """Return what was added since the last call; half a pair waits for its other half."""
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


class ThinkRouter:
    """Sends `<think>…</think>` at the start of a text to the reasoning.

    Only what might be the beginning of a tag is held back, so an answer without one goes through
    at once. The line breaks around the tags belong to neither text.
    """

    __slots__ = ("_held", "_state")

    def __init__(self) -> None:
        self._held = ""
        self._state = self._before

    def feed(self, piece: str) -> tuple[str, str]:
        """Split a piece into text and reasoning."""
        piece = self._held + piece
        self._held = ""
        return self._state(piece)

    @property
    def plain(self) -> bool:
        """Whether everything from here on is text."""
        return self._state == self._text

    def finish(self) -> tuple[str, str]:
        """Return what was held back when the stream ended."""
        held, self._held = self._held, ""
        return ("", held) if self._state == self._thinking else (held, "")

    def _text(self, piece: str) -> tuple[str, str]:
        return piece, ""

    def _before(self, piece: str) -> tuple[str, str]:
        start = piece.lstrip()
        if start.startswith(_OPEN):
            self._state = self._thinking_starts
            return self._thinking_starts(start[len(_OPEN) :])
        if _OPEN.startswith(start):
            self._held = piece
            return "", ""
        self._state = self._text
        return piece, ""

    def _thinking_starts(self, piece: str) -> tuple[str, str]:
        piece = piece.lstrip("\r\n")
        if not piece:
            return "", ""
        self._state = self._thinking
        return self._thinking(piece)

    def _thinking(self, piece: str) -> tuple[str, str]:
        reasoning, found, text = piece.partition(_CLOSE)
        if found:
            self._state = self._text_starts
            return self._text_starts(text)[0], reasoning.rstrip("\r\n")
        keep = _open_end(piece)
        self._held = piece[keep:]
        return "", piece[:keep]

    def _text_starts(self, piece: str) -> tuple[str, str]:
        piece = piece.lstrip("\r\n")
        if piece:
            self._state = self._text
        return piece, ""


def _open_end(piece: str) -> int:
    """Where the part begins that the next piece may turn into the closing tag."""
    for size in range(min(len(piece), len(_CLOSE) - 1), 0, -1):
        if _CLOSE.startswith(piece[-size:]):
            size = len(piece) - size
            break
    else:
        size = len(piece)
    return len(piece[:size].rstrip("\r\n"))


def clean(text: str) -> str:
    """Clean a whole text as a `Track` cleans its pieces."""
    track = Track()
    track.add(text)
    return track.take(last=True)
