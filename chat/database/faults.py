"""Faults of the database's storage, for people, monitors and the log."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import InterfaceError, InternalError, OperationalError

from chat.database.sqlite_file import Unusable, check_file
from chat.sentence import Sentence

logger = logging.getLogger(__name__)

LOG_SECONDS = 60.0
RECENT_SECONDS = 10.0
"""Seconds after its last sign at which a fault counts as over: checkpoints show one a second."""

AWAY = Sentence("The server cannot reach its database. Try again in a moment.")
FULL = Sentence(
    "The disk of the server's database is full. Nothing can be saved until there is space."
)
READ_ONLY = Sentence(
    "The server's database is read-only. Nothing can be saved until this is fixed."
)
FAULTY = Sentence(
    "The disk of the server's database has a fault. Nothing can be saved until it is repaired."
)

REASONS: dict[str, str] = {
    FULL: "storage_full",
    READ_ONLY: "storage_read_only",
    FAULTY: "storage_fault",
}
"""Reasons in `status` frames of replies that wait for the storage."""

SENTENCES: dict[str, str] = {reason: said for said, reason in REASONS.items()}
"""The sentences of these reasons."""

_SIGNS: dict[str, str] = {
    "53100": FULL,
    "database or disk is full": FULL,
    "25006": READ_ONLY,
    "attempt to write a readonly database": READ_ONLY,
    "58030": FAULTY,
    "disk I/O error": FAULTY,
}
"""Postgres' code, or the beginning of SQLite's words."""


def sentence(problem: BaseException) -> str:
    """The sentence for people about this error of the database."""
    return _of_storing(problem) or AWAY


def reason(problem: BaseException) -> str:
    """The same for a program, where nothing can be stored; "" for other errors."""
    return REASONS.get(_of_storing(problem), "")


def is_trouble(problem: BaseException | None) -> bool:
    """True if this error is the database's own, and not the query's."""
    if isinstance(problem, InternalError):
        return bool(_of_storing(problem))
    return isinstance(problem, OperationalError | InterfaceError)


def is_logged(problem: BaseException) -> bool:
    """True if `Troubles` logs this error by itself, so that no other line is needed."""
    return bool(_of_storing(problem))


def _of_storing(problem: BaseException) -> str:
    code = getattr(problem.__cause__, "sqlstate", None) or str(problem)
    return next((text for sign, text in _SIGNS.items() if str(code).startswith(sign)), "")


class Troubles:
    """Recent faults of storing; the log has each kind at most once a minute."""

    def __init__(self) -> None:
        self._met: dict[str, float] = {}
        self._logged: dict[str, float] = {}

    def note(self, problem: BaseException) -> None:
        """Remember an error of the database, from any thread; others than these are not kept."""
        text = _of_storing(problem) if isinstance(problem, DatabaseError) else ""
        if not text:
            return
        now = time.monotonic()
        self._met[text] = now
        if now - self._logged.get(text, float("-inf")) >= LOG_SECONDS:
            self._logged[text] = now
            logger.error("%s", text)

    def now(self) -> str:
        """The sentence of the one that was met last and may still hold, or ""."""
        at, text = max(((at, text) for text, at in self._met.items()), default=(0.0, ""))
        return text if time.monotonic() - at < RECENT_SECONDS else ""


troubles = Troubles()


def database_problem(problem: Exception) -> str:
    """The reason that the database cannot be used, as far as it can be found."""
    if settings.SQLITE:
        try:
            check_file(Path(settings.DATABASES["default"]["NAME"]))
        except Unusable as unusable:
            return str(unusable)
    return f"{str(problem).partition('\n')[0]}. Is the database there, and migrated?"
