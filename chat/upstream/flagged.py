"""Content that a flag beside it calls thoughts, as Gemini sends it. No I/O.

    {"content": "<thought>Let me", "extra_content": {"google": {"thought": true}}}
    {"content": " see.", "extra_content": {"google": {"thought": true}}}
    {"content": "</thought>Hello!"}

An answer that is no stream has the same flag, and the answer after the tag. Without a tag at the
start all that is flagged is thoughts.
"""

from __future__ import annotations

from chat.upstream.thoughts import Routed, Router


class Flagged:
    """Separates thoughts from text in the pieces that are flagged."""

    def __init__(self) -> None:
        self._router: Router | None = Router()
        self._begun = ""
        """The pieces so far, while they may still begin with a tag."""

    def feed(self, piece: str) -> Routed:
        """Split a piece into text and thoughts."""
        if self._router is None:
            return Routed("", piece)
        said = self._router.feed(piece)
        if self._router.opened:
            self._begun = ""
            return said
        self._begun += piece
        if self._router.starts:
            return Routed()
        self._router = None
        return Routed("", self._begun)

    def rest(self) -> Routed:
        """Return the text held back, once the stream ends or goes on without the flag."""
        router, begun = self._router, self._begun
        self.__init__()  # type: ignore[misc]  # thoughts may come again
        if router is None:
            return Routed()
        return router.finish(orderly=False) if router.opened else Routed("", begun)
