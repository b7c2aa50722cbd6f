"""A conversation as staff read it, page by page, also the text of replies that still grow."""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from typing import Any

import msgspec
from django.core.paginator import Paginator
from django.db.models import Q
from django.utils.translation import gettext

from chat import protocol
from chat.models import ApiCall, Attempt, Conversation, Part
from chat.models.attempts import joined
from chat.models.messages import Message

PAGE = 200
"""Messages of a transcript that are shown at once."""
CALLS = 100
"""The number of latest API calls that are shown as they came, and their most characters."""
CALL_LENGTH = 20_000


def transcript(conversation: Conversation, page: str | None = None) -> dict[str, Any]:
    """The conversation and a page of its messages, by default the newest, each page oldest first.

    The messages are as in the JSON API. Here each reply has its text and reasoning, its attempts
    and its cost, and an error also the detail that only staff see. The parts of growing replies are
    read before the messages: a reply that ends in between then shows its whole text, never none.
    """
    pages = Paginator(conversation.messages.order_by("id").values_list("pk", flat=True), PAGE)
    shown = pages.get_page(page or pages.num_pages)
    keys = list(shown.object_list)
    grown: defaultdict[tuple[int, int, str], str] = defaultdict(str)
    parts = Part.objects.filter(reply__in=keys).order_by("reply", "at")
    for reply, attempt, track, at, text in parts.values_list(
        "reply", "attempt", "track", "at", "text"
    ):
        known = grown[reply, attempt, track]
        grown[reply, attempt, track] = joined([(0, known), (at, text)])
    attempts: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for one in Attempt.objects.filter(reply__in=keys).order_by("number"):
        attempts[one.reply_id].append(attempt_object(one))
    messages = list(
        Message.objects.filter(pk__in=keys)
        .select_related("parent")
        .defer("parent__text", "parent__reasoning", "parent__error_detail")
        .order_by("id")
    )
    places = places_of(conversation, messages, shown.start_index())
    return {
        "conversation": msgspec.to_builtins(protocol.conversation_object(conversation)),
        "page": {
            "number": shown.number,
            "pages": pages.num_pages,
            "first": shown.start_index(),
            "last": shown.end_index(),
            "messages": pages.count,
        },
        "messages": [
            transcript_message(conversation, row, grown)
            | {"place": places.get(row.pk)}
            | ({"attempts": attempts[row.pk]} if row.status else {})
            for row in messages
        ],
    }


def places_of(conversation: Conversation, messages: list[Message], first: int) -> dict[int, str]:
    """Places of messages, if some of them have versions or do not follow the one above.

    The number of each, its parent if that is not the one above it, and the number of its version.
    """
    versions: defaultdict[int | None, list[int]] = defaultdict(list)
    beside = Q(parent__in={row.parent_id for row in messages if row.parent_id is not None})
    if any(row.parent_id is None for row in messages):
        beside |= Q(conversation=conversation, parent=None)
    for pk, parent in Message.objects.filter(beside).order_by("pk").values_list("pk", "parent"):
        versions[parent].append(pk)
    if all(len(found) < 2 for found in versions.values()):
        return {}
    numbers = {row.pk: number for number, row in enumerate(messages, start=first)}
    outside = {row.parent_id for row in messages if row.parent_id not in numbers} - {None}
    if outside:
        ordered = conversation.messages.filter(pk__lt=messages[0].pk).order_by("pk")
        keys = ordered.values_list("pk", flat=True)
        numbers |= {pk: number for number, pk in enumerate(keys, start=1) if pk in outside}
    places = {}
    for number, row in enumerate(messages, start=first):
        parts = [gettext("no. {number}").format(number=number)]
        above = numbers.get(row.parent_id or 0, 0)
        if above != number - 1:
            follows = gettext("follows no. {number}").format(number=above)
            parts.append(follows if above else gettext("a new beginning"))
        found = versions[row.parent_id]
        if len(found) > 1:
            said = gettext("version {number} of {count}")
            parts.append(said.format(number=found.index(row.pk) + 1, count=len(found)))
        places[row.pk] = ", ".join(parts)
    return places


def transcript_message(
    conversation: Conversation, row: Message, grown: dict[tuple[int, int, str], str]
) -> dict[str, Any]:
    """One message; the text of a reply that has not ended is in the parts, where it has some."""
    stored = protocol.message_object(row, conversation=conversation.uid, full=True)
    fields: dict[str, Any] = msgspec.to_builtins(stored)
    if row.status:
        fields |= {
            "cost": dollars(row.cost),
            "endpoint": row.endpoint or None,
            "answered_by": row.answered_by or None,
        }
    if row.status and row.ended is None:
        has_parts = any((row.pk, row.attempt, track) in grown for track in ("text", "reasoning"))
        for track in ("text", "reasoning"):
            kept = getattr(row, track)
            fields[track] = grown.get((row.pk, row.attempt, track), "") if has_parts else kept
    if row.error_detail and fields["error"]:
        fields["error"]["detail"] = row.error_detail
    return fields


def attempt_object(row: Attempt) -> dict[str, Any]:
    """One attempt: its request, its error, and its cost."""
    outcome: dict[str, Any] = msgspec.to_builtins(protocol.attempt_outcome(row))
    if outcome["error"]:
        outcome["error"]["detail"] = row.error_detail
    return outcome | {
        "number": row.number,
        "started": protocol.moment(row.started),
        "ended": protocol.moment(row.ended) if row.ended else None,
        "status": row.status or None,
        "endpoint": row.endpoint or None,
        "model": row.model or None,
        "answered_by": row.answered_by or None,
        "settings": row.settings,
        "tries": row.tries,
        "cost": dollars(row.cost),
    }


def calls_of(conversation: Conversation) -> list[tuple[str, str]]:
    """Times of API calls with more than the messages show, and the rest as JSON, in part."""
    if not conversation.source:
        return []
    calls = ApiCall.objects.filter(reply__conversation=conversation).order_by("-pk")[:CALLS]
    found = []
    for call in reversed(calls):
        stored = {"messages": call.messages, "parameters": call.parameters}
        if known := {name: value for name, value in stored.items() if value}:
            text = json.dumps(known, ensure_ascii=False, indent=2)
            found.append((protocol.moment(call.created), text[:CALL_LENGTH]))
    return found


def dollars(cost: Decimal | None) -> float | None:
    return None if cost is None else float(cost)
