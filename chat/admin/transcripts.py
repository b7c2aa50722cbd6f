"""A conversation as staff read it: all of it, also the text of replies that still grow."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from chat import protocol
from chat.models import Conversation, Part
from chat.models.messages import Message


def transcript(conversation: Conversation) -> dict[str, Any]:
    """The conversation and every message in it, oldest first, as in the JSON API.

    Here each reply has its text and reasoning, and an error also the detail that only staff see.
    The parts of growing replies are read before the messages: a reply that ends in between then
    shows its whole text, never none.
    """
    grown: defaultdict[tuple[int, int, str], str] = defaultdict(str)
    parts = Part.objects.filter(reply__conversation=conversation).order_by("reply", "at")
    for reply, attempt, track, text in parts.values_list("reply", "attempt", "track", "text"):
        grown[reply, attempt, track] += text
    messages = (
        conversation.messages.select_related("parent")
        .defer("parent__text", "parent__reasoning", "parent__error_detail")
        .order_by("id")
    )
    return {
        "conversation": protocol.conversation_object(conversation),
        "messages": [transcript_message(conversation, row, grown) for row in messages],
    }


def transcript_message(
    conversation: Conversation, row: Message, grown: dict[tuple[int, int, str], str]
) -> dict[str, Any]:
    """One message; the text of a reply that has not ended is in the parts, where it has some."""
    fields = protocol.message_object(row, conversation=conversation.uid, full=True)
    if row.status and row.ended is None:
        has_parts = any((row.pk, row.attempt, track) in grown for track in ("text", "reasoning"))
        for track in ("text", "reasoning"):
            stored = getattr(row, track)
            fields[track] = grown.get((row.pk, row.attempt, track), "") if has_parts else stored
    if row.error_detail and isinstance(fields["error"], dict):
        fields["error"] = fields["error"] | {"detail": row.error_detail}
    return fields
