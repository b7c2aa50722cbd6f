"""Parley's application, in which each statement of a Django connection can be noted in a file.

SIGUSR2 begins and ends it. The environment's BENCH_STATEMENTS names the file: a line has the
statement, after the steps SQLite's machine has made since the last one (in hundreds of steps).
Depends on nothing of Parley but the name of its application, so that any commit can be served.
"""

import os
import signal
from collections.abc import Callable
from typing import Any

from django.db.backends.signals import connection_created

STEPS = 100


class Notes:
    """The file, and whether it is written to now."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "a", buffering=1)  # noqa: SIM115  as long as the process
        self._on = False
        self.steps = 0

    def switch(self, *_: object) -> None:
        """Begin, or end."""
        self._on = not self._on
        self.steps = 0

    def step(self) -> None:
        """A hundred steps of SQLite's machine more."""
        self.steps += 1

    def note(self, execute: Callable[..., Any], sql: Any, *rest: Any) -> Any:
        """Django's wrapper around each statement."""
        try:
            return execute(sql, *rest)
        finally:
            if self._on:
                self._file.write(f"{self.steps}\t{' '.join(str(sql).split())}\n")
                self.steps = 0


notes = Notes(os.environ["BENCH_STATEMENTS"])
signal.signal(signal.SIGUSR2, notes.switch)


def _connected(connection: Any, **_: object) -> None:
    if notes.note not in connection.execute_wrappers:
        connection.execute_wrappers.append(notes.note)
    if connection.vendor == "sqlite" and os.environ.get("BENCH_STEPS"):
        connection.connection.set_progress_handler(notes.step, STEPS)


connection_created.connect(_connected)

from chatproject.asgi import application  # noqa: E402  the first connection is already noted

__all__ = ["application"]
