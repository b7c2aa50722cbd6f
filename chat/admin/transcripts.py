"""A conversation as staff read it: all of it, also the text of replies that still grow."""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from typing import Any

from chat import protocol
from chat.models import ApiCall, Attempt, Conversation, Part
from chat.models.attempts import joined
from chat.models.messages import Message

CALLS = 100
"""So many of the last API calls are shown as they came, each up to so many characters."""
CALL_LENGTH = 20_000


def transcript(conversation: Conversation) -> dict[str, Any]:
    """The conversation and every message in it, oldest first, as in the JSON API.

    Here each reply has its text and reasoning, its attempts and its cost, and an error also the
    detail that only staff see. The parts of growing replies are read before the messages: a reply
    that ends in between then shows its whole text, never none.
    """
    grown: defaultdict[tuple[int, int, str], str] = defaultdict(str)
    parts = Part.objects.filter(reply__conversation=conversation).order_by("reply", "at")
    for reply, attempt, track, at, text in parts.values_list(
        "reply", "attempt", "track", "at", "text"
    ):
        known = grown[reply, attempt, track]
        grown[reply, attempt, track] = joined([(0, known), (at, text)])
    attempts: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for one in Attempt.objects.filter(reply__conversation=conversation).order_by("number"):
        attempts[one.reply_id].append(attempt_object(one))
    messages = (
        conversation.messages.select_related("parent")
        .defer("parent__text", "parent__reasoning", "parent__error_detail")
        .order_by("id")
    )
    return {
        "conversation": protocol.conversation_object(conversation),
        "messages": [
            transcript_message(conversation, row, grown)
            | ({"attempts": attempts[row.pk]} if row.status else {})
            for row in messages
        ],
    }


def transcript_message(
    conversation: Conversation, row: Message, grown: dict[tuple[int, int, str], str]
) -> dict[str, Any]:
    """One message; the text of a reply that has not ended is in the parts, where it has some."""
    fields = protocol.message_object(row, conversation=conversation.uid, full=True)
    if row.status:
        fields |= {
            "cost": dollars(row.cost),
            "endpoint": row.endpoint or None,
            "answered_by": row.answered_by or None,
        }
    if row.status and row.ended is None:
        has_parts = any((row.pk, row.attempt, track) in grown for track in ("text", "reasoning"))
        for track in ("text", "reasoning"):
            stored = getattr(row, track)
            fields[track] = grown.get((row.pk, row.attempt, track), "") if has_parts else stored
    if row.error_detail and isinstance(fields["error"], dict):
        fields["error"] = fields["error"] | {"detail": row.error_detail}
    return fields


def attempt_object(row: Attempt) -> dict[str, Any]:
    """What one attempt asked for, what failed, and what it took."""
    error = {"code": row.error_code, "message": row.error_message, "detail": row.error_detail}
    timing = {"first_token_ms": row.first_token_ms, "reasoning_ms": row.reasoning_ms}
    return {
        "number": row.number,
        "started": protocol.time(row.started),
        "ended": protocol.time(row.ended),
        "status": row.status or None,
        "endpoint": row.endpoint or None,
        "model": row.model or None,
        "answered_by": row.answered_by or None,
        "settings": row.settings,
        "left_out": row.left_out,
        "tries": row.tries,
        "finish_reason": row.finish_reason or None,
        "error": error if row.error_code else None,
        "usage": row.usage,
        "cost": dollars(row.cost),
        "timing": timing | {"total_ms": row.total_ms} if row.total_ms is not None else None,
    }


def calls_of(conversation: Conversation) -> list[tuple[str, str]]:
    """When API calls came that asked for more than the messages say, and that as JSON, in part."""
    if not conversation.source:
        return []
    calls = ApiCall.objects.filter(reply__conversation=conversation).order_by("-pk")[:CALLS]
    found = []
    for call in reversed(calls):
        told = {"messages": call.messages, "parameters": call.parameters}
        if known := {name: value for name, value in told.items() if value}:
            text = json.dumps(known, ensure_ascii=False, indent=2)
            found.append((protocol.time(call.created) or "", text[:CALL_LENGTH]))
    return found


def dollars(cost: Decimal | None) -> float | None:
    return None if cost is None else float(cost)
