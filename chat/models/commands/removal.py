"""Removal of conversations and folders, which can be undone for `UNDO_SECONDS`.

What is removed is marked at once, and gone for its user and for staff: `for_user` finds it no more.
Processes delete the rows later, by what these say, so that a restart loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils import timezone

from chat.database.statements import update
from chat.models.attempting.turns import wake_next
from chat.models.changes import Counter, Deletion
from chat.models.conversations import Conversation, ConversationQuerySet
from chat.models.folders import Folder
from chat.models.replies import Reply
from chat.models.values.states import UNFINISHED

AT_ONCE = 5
"""Rows of a kind that one call deletes at most, each in a transaction of its own."""


def remove(user_id: int, uid: UUID) -> None:
    """Remove a conversation. Raises `Conversation.DoesNotExist`."""
    with Counter.objects.held(user_id) as counter:
        remove_all(counter, [Conversation.objects.for_user(user_id).get(uid=uid)])


def restore(user_id: int, uid: UUID) -> Conversation:
    """Undo its removal; one that is there stays as it is. Raises `Conversation.DoesNotExist`."""
    with Counter.objects.held(user_id) as counter:
        row = restorable(user_id).with_leaf().get(uid=uid)
        restore_all(counter, [row])
    return row


def restorable(user_id: int) -> ConversationQuerySet:
    """This user's conversations, with those whose removal can still be undone."""
    mine = Conversation.objects.filter(owner_id=user_id)
    return mine.filter(models.Q(deleted_at=None) | models.Q(deleted_at__gte=_horizon()))


def remove_all(counter: Counter, rows: Sequence[Conversation]) -> None:
    """Mark these conversations, whose replies end; the caller holds the counter."""
    for row in rows:
        row.deleted_at = timezone.now()
        update(row, ["deleted_at"])
        counter.record_deletion("conversation", row.uid)
    # Read after the marks, by which their ends are told as deletions.
    running = Reply.objects.locked().filter(conversation__in=rows, status__in=UNFINISHED)
    for reply in running.order_by("pk"):
        reply.stop(counter)


def restore_all(counter: Counter, rows: Sequence[Conversation]) -> None:
    """Take the marks away; the caller holds the counter."""
    for row in rows:
        if row.deleted_at is None:
            continue
        row.deleted_at = None
        if row.pinned:
            row.pin_again()
        counter.record(row, "created")
        update(row, ["deleted_at", "pinned", "seq"])
        _forget_tombstone(row)


def remove_folder(user_id: int, uid: UUID) -> None:
    """Remove a folder; its conversations are in none then. Raises `Folder.DoesNotExist`."""
    with Counter.objects.held(user_id) as counter:
        row = Folder.objects.for_user(user_id).get(uid=uid)
        row.empty(counter)
        row.deleted_at = timezone.now()
        update(row, ["deleted_at", "held"])
        counter.record_deletion("folder", row.uid)


def restore_folder(user_id: int, uid: UUID) -> Folder:
    """Undo its removal: conversations that are in no folder come back into it.

    Raises `Folder.DoesNotExist`.
    """
    with Counter.objects.held(user_id) as counter:
        mine = Folder.objects.filter(owner_id=user_id)
        row = mine.get(models.Q(deleted_at=None) | models.Q(deleted_at__gte=_horizon()), uid=uid)
        if row.deleted_at is not None:
            row.deleted_at = None
            counter.record(row, "created")
            update(row, ["deleted_at", "seq"])
            _forget_tombstone(row)
            row.fill(counter, Conversation.objects.for_user(user_id))
    return row


def finish_removals() -> int:
    """Delete what can no longer be restored; returns the number of rows.

    What somebody has locked is left to the next call.
    """
    conversations, folders = Conversation.objects.all(), Folder.objects.all()
    return _finish(conversations, _delete) + _finish(folders, lambda row: row.delete())


def _finish[R: (Conversation, Folder)](
    rows: models.QuerySet[R], delete: Callable[[R], object]
) -> int:
    over = rows.filter(deleted_at__lt=_horizon())
    gone = 0
    for pk, user_id in list(over.order_by("deleted_at").values_list("pk", "owner")[:AT_ONCE]):
        with Counter.objects.held_if_free(user_id) as counter:
            # Read again: it may have been restored before the lock.
            row = over.filter(pk=pk).first() if counter is not None else None
            if row is not None:
                delete(row)
                gone += 1
    return gone


def _delete(row: Conversation) -> None:
    # A checkpoint locks replies only: it would add to rows that are being deleted.
    running = row.messages.filter(status__in=UNFINISHED)
    list(running.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    row.erase()
    wake_next(row.owner_id)


def _forget_tombstone(row: Conversation | Folder) -> None:
    Deletion.objects.filter(user_id=row.owner_id, kind=row.KIND, uid=row.uid).delete()


def _horizon() -> datetime:
    return timezone.now() - timedelta(seconds=settings.UNDO_SECONDS)
