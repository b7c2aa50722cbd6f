"""Changes of a user's objects, in order: the counter, the tombstones, the listeners.

Every transaction that changes the status, the owner or the tree of a user's messages first locks
that user's counter row. That one lock orders all such transactions (stop against claim without it
deadlocks) and hands out the `seq` each changed object carries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from django.conf import settings
from django.db import connection, models, transaction
from django.utils import timezone

from chat.database.locks import limits, limits_sql, waiting_for
from chat.database.statements import update

if TYPE_CHECKING:
    from chat.models.attempts import Claim
    from chat.models.conversations import Conversation
    from chat.models.folders import Folder
    from chat.models.messages import Message

Event = Literal["created", "updated", "deleted"]
Kind = Literal["conversation", "message", "folder"]


@dataclass(frozen=True)
class Change:
    """One changed object of one user, sent to that user's connections after the commit."""

    kind: Kind
    event: Event
    uid: UUID
    seq: int
    row: Conversation | Message | Folder | None
    """The row as committed; None for a deletion."""


class Listener:
    """Calls into the process that serves or produces, which sets them when it starts.

    `wake` and `untitled` are for SQLite only. `claiming` encloses a transaction that stores
    replies, and gives the owner that may claim one in it, or None; a claim is handed to `claimed`
    after the commit.
    """

    def __init__(self) -> None:
        self.announce: Callable[[int, Sequence[Change]], None] | None = None
        self.wake: Callable[[Sequence[int]], None] | None = None
        self.untitled: Callable[[int], None] | None = None
        self.claiming: Callable[[], AbstractContextManager[int | None]] | None = None
        self.claimed: Callable[[Claim], None] | None = None


listener = Listener()


def wake(reply_ids: Sequence[int], *, again: bool = False) -> None:
    """Ask for `claim` to be called on these replies once the current transaction is committed.

    With Postgres by a job that this transaction stores, for the worker of any process; with
    SQLite by a call in this one. With `again`, a job that still waits is enough.
    """
    if not reply_ids:
        return
    if not settings.SQLITE:
        from chat.models.attempting.jobs import defer

        defer(reply_ids, again=again)
        return

    def after_commit() -> None:
        if listener.wake is not None:
            listener.wake(reply_ids)

    transaction.on_commit(after_commit)


class Deactivated(Exception):
    """An attempt should begin for a user whose account is no longer active."""


class CounterQuerySet(models.QuerySet["Counter"]):
    @contextmanager
    def held(self, user_id: int) -> Iterator[Counter]:
        """A transaction under the lock of this user's counter: the first lock of every writer.

        The counter is written once, at its end.
        """
        with transaction.atomic():
            counter = self.lock(user_id)
            yield counter
            counter.store()

    @contextmanager
    def held_if_free(self, user_id: int) -> Iterator[Counter | None]:
        """The same, or None at once where somebody has locked it."""
        with transaction.atomic():
            locked = self.select_for_update(no_key=True, skip_locked=True).annotate(**limits())
            counter = locked.filter(user_id=user_id).first()
            yield counter
            if counter is not None:
                counter.store()

    def lock(self, user_id: int) -> Counter:
        """Lock it in the current transaction; to count, use `held`."""
        with waiting_for(user_id):
            counter = _locked(user_id)
            if counter is None:
                self.get_or_create(user_id=user_id)
                counter = _locked(user_id)
        if counter is None:
            raise Counter.DoesNotExist
        return counter

    def current(self, user_id: int) -> int:
        """The user's counter as it stands; 0 before their first change."""
        return self.filter(user_id=user_id).values_list("value", flat=True).first() or 0


def _locked(user_id: int) -> Counter | None:
    lock = "" if settings.SQLITE else " FOR NO KEY UPDATE OF c"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT c.value, c.forgotten, u.is_active{limits_sql()} FROM chat_counter c"  # noqa: S608
            f" JOIN auth_user u ON u.id = c.user_id WHERE c.user_id = %s{lock}",
            [user_id],
        )
        found = cursor.fetchone()
    if found is None:
        return None
    counter = Counter(user_id=user_id, value=found[0], forgotten=found[1])
    counter.active = bool(found[2])
    return counter


