"""Order of replies: one runs per conversation, so many per user or token, the oldest first."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import connection, models, transaction
from django.db.models.functions import Now

from chat.database.locks import limits
from chat.models.changes import wake
from chat.models.tokens import Token
from chat.models.values.states import UNFINISHED, Reason, Status


class Unfinished(NamedTuple):
    """A queued or running reply, as far as its turn depends on it."""

    pk: int
    conversation: int
    status: str
    turn: int
    token: int | None
    """The token that queued it, and whose limit counts; None: the user."""


TURN_COLUMNS = "u.id, u.conversation_id, u.status, u.turn, u.token_id"
STATES = ", ".join(f"'{status.value}'" for status in UNFINISHED)


class TurnQuerySet[R: models.Model](models.QuerySet[R]):
    def waiting(self, pk: int) -> tuple[int, str] | None:
        """Its user and its model, while it is queued."""
        queued = self.filter(pk=pk, status=Status.QUEUED)
        found: tuple[int, str] | None = queued.values_list("user_id", "model").first()
        return found

    def wake_forgotten(self, seconds: float = 5) -> list[int]:
        """Wake replies that could run and that nobody has examined for so long; returns their ids.

        A wake-up may thus be lost anywhere. Of several processes that look, one wakes each.
        """
        stale = models.Q(woken_at=None) | models.Q(woken_at__lt=Now() - timedelta(seconds=seconds))
        before = self.filter(
            models.Q(status=Status.RUNNING) | models.Q(turn__lt=models.OuterRef("turn")),
            conversation=models.OuterRef("conversation"),
            status__in=UNFINISHED,
        )
        queued = self.filter(status=Status.QUEUED, created__lt=Now() - timedelta(seconds=seconds))
        first = queued.filter(stale).exclude(models.Exists(before)).order_by("turn")
        ids = list(first.values_list("pk", flat=True)[:500])
        if not ids:
            return []
        with transaction.atomic():
            # Without the counters' locks: rows that somebody else holds are being examined.
            rows = self.select_for_update(skip_locked=True, no_key=True)
            rows = rows.filter(stale, pk__in=ids, status=Status.QUEUED)
            found = rows.order_by("turn").values_list("pk", *limits().values())
            ids = [pk for pk, *_ in found]
            self.filter(pk__in=ids).update(woken_at=Now())
            wake(ids, again=True)
        return ids


def wake_next(user_id: int) -> None:
    """Wake replies that could run now. Every end or removal of a reply does so."""
    wake(first_in_line(unfinished(user_id)))


def unfinished(user_id: int) -> list[Unfinished]:
    """The user's replies that have not ended, in turn. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {TURN_COLUMNS} FROM chat_message u"  # noqa: S608
            " WHERE u.user_id = %s AND u.status IN (%s, %s) ORDER BY u.turn",
            [user_id, *UNFINISHED],
        )
        return [Unfinished(*row) for row in cursor.fetchall()]


def beside_unfinished(
    sql: str, values: Sequence[Any], user_id: int
) -> tuple[tuple[Any, ...] | None, list[Unfinished]]:
    """The one row of a statement, or None, and `unfinished` beside it. Still one statement.

    `sql` has `{turns}` for the first columns, and `{join}` behind its tables. Without a row there
    are no replies either.
    """
    join = f" LEFT JOIN chat_message u ON u.user_id = {int(user_id)} AND u.status IN ({STATES})"
    with connection.cursor() as cursor:
        cursor.execute(sql.format(turns=TURN_COLUMNS, join=join) + " ORDER BY u.turn", values)
        found = cursor.fetchall()
    size = len(Unfinished._fields)
    rows = [Unfinished(*row[:size]) for row in found if row[0] is not None]
    return (found[0][size:] if found else None), rows


def reason_to_wait(
    rows: Iterable[Unfinished], conversation: int | None, turn: int, token: int | None
) -> str:
    """The reason that a reply with this turn cannot run now, or "".

    `rows` are its user's unfinished ones. For a token's reply its limit and its replies count.
    """
    running = 0
    for row in rows:
        if row.status == Status.RUNNING and row.token == token:
            running += 1
        if row.conversation == conversation and (row.status == Status.RUNNING or row.turn < turn):
            return Reason.BEHIND
    limit = Token.objects.places([token])[token].running
    return Reason.USER_LIMIT if running >= limit else ""


def first_in_line(rows: Sequence[Unfinished]) -> list[int]:
    """The queued replies of a user that could run now: the first of each idle conversation.

    No more of them than there are places, the oldest first.
    """
    queued = [row for row in rows if row.status == Status.QUEUED]
    if not queued:
        return []
    taken = {row.conversation for row in rows if row.status == Status.RUNNING}
    places = Token.objects.places({row.token for row in queued})
    running = Tally(row.token for row in rows if row.status == Status.RUNNING)
    first = []
    for row in queued:
        if row.conversation in taken:
            continue
        taken.add(row.conversation)
        if running[row.token] < places[row.token].running:
            running[row.token] += 1
            first.append(row.pk)
    return first
