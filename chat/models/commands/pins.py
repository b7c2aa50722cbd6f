"""Pinned conversations, which come first in the list, in an order that their user chooses."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings

from chat.models.changes import Counter
from chat.models.conversations import Conversation
from chat.models.values.refusals import TooMany
from chat.sentence import Sentence


def order_pins(user_id: int, uids: Sequence[UUID]) -> list[Conversation]:
    """Pin these conversations, in this order; other pinned ones follow as they did.

    Returns all pinned ones. Raises `Conversation.DoesNotExist` for somebody else's, and `TooMany`.
    """
    with Counter.objects.held(user_id) as counter:
        mine = Conversation.objects.for_user(user_id).with_leaf()
        found = {row.uid: row for row in mine.filter(uid__in=uids)}
        if len(found) < len(set(uids)):
            raise Conversation.DoesNotExist
        wanted = [found[uid] for uid in dict.fromkeys(uids)]
        others = mine.filter(pinned__gt=0).exclude(uid__in=uids)
        rows = [*wanted, *others.order_by("-pinned", "-pk")]
        if len(rows) > settings.PINS_PER_USER:
            most = settings.PINS_PER_USER
            raise TooMany(
                Sentence("At most {count} conversations can be pinned (PINS_PER_USER).", count=most)
            )
        for place, row in zip(range(len(rows), 0, -1), rows, strict=True):
            if row.pinned != place:
                row.pinned = place
                row.touch(counter, "pinned")
    return rows
