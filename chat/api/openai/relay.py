"""A reply's frames for a client that cannot take anything back. No I/O.

Over a socket a new attempt replaces what was shown. Here it goes on where its text begins with
what was sent; else the client has to be told that it does not.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from chat.replies.live import Track


class Diverged(Exception):
    """A text does not begin with what was sent of it."""


class Piece(NamedTuple):
    """What a client is to be sent of a track."""

    track: str
    text: str


class Sent:
    """What was sent of one track, and where in it the current attempt's text begins."""

    def __init__(self) -> None:
        self._track = Track()
        self._start = 0

    @property
    def length(self) -> int:
        return self._track.length

    def take(self, at: int, piece: str) -> str:
        """What of the attempt's text is new; `piece` begins at this code point of it.

        Raises `Diverged`.
        """
        known = self._track.after(self._start + at)[: len(piece)]
        if not piece.startswith(known):
            raise Diverged
        new = piece[len(known) :]
        self._track.append(new)
        return new

    def begin_anew(self, at: int, piece: str) -> str:
        """Send this piece, and what follows on it, after all that was sent before."""
        new = f"\n\n{piece}"
        self._track.append(new)
        self._start = self._track.length - at - len(piece)
        return new


class Relay:
    """Takes the frames of one reply in their order."""

    def __init__(self) -> None:
        self._sent = {"text": Sent(), "reasoning": Sent()}

    def take(self, frame: dict[str, Any]) -> list[Piece]:
        """What is to be sent now: nothing for frames without text.

        Raises `Diverged` where the text is another one. Thoughts may be: they are no answer, and
        those of a new attempt follow on the ones before.
        """
        match frame["type"]:
            case "snapshot":
                found = [self._take(track, 0, frame[track]) for track in ("reasoning", "text")]
            case "delta":
                found = [self._take(frame["track"], frame["at"], frame["text"])]
            case "end":
                if frame["length"] is not None and frame["length"] < self._sent["text"].length:
                    raise Diverged
                return []
            case _:
                return []
        return [piece for piece in found if piece.text]

    def _take(self, track: str, at: int, text: str) -> Piece:
        sent = self._sent[track]
        try:
            return Piece(track, sent.take(at, text))
        except Diverged:
            if track == "text":
                raise
        return Piece(track, sent.begin_anew(at, text))


class Whole:
    """The last attempt's text, for an answer that is sent at its end."""

    def __init__(self) -> None:
        self._tracks = {"text": Track(), "reasoning": Track()}

    def take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "snapshot":
            self._tracks = {name: Track(frame[name]) for name in self._tracks}
        elif frame["type"] == "delta":
            self._tracks[frame["track"]].append(frame["text"])

    @property
    def text(self) -> str:
        return self._tracks["text"].whole()

    @property
    def reasoning(self) -> str:
        return self._tracks["reasoning"].whole()
