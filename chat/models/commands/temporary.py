"""Temporary conversations: deleted some time after a page showed them last."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from chat.models.changes import Counter
from chat.models.conversations import Conversation, ConversationQuerySet
from chat.models.values.refusals import NotAllowed
from chat.sentence import Sentence

AT_ONCE = 5


def shown_seconds() -> float:
    """Time between two notes that a page shows one: the least by which its deletion is late."""
    return min(60.0, float(settings.TEMPORARY_SECONDS) / 2)


def shown_first(temporary: bool, *, new: bool = True) -> datetime | None:
    """The time that makes a new conversation a temporary one. Raises `NotAllowed`."""
    if not temporary:
        return None
    if not settings.TEMPORARY_CHATS:
        raise NotAllowed(
            Sentence("Temporary chats are turned off here ({setting}).", setting="TEMPORARY_CHATS")
        )
    if not new:
        raise NotAllowed(Sentence("Only a new conversation can be temporary."))
    return timezone.now()


def note_shown(user_id: int, uids: Iterable[UUID]) -> None:
    """Note that pages of this user show these; of others, and of unknown ones, nothing.

    No change that anybody is told of. Rows that somebody has locked are left to the next time.
    """
    known = Conversation.objects.for_user(user_id)
    stale = timezone.now() - timedelta(seconds=shown_seconds() / 2)
    wanted = known.filter(uid__in=list(uids), shown_at__lt=stale)
    if not wanted.exists():
        return
    with transaction.atomic():
        locked = wanted.order_by("pk").select_for_update(no_key=True, skip_locked=True)
        keys = list(locked.values_list("pk", flat=True))
        Conversation.objects.filter(pk__in=keys).update(shown_at=timezone.now())


def delete_unseen() -> int:
    """Delete some of those that no page has shown for long enough; returns how many.

    A reply that is being written keeps its conversation, and so do its followers with it.
    """
    keys = _unseen().order_by("shown_at").values_list("pk", "owner")
    gone = 0
    for pk, user_id in list(keys[:AT_ONCE]):
        with Counter.objects.held_if_free(user_id) as counter:
            row = _unseen().filter(pk=pk).first() if counter is not None else None
            if row is not None and counter is not None:
                row.delete_now(counter)
                gone += 1
    return gone


def _unseen() -> ConversationQuerySet:
    after = settings.TEMPORARY_SECONDS + shown_seconds()
    before = timezone.now() - timedelta(seconds=after)
    rows = Conversation.objects.filter(shown_at__lt=before, updated__lt=before)
    return rows.filter(running=False, deleted_at=None)
