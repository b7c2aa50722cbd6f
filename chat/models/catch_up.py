"""What a client that was away has missed."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings

from chat.models.changes import Counter, Deletion
from chat.models.conversations import Conversation
from chat.models.messages import Message


@dataclass
class Changes:
    """What a client that last saw `since` has missed; `reset` means: read your lists again."""

    seq: int
    reset: bool = False
    conversations: list[Conversation] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    deleted_conversations: list[UUID] = field(default_factory=list)
    deleted_messages: list[UUID] = field(default_factory=list)


def changes_since(user_id: int, since: int) -> Changes:
    """Everything of this user that changed after `since`.

    The counter is read before the data: what changes in between is sent once more, never missed.
    """
    counter = Counter.objects.filter(user_id=user_id).values_list("value", "forgotten").first()
    seq, forgotten = counter or (0, 0)
    if since == seq:
        return Changes(seq)
    limit = settings.CHANGES_OBJECTS
    if since > seq or since < forgotten:
        # A number from another database, or from before the oldest tombstone.
        return Changes(seq, reset=True)
    conversations = list(
        Conversation.objects.filter(owner_id=user_id, seq__gt=since)
        .select_related("leaf")
        .order_by("seq")[: limit + 1]
    )
    messages = list(
        Message.objects.filter(user_id=user_id, seq__gt=since)
        .select_related("conversation", "parent")
        .defer("reasoning", "error_detail", "parent__text", "parent__reasoning")
        .order_by("seq")[: limit + 1]
    )
    deletions = list(Deletion.objects.filter(user_id=user_id, seq__gt=since)[: limit + 1])
    if len(conversations) + len(messages) + len(deletions) > limit:
        return Changes(seq, reset=True)
    return Changes(
        seq,
        conversations=conversations,
        messages=messages,
        deleted_conversations=[row.uid for row in deletions if row.kind == "conversation"],
        deleted_messages=[row.uid for row in deletions if row.kind == "message"],
    )
