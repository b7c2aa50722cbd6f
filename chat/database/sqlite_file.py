"""Test before a start: can SQLite work on its file? If not, one sentence says why."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryFile

BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


ROOM = 64 * 1024
"""Bytes: a little more than SQLite's two files beside its own begin with."""
ADVICE = {
    errno.ENOSPC: "free some room there",
    errno.EDQUOT: "free some room there",
    errno.EROFS: "mount it so that it can be written",
}


class Unusable(Exception):
    """The file cannot be used; the text has cause and remedy."""


def check_file(path: Path) -> None:
    """Try to write beside the file and in it. Raises `Unusable`.

    Tried, not looked up: neither a read-only mount nor a folder that is none shows in permissions.
    """
    if path.name.startswith((":", "file:")):
        return
    folder = path.parent
    try:
        with TemporaryFile(dir=folder) as beside:  # SQLite makes two files beside its own
            beside.write(bytes(ROOM))
    except OSError as problem:
        advice = "make it, give this user the right to write there"
        advice = ADVICE.get(problem.errno or 0, advice)
        raise Unusable(
            f"SQLite cannot write in the folder {folder} ({problem.strerror}): {advice}, "
            "or set DATABASE_URL to another file."
        ) from None
    try:
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as opened:
            opened.execute("BEGIN IMMEDIATE")
            opened.execute("ROLLBACK")
    except sqlite3.Error as problem:
        if getattr(problem, "sqlite_errorcode", 0) & 0xFF in BUSY:
            return  # somebody else writes in it just now
        raise Unusable(
            f"SQLite cannot write in {path} ({problem}): give this user the right to write in it, "
            "or set DATABASE_URL to another file."
        ) from None
