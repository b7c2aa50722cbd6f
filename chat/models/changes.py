"""What changed for a user, in order: the counter, the tombstones, and who is told.

Every transaction that changes the status, the owner or the tree of a user's messages first locks
that user's counter row. That one lock orders all such transactions (stop against claim without it
deadlocks) and hands out the `seq` each changed object carries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from chat.models.locks import limits

if TYPE_CHECKING:
    from chat.models.conversations import Conversation
    from chat.models.messages import Message

Event = Literal["created", "updated", "deleted"]


@dataclass(frozen=True)
class Change:
    """One changed object of one user, as told to that user's connections after the commit."""

    kind: Literal["conversation", "message"]
    event: Event
    uid: UUID
    seq: int
    row: Conversation | Message | None
    """The row as committed; None for a deletion."""


class Listener:
    """Who hears of commits: the process sets both when it starts; before that nobody does.

    `wake` is for SQLite only.
    """

    def __init__(self) -> None:
        self.announce: Callable[[int, Sequence[Change]], None] | None = None
        self.wake: Callable[[Sequence[int]], None] | None = None


listener = Listener()


def wake(reply_ids: Sequence[int], *, again: bool = False) -> None:
    """Ask for `claim` to be called on these replies once the current transaction is committed.

    With Postgres by a job that this transaction stores, for the worker of any process; with
    SQLite by a call in this one. With `again`, a job that still waits is enough.
    """
    if not reply_ids:
        return
    if not settings.SQLITE:
        from chat.models.jobs import defer

        defer(reply_ids, again=again)
        return

    def after_commit() -> None:
        if listener.wake is not None:
            listener.wake(reply_ids)

    transaction.on_commit(after_commit)


class CounterQuerySet(models.QuerySet["Counter"]):
    def lock(self, user_id: int) -> Counter:
        """Lock this user's counter until the transaction ends: the first lock of every writer."""
        locked = self.select_for_update(no_key=True).annotate(**limits())
        counter = locked.filter(user_id=user_id).first()
        if counter is None:
            self.get_or_create(user_id=user_id)
            counter = locked.get(user_id=user_id)
        return counter

    def lock_if_free(self, user_id: int) -> Counter | None:
        """The same, or None at once where somebody has locked it."""
        locked = self.select_for_update(no_key=True, skip_locked=True).annotate(**limits())
        return locked.filter(user_id=user_id).first()

    def current(self, user_id: int) -> int:
        """The user's counter as it stands; 0 before their first change."""
        return self.filter(user_id=user_id).values_list("value", flat=True).first() or 0


class Counter(models.Model):
    """How many changes a user's objects have seen."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="chat_counter",
    )
    value = models.BigIntegerField(default=0)
    forgotten = models.BigIntegerField(
        default=0, help_text="Deletions up to this number are no longer known."
    )

    objects = CounterQuerySet.as_manager()

    pending: list[Change]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pending = []

    def __str__(self) -> str:
        return f"{self.user_id}: {self.value}"

    def next(self) -> int:
        """Take the next number; the caller holds the lock of `lock()`."""
        if not self.pending:
            transaction.on_commit(self._announce)
        self.value += 1
        Counter.objects.filter(pk=self.pk).update(value=self.value)
        return self.value

    def record(self, row: Conversation | Message, event: Event) -> None:
        """Note a changed row: it gets the next number, which the caller saves with it."""
        row.seq = self.next()
        self.pending.append(Change(row.KIND, event, row.uid, row.seq, row))

    def record_deletion(self, kind: Literal["conversation", "message"], uid: UUID) -> None:
        """Leave a tombstone, so that a client that was away learns of the deletion."""
        seq = self.next()
        Deletion.objects.create(user_id=self.user_id, kind=kind, uid=uid, seq=seq)
        self.pending.append(Change(kind, "deleted", uid, seq, None))

    def _announce(self) -> None:
        changes, self.pending = self.pending, []
        if listener.announce is not None:
            listener.announce(self.user_id, changes)


class DeletionQuerySet(models.QuerySet["Deletion"]):
    def forget_old(self) -> int:
        """Drop tombstones older than `CHANGES_DAYS`; returns how many."""
        old = self.filter(at__lt=timezone.now() - timedelta(days=settings.CHANGES_DAYS))
        newest = old.order_by().values("user_id").annotate(seq=models.Max("seq"))
        gone = 0
        for user_id, seq in list(newest.values_list("user_id", "seq")):
            with transaction.atomic():
                counter = Counter.objects.lock(user_id)
                Counter.objects.filter(pk=counter.pk, forgotten__lt=seq).update(forgotten=seq)
                gone += self.filter(user_id=user_id, seq__lte=seq).delete()[0]
        return gone


class Deletion(models.Model):
    """The tombstone of a conversation or message."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(
        max_length=12, choices=[("conversation", "conversation"), ("message", "message")]
    )
    uid = models.UUIDField()
    seq = models.BigIntegerField()
    at = models.DateTimeField(auto_now_add=True)

    objects = DeletionQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["user", "seq"]), models.Index(fields=["at"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.uid}"
