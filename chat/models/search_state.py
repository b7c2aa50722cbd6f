"""State of the search index: how far it is filled, and what deletions left in SQLite's file."""

from __future__ import annotations

import sqlite3

from django.conf import settings
from django.db import connection, models

ONLY = 1
"""The key of the one row."""

ERASES_AT_ONCE = sqlite3.sqlite_version_info >= (3, 42)
"""FTS5 takes deleted words out of the file at once; an older one with the next merge."""


class Hidden(models.Manager[models.Model]):
    """None: a copy of the database by `dumpdata` is indexed anew where it is loaded."""

    def get_queryset(self) -> models.QuerySet[models.Model]:
        return super().get_queryset().none()


class SearchState(models.Model):
    """One row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    below = models.BigIntegerField(
        null=True,
        help_text="Messages with smaller keys are not in the index yet. 0: all are indexed. "
        "Empty: titles are indexed first.",
    )
    deletions = models.BigIntegerField(default=0, db_default=0)
    erased = models.BigIntegerField(
        default=0, db_default=0, help_text="Number of deletions erased from the file."
    )

    objects = Hidden()

    def __str__(self) -> str:
        return f"filled down to {self.below}"


def erase_soon() -> None:
    """Note that texts were deleted or replaced, so that no word of them stays in the file."""
    if not settings.SQLITE or ERASES_AT_ONCE:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO chat_searchstate (id, deletions, erased) VALUES (%s, 1, 0)"
            " ON CONFLICT (id) DO UPDATE SET deletions = deletions + 1",
            [ONLY],
        )
