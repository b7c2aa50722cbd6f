"""Wake-ups and titles as jobs of Postgres, in the transaction that made them necessary.

The only module of the models that knows Procrastinate; with SQLite nothing imports it. A job says
only "look at this reply": the row decides, so one that comes twice, late or never does no harm.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import OperationalError, connection
from procrastinate.contrib.django import app
from procrastinate.exceptions import ConnectorException
from procrastinate.types import JSONDict

QUEUE = "replies"
WAKE = "chat.wake"
"""The one task; its argument `reply` is the id of a row. See `chat/replies/worker.py`."""

TITLES = "titles"
"""A queue of their own: processes of a version that makes none leave them alone."""
TITLE = "chat.title"
"""Its argument `reply` is the id of the row whose end calls for a title. A lost job does no harm:
the conversation keeps its first words as the title."""
AFTER_REPLIES = -1
"""Priority of titles; wake-ups have 0."""

STALLED_SECONDS = 60


def defer(reply_ids: Sequence[int], *, again: bool = False) -> None:
    """Store a job for each of these replies, in one statement of the current transaction.

    With `again`, only where none waits to be fetched: with no worker about, they would pile up.
    Raises `OperationalError` where the database goes away, as all else in that transaction does.
    """
    waiting = _waiting() if again else set()
    _store(WAKE, QUEUE, [pk for pk in reply_ids if pk not in waiting])


def defer_titles(reply_ids: Sequence[int]) -> None:
    """The same for titles, which all wake-ups go before."""
    _store(TITLE, TITLES, reply_ids, priority=AFTER_REPLIES)


def _store(task: str, queue: str, reply_ids: Sequence[int], priority: int = 0) -> None:
    jobs: list[JSONDict] = [{"reply": pk} for pk in reply_ids]
    if jobs:
        try:
            app.configure_task(task, queue=queue, priority=priority).batch_defer(*jobs)
        except ConnectorException as problem:  # which is none of Django's
            raise OperationalError("the jobs could not be stored") from problem


def _waiting() -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (args->>'reply')::bigint FROM procrastinate_jobs"
            " WHERE queue_name = %s AND status = 'todo'",
            [QUEUE],
        )
        return {pk for (pk,) in cursor.fetchall()}


def forget_stalled() -> int:
    """Drop the rows of dead workers, and jobs that nobody will finish; returns their number.

    Nothing is lost by it: the sweep wakes a reply again.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT procrastinate_prune_stalled_workers_v1(%s)", [STALLED_SECONDS])
        cursor.execute(
            "DELETE FROM procrastinate_jobs"
            " WHERE queue_name = ANY(%s) AND status <> 'todo' AND worker_id IS NULL",
            [[QUEUE, TITLES]],
        )
        return int(cursor.rowcount)
