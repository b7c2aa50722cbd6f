"""A user's conversations: listed, searched, read as trees, changed, deleted."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema, Status
from ninja.errors import ValidationError
from pydantic import ConfigDict, Field

from chat import protocol
from chat.api.problems import Declined
from chat.models import Conversation, Counter, catalogue

router = Router()

PAGE = 50


def _user_id(request: HttpRequest) -> int:
    pk: int = request.user.pk  # type: ignore[assignment]  # `auth` lets nobody else in
    return pk


@router.get("/conversations")
def conversations(
    request: HttpRequest, cursor: str = "", limit: int = PAGE, q: str = ""
) -> dict[str, Any]:
    """Newest activity first; `cursor` is the `next` of the page before."""
    limit = max(1, min(limit, 200))
    seq = Counter.objects.current(_user_id(request))
    rows = Conversation.objects.for_user(request.user).select_related("leaf")
    if words := protocol.clean(q).strip():
        rows = rows.filter(title__icontains=words[:200])
    if cursor:
        rows = rows.before(*_read_cursor(cursor))
    page = list(rows.order_by("-updated", "-id")[: limit + 1])
    more = len(page) > limit
    page = page[:limit]
    return {
        "seq": seq,
        "conversations": [protocol.conversation_object(row) for row in page],
        "next": _make_cursor(page[-1]) if more else None,
    }


def _make_cursor(row: Conversation) -> str:
    return base64.urlsafe_b64encode(f"{row.updated.isoformat()}|{row.pk}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, int]:
    try:
        at, _, pk = base64.urlsafe_b64decode(cursor.encode()).decode().partition("|")
        moment, number = datetime.fromisoformat(at).astimezone(UTC), int(pk)
        if not 0 <= number < 2**63:
            raise ValueError(cursor)
    except (ValueError, OverflowError, binascii.Error):
        error = {"loc": ("query", "cursor"), "msg": "This cursor is not one of ours.", "type": ""}
        raise ValidationError([error]) from None
    return moment, number


@router.get("/conversations/{uuid:uid}")
def conversation(request: HttpRequest, uid: UUID) -> dict[str, Any]:
    """The whole tree, oldest first; a reply that has not ended comes without its text."""
    seq = Counter.objects.current(_user_id(request))
    row = Conversation.objects.for_user(request.user).select_related("leaf").get(uid=uid)
    messages = row.messages.select_related("parent").order_by("id")
    messages = messages.defer("error_detail", "parent__text", "parent__reasoning")
    return {
        "seq": seq,
        "conversation": protocol.conversation_object(row),
        "messages": [
            protocol.message_object(message, conversation=row.uid, full=True)
            for message in messages
        ],
    }


class ConversationChange(Schema):
    model_config = ConfigDict(extra="forbid")

    title: str | None = Field(default=None, min_length=1, max_length=500)
    leaf: UUID | None = None
    model: str | None = Field(default=None, max_length=200)
    settings: dict[str, Any] | None = None


@router.patch("/conversations/{uuid:uid}")
def change_conversation(
    request: HttpRequest, uid: UUID, change: ConversationChange
) -> dict[str, Any]:
    row = Conversation.objects.for_user(request.user).get(uid=uid)
    title = None
    if change.title is not None:
        title = " ".join(protocol.clean(change.title).split())
        if not title:
            raise Declined(422, "bad_field", "The title is empty.", field="title")
    if change.model is not None and catalogue(row.owner_id).find(change.model) is None:
        raise Declined(422, "no_model", "This model is not offered here.", field="model")
    settings = None
    if change.settings is not None:
        settings = protocol.parse_settings(change.settings)
    row.change(title=title, model=change.model, leaf=change.leaf, settings=settings)
    return {"seq": row.seq, "conversation": protocol.conversation_object(row)}


@router.delete("/conversations/{uuid:uid}", response={204: None})
def delete_conversation(request: HttpRequest, uid: UUID) -> Status[None]:
    Conversation.objects.for_user(request.user).get(uid=uid).remove()
    return Status(204, None)
