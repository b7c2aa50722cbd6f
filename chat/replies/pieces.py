"""The texts of replies that have ended, in pieces: those read last are in memory. No I/O.

All followers of a process share them. Missing ones are read from the row, when somebody has
room for it (`following.py`).
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from django.conf import settings

PIECE = 64 * 1024
"""Code points in one piece."""
KEY_BYTES = 400
"""Bytes of a kept piece beside its text."""


class PieceKey(NamedTuple):
    reply: UUID
    attempt: int
    track: str
    at: int
    """Its first code point: a multiple of `PIECE`."""


class Pieces:
    """The pieces that were used last, up to a number of bytes, and never less than two."""

    def __init__(self, limit: Callable[[], int]) -> None:
        self.held = 0
        """Bytes in memory."""
        self._limit = limit
        self._texts: OrderedDict[PieceKey, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._texts)

    def get(self, key: PieceKey) -> str | None:
        text = self._texts.get(key)
        if text is not None:
            self._texts.move_to_end(key)
        return text

    def put(self, key: PieceKey, text: str) -> None:
        before = self._texts.pop(key, None)
        if before is not None:
            self.held -= _size(before)
        self._texts[key] = text
        self.held += _size(text)
        while self.held > self._limit() and len(self._texts) > 2:
            self.held -= _size(self._texts.popitem(last=False)[1])

    def clear(self) -> None:
        self._texts.clear()
        self.held = 0


def _size(text: str) -> int:
    return sys.getsizeof(text) + KEY_BYTES


pieces = Pieces(lambda: settings.STORED_TEXT_BYTES)


class StoredTrack:
    """A text that is complete in its row, and in part at hand; its length is known."""

    __slots__ = ("_attempt", "_name", "_reply", "length")

    def __init__(self, reply: UUID, attempt: int, name: str, length: int) -> None:
        self._reply, self._attempt, self._name = reply, attempt, name
        self.length = length

    def key(self, at: int) -> PieceKey:
        """The piece that has this code point."""
        return PieceKey(self._reply, self._attempt, self._name, at - at % PIECE)

    def missing(self, at: int) -> PieceKey | None:
        """The piece to read for the text from here on; None if it is at hand, or there is none."""
        if at >= self.length or pieces.get(self.key(at)) is not None:
            return None
        return self.key(at)

    def after(self, at: int, most: int = PIECE) -> str:
        """Return the rest of the piece from this code point on; "" if it is not at hand."""
        if at >= self.length:
            return ""
        within = at % PIECE
        return (pieces.get(self.key(at)) or "")[within : within + most]

    def whole(self) -> str:
        """Return the text at hand from the start on: all of it, if it has just ended."""
        found = ""
        while more := self.after(len(found)):
            found += more
        return found

    def keep(self, text: str) -> None:
        """Take the pieces of the whole text, which is at hand anyway just now."""
        for at in range(0, len(text), PIECE):
            pieces.put(self.key(at), text[at : at + PIECE])

    def take(self, at: int, text: str) -> None:
        """A piece, as it was read."""
        if len(text) < min(PIECE, self.length - at):  # the row has less than it says
            self.length = at + len(text)
        if text:
            pieces.put(self.key(at), text)
