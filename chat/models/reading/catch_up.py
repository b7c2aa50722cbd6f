"""Changes that a client missed while it was away."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Value, When

from chat.models.changes import Counter, Deletion
from chat.models.conversations import Conversation
from chat.models.folders import Folder
from chat.models.messages import Message
from chat.models.values.states import Role

LEFT_OUT = ("text", "reasoning", "error_detail", "parent__text", "parent__reasoning")
SENT_TEXT = Case(
    When(role=Role.ASSISTANT, then=Value("")), default=F("text"), output_field=models.TextField()
)
"""The text of a user's message: that of a reply is followed."""


@dataclass
class Changes:
    """Changes since a number of the user's counter; `reset` means: read your lists again."""

    seq: int
    reset: bool = False
    conversations: list[Conversation] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    folders: list[Folder] = field(default_factory=list)
    deleted_conversations: list[UUID] = field(default_factory=list)
    deleted_messages: list[UUID] = field(default_factory=list)
    deleted_folders: list[UUID] = field(default_factory=list)


def changes_since(user_id: int, since: int) -> Changes:
    """The objects of this user that changed after `since`.

    The counter is read before the data: a change in between is sent once more, never missed.
    """
    counter = Counter.objects.filter(user_id=user_id).values_list("value", "forgotten").first()
    seq, forgotten = counter or (0, 0)
    if since == seq:
        return Changes(seq)
    limit = settings.CHANGES_OBJECTS
    if since > seq or since < forgotten:
        # A number from another database, or from before the oldest tombstone.
        return Changes(seq, reset=True)
    deletions = Deletion.objects.filter(user_id=user_id, seq__gt=since)
    conversations = Conversation.objects.for_user(user_id).filter(seq__gt=since)
    messages = Message.objects.filter(user_id=user_id, seq__gt=since)
    folders = Folder.objects.for_user(user_id).filter(seq__gt=since)
    # Each change takes a number; where there may be too many, keys are counted before any object
    # is read.
    if seq - since > limit:
        found = 0
        tables: tuple[models.QuerySet[Any], ...] = (messages, conversations, folders, deletions)
        for rows in tables:
            found += len(rows.order_by("seq").values_list("seq")[: limit + 1 - found])
            if found > limit:
                return Changes(seq, reset=True)
    deleted = list(deletions)
    seen = messages.filter(conversation__deleted_at=None)
    changed = seen.select_related("conversation", "parent").defer(*LEFT_OUT)
    read: list[Any] = list(changed.annotate(sent_text=SENT_TEXT).order_by("seq"))
    for row in read:
        row.text = row.sent_text
    return Changes(
        seq,
        conversations=list(conversations.select_related("leaf").order_by("seq")),
        messages=read,
        folders=list(folders.order_by("seq")),
        deleted_conversations=[row.uid for row in deleted if row.kind == "conversation"],
        deleted_messages=[row.uid for row in deleted if row.kind == "message"],
        deleted_folders=[row.uid for row in deleted if row.kind == "folder"],
    )
