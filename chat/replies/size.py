"""The size of a reply, and the room that is left in it."""

from __future__ import annotations

from django.conf import settings


class Size:
    """Bytes of one attempt, with the kept text of earlier ones."""

    def __init__(self, text: str, reasoning: str) -> None:
        self._bytes = len(text.encode()) + len(reasoning.encode())
        self._kept_thoughts = bool(reasoning)
        self._thought = False
        self._limit: int = settings.REPLY_BYTES

    def fit(self, text: str, reasoning: str) -> tuple[str, str, bool]:
        """The part of it that fits into the reply, and True if that is all."""
        if reasoning and not self._thought and self._kept_thoughts:
            reasoning = f"\n\n{reasoning}"  # these are new thoughts, and no continuation
        self._thought = self._thought or bool(reasoning)
        size = len(text.encode()) + len(reasoning.encode())
        room = self._limit - self._bytes
        if size > room:
            reasoning = _first_bytes(reasoning, room)
            text = _first_bytes(text, room - len(reasoning.encode()))
        self._bytes += size
        return text, reasoning, size <= room


def _first_bytes(text: str, limit: int) -> str:
    return text.encode()[: max(limit, 0)].decode(errors="ignore")
