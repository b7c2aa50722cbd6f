"""A text that the endpoint is given the beginning of, joined with what it adds. No I/O.

Models see "is " + "a" as other tokens than "is" + " a" and continue the former badly, so white
space at the end of the beginning is not sent. What the answer then repeats of it is left out.
"""

from __future__ import annotations

_SPACE = " \t\r\n"


def part_end(text: str) -> tuple[str, str]:
    """The text as it is sent, and the white space at its end that is not.

    A text of white space alone is sent as it is.
    """
    sent = text.rstrip(_SPACE)
    return (sent, text[len(sent) :]) if sent else (text, "")


class Joint:
    """Leaves out what the start of an answer repeats of the space that was not sent."""

    __slots__ = ("_space",)

    def __init__(self, space: str) -> None:
        self._space = space

    @property
    def closed(self) -> bool:
        """Whether everything from here on is new."""
        return not self._space

    def join(self, piece: str) -> str:
        """What of the next piece of the answer is new."""
        size = 0
        for ours, theirs in zip(self._space, piece, strict=False):
            if ours != theirs:
                self._space = ""
                return piece[size:]
            size += 1
        self._space = self._space[size:]
        return piece[size:]
