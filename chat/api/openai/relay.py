"""A reply's frames for a client that cannot take anything back. No I/O.

Over a socket a new attempt replaces the text shown. Here it goes on if its text begins with the
text sent; else the client gets an error.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from chat.replies import LiveTrack


class Diverged(Exception):
    """A text does not begin with the part of it that was sent."""


class Piece(NamedTuple):
    """A piece of a track for the client."""

    track: str
    text: str


CLOSES = "\n</think>\n\n"
"""Sent where text proves to have been thoughts: the tag that closes them, and the one clients
that know such models look for. It cannot be taken back."""

COMPARED = 1000
"""Code points of thoughts that are compared with the text that was sent."""


class Sent:
    """The text of one track that was sent, and the start of the current attempt's text in it."""

    def __init__(self) -> None:
        self._track = LiveTrack()
        self._start = 0

    @property
    def length(self) -> int:
        """Start of the current attempt in the text that was sent."""
        return self._track.length - self._start

    def take(self, at: int, piece: str) -> str:
        """Return the new part of `piece`, which begins at code point `at` of the attempt's text.

        Raises `Diverged`.
        """
        known = self._track.after(self._start + at, len(piece))
        if not piece.startswith(known):
            raise Diverged
        new = piece[len(known) :]
        self._track.append(new)
        return new

    @property
    def current(self) -> str:
        """The text sent of the current attempt."""
        return self._track.after(self._start)

    def count_as_sent(self, text: str) -> None:
        """This comes next, and the client has it already."""
        self._track.append(text)

    def begin_anew(self, at: int, piece: str, between: str = "\n\n") -> str:
        """Send this piece, and those that follow it, after all that was sent before."""
        new = f"{between}{piece}"
        self._track.append(new)
        self._start = self._track.length - at - len(piece)
        return new


class Relay:
    """Takes the frames of one reply in their order."""

    def __init__(self) -> None:
        self._sent = {"text": Sent(), "reasoning": Sent()}

    def take(self, frame: dict[str, Any]) -> list[Piece]:
        """Return the pieces to be sent now: none for frames without text.

        Raises `Diverged` where the text is another one. Thoughts may be: they are no answer, and
        those of a new attempt follow on the ones before.
        """
        match frame["type"]:
            case "snapshot" if self._are_thoughts(frame["reasoning"], frame["text"]):
                found = self._close_thoughts(frame["reasoning"], frame["text"])
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

    def _are_thoughts(self, reasoning: str, text: str) -> bool:
        """True if the text that was sent has become the thoughts of this snapshot."""
        sent = self._sent["text"].current
        start = sent.strip()[:COMPARED]
        new = reasoning.removeprefix(self._sent["reasoning"].current).lstrip()
        return bool(start) and not text.startswith(sent) and new.startswith(start)

    def _close_thoughts(self, reasoning: str, text: str) -> list[Piece]:
        """Go on with the answer; the client has the thoughts, as text."""
        thoughts = self._sent["reasoning"]
        known = thoughts.current
        new = reasoning.removeprefix(known)
        blanks = new[: len(new) - len(new.lstrip())]
        thoughts.count_as_sent(blanks + self._sent["text"].current.strip())
        answer = self._sent["text"].begin_anew(0, text, CLOSES)
        return [self._take("reasoning", 0, reasoning), Piece("text", answer)]

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
        self._tracks = {"text": LiveTrack(), "reasoning": LiveTrack()}

    def take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "snapshot":
            self._tracks = {name: LiveTrack(frame[name]) for name in self._tracks}
        elif frame["type"] == "delta":
            self._tracks[frame["track"]].append(frame["text"])

    @property
    def text(self) -> str:
        return self._tracks["text"].whole()

    @property
    def reasoning(self) -> str:
        return self._tracks["reasoning"].whole()
