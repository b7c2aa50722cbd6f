"""Positions in a reply: how much of it somebody has. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple, Self

from chat.sentence import Sentence

MOST = 2**31
"""The largest count in a frame."""
PATTERN = r"[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}"
"""A written position, in addresses, events and the OpenAPI document."""

_WRITTEN = re.compile(PATTERN)


class Position(NamedTuple):
    """An attempt, and for each track the code points from the start of the whole text."""

    attempt: int = 0
    text: int = 0
    reasoning: int = 0

    def __str__(self) -> str:
        return f"{self.attempt}.{self.text}.{self.reasoning}"

    @classmethod
    def parse(cls, written: str) -> Self:
        """`attempt.text.reasoning`, as `str` writes it. Raises ValueError."""
        if not _WRITTEN.fullmatch(written):
            raise ValueError(Sentence("A position is attempt.text.reasoning, as in 1.120.0."))
        return cls(*map(int, written.split(".")))

    def covers(self, other: Position) -> bool:
        """True if a client at this position has the other too; earlier attempts are covered."""
        if self.attempt != other.attempt:
            return self.attempt > other.attempt
        return self.text >= other.text and self.reasoning >= other.reasoning


START = Position()