class Counter(models.Model):
    """The number of changes that a user's objects have seen."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="chat_counter",
    )
    value = models.BigIntegerField(default=0)
    forgotten = models.BigIntegerField(
        default=0, help_text="Highest number of which deletions are forgotten."
    )

    objects = CounterQuerySet.as_manager()

    active = True
    """True if the user's account was active when the counter was locked."""
    pending: list[Change]
    stored: int
    """The value as the row has it."""
    for_active: bool
    """True if the changes may only be stored while the user's account is active."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pending = []
        self.stored = self.value
        self.for_active = False

    def __str__(self) -> str:
        return f"{self.user_id}: {self.value}"

    def next(self) -> int:
        """Take the next number, within `held`."""
        if not self.pending:
            transaction.on_commit(self._announce)
        self.value += 1
        return self.value

    def store(self) -> None:
        """Write the counter, if it has changed.

        Fails where somebody else counted in the same transaction: numbers would be given twice.
        Raises `Deactivated` where `for_active` no longer holds: `active` may be older than the
        lock, since Postgres reads other rows than the locked one as of the begin of the wait.
        """
        if self.value != self.stored:
            if not (self._store_if_active() if self.for_active else self._store()):
                raise RuntimeError("the counter was held twice at once")
            self.stored = self.value

    def _store(self) -> bool:
        return update(self, ["value"], value=self.stored)

    def _store_if_active(self) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE chat_counter SET value = %s WHERE user_id = %s AND value = %s AND EXISTS"
                " (SELECT 1 FROM auth_user WHERE auth_user.id = user_id AND is_active)",
                [self.value, self.pk, self.stored],
            )
            if cursor.rowcount:
                return True
        if Counter.objects.filter(pk=self.pk, user__is_active=True).exists():
            return False
        raise Deactivated

    def record(self, row: Conversation | Message | Folder, event: Event) -> None:
        """Note a changed row: it gets the next number, which the caller saves with it."""
        row.seq = self.next()
        self.pending.append(Change(row.KIND, event, row.uid, row.seq, row))

    def record_deletion(self, kind: Kind, uid: UUID) -> None:
        """Leave a tombstone, so that a client that was away learns of the deletion."""
        seq = self.next()
        Deletion.objects.create(user_id=self.user_id, kind=kind, uid=uid, seq=seq)
        self.pending.append(Change(kind, "deleted", uid, seq, None))

    def _announce(self) -> None:
        changes, self.pending = [_as_seen(change) for change in self.pending], []
        if listener.announce is not None:
            listener.announce(self.user_id, changes)


def _as_seen(change: Change) -> Change:
    """The change as it is told: an object of a removed conversation is a deleted one."""
    row: Any = change.row
    chat = row if change.kind == "conversation" else None
    if change.kind == "message" and row is not None:
        chat = row._state.fields_cache.get("conversation")
    if chat is None or chat.deleted_at is None:
        return change
    return Change(change.kind, "deleted", change.uid, change.seq, None)


class DeletionQuerySet(models.QuerySet["Deletion"]):
    def forget_old(self) -> int:
        """Drop tombstones older than `CHANGES_DAYS`; returns how many."""
        old = self.filter(at__lt=timezone.now() - timedelta(days=settings.CHANGES_DAYS))
        newest = old.order_by().values("user_id").annotate(seq=models.Max("seq"))
        gone = 0
        for user_id, seq in list(newest.values_list("user_id", "seq")):
            with Counter.objects.held_if_free(user_id) as counter:
                if counter is None:
                    continue  # next time
                Counter.objects.filter(pk=counter.pk, forgotten__lt=seq).update(forgotten=seq)
                gone += self.filter(user_id=user_id, seq__lte=seq).delete()[0]
        return gone


class Deletion(models.Model):
    """The tombstone of a conversation, message or folder."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(
        max_length=12,
        choices=[("conversation", "conversation"), ("message", "message"), ("folder", "folder")],
    )
    uid = models.UUIDField()
    seq = models.BigIntegerField()
    at = models.DateTimeField(auto_now_add=True)

    objects = DeletionQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["user", "seq"]), models.Index(fields=["at"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.uid}"
