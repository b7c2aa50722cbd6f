"""An answer in the channels of gpt-oss' format, where its server has not taken them apart. No I/O.

    <|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…<|return|>

The channel `final` is the answer, the others are thoughts (https://cookbook.openai.com/articles/openai-harmony).
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r"<\|(start|channel|constrain|message|end|return|call)\|>")
_PARTIAL = re.compile(r"<(?:\|(?:[a-z]{0,9}\|?)?)?\Z")
_HEADER = 200
"""Code points of a header; a longer one is none, but text."""


class Channels:
    """Separates the pieces of a text into answer and thoughts."""

    def __init__(self) -> None:
        self._held = ""
        self._header: str | None = ""
        """The header since the last message, or None within one."""
        self._channel = ""
        self._between = False
        """True after the end of a message, until the next header begins."""
        self._thought = False
        self._text: list[str] = []
        self._thoughts: list[str] = []

    def feed(self, piece: str, *, ended: bool = False) -> tuple[str, str]:
        """Split a piece into text and thoughts."""
        self._held += piece
        while found := _TOKEN.search(self._held):
            self._take(self._held[: found.start()])
            self._held = self._held[found.end() :]
            self._mark(found[1])
        partial = None if ended else _PARTIAL.search(self._held)
        keep = partial.start() if partial else len(self._held)
        self._take(self._held[:keep])
        self._held = self._held[keep:]
        text, thoughts = "".join(self._text), "".join(self._thoughts)
        self._text.clear()
        self._thoughts.clear()
        return text, thoughts

    def _mark(self, token: str) -> None:
        self._between = False
        match token:
            case "message":
                said = self._header or ""
                # A message without a channel is the answer.
                self._channel = said.rpartition("\0")[2].strip() if "\0" in said else "final"
                self._header = None
                if self._thought and not self._is_answer:
                    self._thoughts.append("\n\n")
            case "channel":
                self._header = (self._header or "") + "\0"
            case "start":
                self._header = ""
            case "end" | "return" | "call":
                self._header, self._between = "", True

    @property
    def _is_answer(self) -> bool:
        return self._channel.startswith("final")

    def _take(self, words: str) -> None:
        if not words:
            return
        if self._header is None:
            (self._text if self._is_answer else self._thoughts).append(words)
            self._thought = self._thought or not self._is_answer
            return
        self._header += words
        # Words without a header, or with more than one has, are the answer of a model that errs.
        if (self._between and self._header.strip()) or len(self._header) > _HEADER:
            self._text.append(self._header.replace("\0", "").lstrip())
            self._header, self._channel = None, "final"
