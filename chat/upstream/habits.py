"""Habits of models, learned from one answer for the next ones. No I/O."""

from __future__ import annotations

MOST = 200
"""Models that are remembered of one endpoint; the oldest is forgotten first."""


class Models:
    """Names of models, at most `MOST` of them."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def __len__(self) -> int:
        return len(self._names)

    def add(self, name: str) -> None:
        self.discard(name)
        self._names[name] = None
        if len(self._names) > MOST:
            del self._names[next(iter(self._names))]

    def discard(self, name: str) -> None:
        self._names.pop(name, None)


class Habits:
    """Habits that the models of one endpoint have shown.

    A chat template that opens the thoughts itself shows only when they are closed. Once that is
    known of a model, its next answers are not shown as text first.
    """

    def __init__(self) -> None:
        self.begin_in_thoughts = Models()
        self.cannot_stream = Models()

    def learn(self, model: str, began: bool | None) -> None:
        """Take note of whether an answer began in its thoughts; None where it did not show."""
        if began:
            self.begin_in_thoughts.add(model)
        elif began is not None:
            self.begin_in_thoughts.discard(model)
