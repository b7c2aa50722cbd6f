"""Texts that count how much of them is looked at, for rules about work instead of time."""

from __future__ import annotations

import threading
from typing import Any


class Counted(str):
    """A text that counts the characters which are cut out of it or searched, and in which thread.

    A search for `n` characters may compare each of them at every place.
    """

    def __new__(cls, text: str) -> Counted:
        made = super().__new__(cls, text)
        made.read = {}
        return made

    read: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.read.values())

    def _note(self, characters: int) -> None:
        name = threading.current_thread().name
        self.read[name] = self.read.get(name, 0) + characters

    def __getitem__(self, key: Any) -> str:
        piece = super().__getitem__(key)
        self._note(len(piece))
        return piece

    def __contains__(self, other: object) -> bool:
        self._note(len(self))
        return super().__contains__(other)  # type: ignore[operator]

    def find(self, *args: Any) -> int:
        self._note(len(self))
        return super().find(*args)

    def replace(self, *args: Any) -> str:
        self._note(len(self))
        return super().replace(*args)
