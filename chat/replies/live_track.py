"""One growing text of a live reply. No I/O."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from chat.replies.pieces import PieceKey


class LiveTrack:
    """An append-only text, read from any code point on without joining the whole."""

    __slots__ = ("_pieces", "_starts", "length")

    def __init__(self, text: str = "") -> None:
        self._pieces: list[str] = [text] if text else []
        self._starts: list[int] = [0] if text else []
        self.length = len(text)

    def append(self, text: str) -> None:
        if text:
            self._starts.append(self.length)
            self._pieces.append(text)
            self.length += len(text)

    def missing(self, at: int) -> PieceKey | None:
        """Return None, as all of it is at hand."""
        return None

    def after(self, at: int, most: int | None = None) -> str:
        """Return the text from this code point on, `most` of it; "" when there is no more yet.

        The work is in proportion to the text it returns.
        """
        end = self.length if most is None else min(at + most, self.length)
        if at >= end:
            return ""
        if at >= self._starts[-1]:
            return self._pieces[-1][at - self._starts[-1] : end - self._starts[-1]]
        first, last = bisect_right(self._starts, at) - 1, bisect_left(self._starts, end)
        pieces = self._pieces[first:last]
        pieces[-1] = pieces[-1][: end - self._starts[last - 1]]
        pieces[0] = pieces[0][at - self._starts[first] :]
        return "".join(pieces)

    def whole(self) -> str:
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
            self._starts = [0]
        return self._pieces[0] if self._pieces else ""
