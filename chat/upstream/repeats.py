"""One track of an answer, joined from pieces that may repeat earlier ones. No I/O.

Most endpoints send only new text. Some send all text so far in every piece, others all of it once
more at the end, in a last piece or as a message. A text that only looks so (`ha`, `ha`) stays.
"""

from __future__ import annotations

from io import StringIO

from chat.upstream.overlap import shared_prefix

SURE = 8
"""Pieces in a row that repeated all before them, after which no further one changes the verdict."""

LEAST = 3
"""Code points that a single repetition must have to be one: shorter ones happen by chance."""


class Repeats:
    """Joins the pieces of one track; `replaces` says that the text returned before was wrong."""

    def __init__(self) -> None:
        self.replaces = False
        """True if the text just returned replaces all that was returned before."""
        self._text = StringIO()
        self._length = 0
        self._count = 0
        self._pieces: list[str] | None = []
        """All pieces, for as long as each begins with all of the one before."""
        self._shown = ""
        self._so_far: str | None = None
        """The text, once it is sure that each piece is all of it."""
        self._repeated = ""
        self._said_in_pieces = False

    def join(self, piece: str, *, last: bool = False, summary: bool = False) -> str:
        """Return the new text of this piece, which is not empty.

        `last`: it carries the finish reason. `summary`: it is a whole message.
        """
        self.replaces = False
        if summary and self._said_in_pieces:
            return self._summed_up(piece)
        self._said_in_pieces = self._said_in_pieces or not summary
        self._count += 1
        if self._so_far is not None:
            return self._go_on(piece)
        if self._pieces is not None:
            return self._consider(piece, last)
        if last and len(piece) == self._length and self._repeats_all(piece):
            self._repeated += piece
            return ""
        return self._append(piece)

    @property
    def flows(self) -> bool:
        """True if a piece in the middle of the answer is simply new."""
        return self._pieces is None and self._so_far is None and not self._repeated

    def flow(self, words: str, count: int) -> None:
        """Add the words of `count` pieces in the middle of the answer, where it `flows`."""
        self._count += count
        self._length += len(words)
        self._text.write(words)

    def rest(self) -> str:
        """Return the text that the end of the stream makes certain."""
        self.replaces = False
        if not self._pieces or self._is_sure(self._pieces):
            return ""
        return self._decide("".join(self._pieces))

    def whole(self) -> str:
        """All text so far."""
        if self._so_far is not None:
            return self._so_far
        return self._shown if self._pieces is not None else self._text.getvalue()

    # --- pieces that may each be all of the text ------------------------------------------

    def _consider(self, piece: str, last: bool) -> str:
        assert self._pieces is not None
        pieces = self._pieces
        if not pieces:
            pieces.append(piece)
            self._shown = piece
            return piece
        grows = len(piece) > len(pieces[-1])
        if piece.startswith(pieces[-1]) and (grows or self._is_sure(pieces)):
            pieces.append(piece)
            before = len(self._shown)
            sure = self._is_sure(pieces)
            self._shown = piece if sure else piece[: shared_prefix(piece, "".join(pieces))]
            if len(pieces) > SURE:
                self._so_far, self._pieces = piece, None
            return self._shown[before:]
        if last and piece == pieces[0] and len(pieces) == 1 and len(piece) > LEAST:
            new = self._decide(piece)
            self._repeated = piece
            return new
        return self._decide("".join(pieces) + piece)

    def _is_sure(self, pieces: list[str]) -> bool:
        return len(pieces) > 2 or (len(pieces) == 2 and len(pieces[0]) >= LEAST)

    def _decide(self, text: str) -> str:
        """Take each piece from here on as new."""
        shown, self._shown, self._pieces = self._shown, "", None
        self._text.write(text)
        self._length = len(text)
        self.replaces = not text.startswith(shown)
        return text if self.replaces else text[len(shown) :]

    def _go_on(self, piece: str) -> str:
        assert self._so_far is not None
        if piece.startswith(self._so_far):
            new = piece[len(self._so_far) :]
        else:
            new = "" if self._so_far.startswith(piece) else piece
        self._so_far += new
        return new

    # --- pieces that are new --------------------------------------------------------------

    def _append(self, piece: str) -> str:
        if self._repeated:
            # Something follows, so it was no repetition of the whole at the end.
            piece, self._repeated = self._repeated + piece, ""
        self._text.write(piece)
        self._length += len(piece)
        return piece

    def _repeats_all(self, piece: str) -> bool:
        return (self._count > 2 or len(piece) > LEAST) and piece == self._text.getvalue()

    def _summed_up(self, message: str) -> str:
        """Compare a message with the pieces before it; return the end that no piece had."""
        if self._pieces is not None:
            pieces = "".join(self._pieces)
            if message != self._pieces[-1] or message == pieces:
                missing = self._decide(pieces)
                replaces = self.replaces
                new = missing + self._summed_up(message)
                self.replaces = replaces
                return new
        whole = self.whole()
        bare = whole.strip()
        at = message.find(bare) if bare else 0
        if at < 0 or message[:at].strip():
            return ""
        rest = message[at + len(bare) :]
        known = whole[len(whole.rstrip()) :]
        if not rest.strip():
            return ""
        rest = rest.removeprefix(known)
        return self._go_on(whole + rest) if self._so_far is not None else self._append(rest)
