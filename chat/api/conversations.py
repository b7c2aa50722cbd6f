"""A user's conversations: listed, searched, made, read as trees, changed, deleted."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import ConfigDict, Field, StrictBool

from chat import protocol, streams
from chat.api import objects
from chat.api.answers import answer, answers
from chat.api.auth import Access, caller_of
from chat.api.problems import Declined
from chat.models import Conversation, Counter, IdReused, catalogue
from chat.models.conversations import ConversationQuerySet
from chat.models.drafts import make_conversation
from chat.models.search import search
from chat.models.trees import tree

router = Router(tags=["conversations"])

PAGE = 50

Title = Annotated[str, Field(min_length=1, max_length=500, description="Cut at 120 characters.")]
ModelId = Annotated[str, Field(max_length=200, description="One of `GET /models`.")]


class Listed(Schema):
    seq: objects.Seq
    conversations: list[objects.Conversation]
    next: str | None = Field(description="The `cursor` of the next page; null on the last.")


class Single(Schema):
    seq: int
    conversation: objects.Conversation


class Tree(Single):
    messages: list[objects.Message]


class NewConversation(Schema):
    model_config = ConfigDict(extra="forbid")

    id: UUID = Field(description="Made by you: the same again gives the same conversation.")
    title: Title | None = None
    model: ModelId | None = None
    settings: objects.Settings | None = None


class ConversationChange(Schema):
    """What is left out, or null, stays as it is."""

    model_config = ConfigDict(extra="forbid")

    title: Title | None = None
    leaf: UUID | None = Field(default=None, description="The last message of the path to show.")
    model: ModelId | None = None
    settings: objects.Settings | None = Field(default=None, description="Replace all of them.")
    archived: StrictBool | None = None


@router.get("/conversations", auth=Access("read"), response=answers(Listed, 422))
def list_conversations(
    request: HttpRequest,
    cursor: Annotated[str, Query(max_length=200, description="`next` of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = PAGE,
    q: Annotated[str, Query(max_length=200, description="Words in titles and texts.")] = "",
    archived: Literal["false", "true", "all"] = "false",
) -> HttpResponse:
    """Those that are not archived, by last activity, newest first.

    With `q` those in which all words occur: in the title, or in one message.
    """
    user_id = caller_of(request).user_id
    after = _read_cursor(cursor) if cursor else None
    seq = Counter.objects.current(user_id)
    rows = search(_own(user_id), user_id, protocol.clean(q))
    if archived != "all":
        rows = rows.filter(archived=archived == "true")
    if after:
        rows = rows.before(*after)
    page = list(rows.order_by("-updated", "-id")[: limit + 1])
    more = len(page) > limit
    page = page[:limit]
    return answer(
        {
            "seq": seq,
            "conversations": [protocol.conversation_object(row) for row in page],
            "next": _make_cursor(page[-1]) if more else None,
        }
    )


@router.post(
    "/conversations",
    auth=Access("chat"),
    response=answers(Single, 409, 413, 415, 422, 429) | {201: Single},
)
def create_conversation(request: HttpRequest, new: NewConversation) -> HttpResponse:
    """Make an empty one, to send into. A message sent to no conversation makes its own."""
    user_id = caller_of(request).user_id
    streams.ration(user_id)
    try:
        row, is_new = make_conversation(
            user_id,
            new.id,
            title=_title(new.title),
            model=_model(user_id, new.model),
            settings=_settings(new.settings),
        )
    except IdReused:
        message = "The conversation with this id was deleted: make a new id."
        raise Declined(409, "id_reused", message, field="id") from None
    content = {"seq": row.seq, "conversation": protocol.conversation_object(row)}
    return answer(content, status=201 if is_new else 200)


@router.get("/conversations/{uid}", auth=Access("read"), response=answers(Tree, 404, 422))
def read_conversation(request: HttpRequest, uid: UUID) -> HttpResponse:
    """The whole tree, oldest first; a reply that has not ended comes without its text."""
    user_id = caller_of(request).user_id
    seq = Counter.objects.current(user_id)
    row = _own(user_id).get(uid=uid)
    return answer(
        {
            "seq": seq,
            "conversation": protocol.conversation_object(row),
            "messages": [
                protocol.message_object(message, conversation=row.uid, full=True)
                for message in tree(row)
            ],
        }
    )


@router.patch(
    "/conversations/{uid}",
    auth=Access("chat"),
    response=answers(Single, 404, 413, 415, 422, 429),
)
def change_conversation(
    request: HttpRequest, uid: UUID, change: ConversationChange
) -> HttpResponse:
    """Rename it, archive it, choose its model or the branch to show, replace its settings."""
    user_id = caller_of(request).user_id
    streams.ration(user_id)
    row = _own(user_id).get(uid=uid)
    wanted: dict[str, Any] = {
        "title": _title(change.title),
        "model": _model(user_id, change.model),
        "leaf": change.leaf,
        "settings": _settings(change.settings),
        "archived": change.archived,
    }
    if any(value is not None for value in wanted.values()):
        row.change(**wanted)
    return answer({"seq": row.seq, "conversation": protocol.conversation_object(row)})


@router.delete(
    "/conversations/{uid}",
    auth=Access("chat", answers=()),
    response=answers(None, 404, 422, 429, status=204),
)
def delete_conversation(request: HttpRequest, uid: UUID) -> Status[None]:
    """Delete it with all its messages; its replies end."""
    user_id = caller_of(request).user_id
    streams.ration(user_id)
    _own(user_id).get(uid=uid).remove()
    return Status(204, None)


# --- what was asked for -------------------------------------------------------------------


def _own(user_id: int) -> ConversationQuerySet:
    return Conversation.objects.for_user(user_id).select_related("leaf")


def _title(title: str | None) -> str | None:
    """On one line, and nothing in it that a database refuses."""
    if title is None:
        return None
    tidy = " ".join(protocol.clean(title).split())
    if not tidy:
        raise Declined(422, "bad_field", "The title is empty.", field="title")
    return tidy


def _model(user_id: int, model: str | None) -> str | None:
    if model is not None and catalogue(user_id).find(model) is None:
        raise Declined(422, "no_model", "This model is not offered here.", field="model")
    return model


def _settings(settings: Any) -> dict[str, Any] | None:
    return None if settings is None else protocol.parse_settings(settings)


def _make_cursor(row: Conversation) -> str:
    return base64.urlsafe_b64encode(f"{row.updated.isoformat()}|{row.pk}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, int]:
    try:
        at, _, pk = base64.urlsafe_b64decode(cursor.encode()).decode().partition("|")
        moment, number = datetime.fromisoformat(at).astimezone(UTC), int(pk)
        if not 0 <= number < 2**63:
            raise ValueError(cursor)
    except (ValueError, OverflowError, binascii.Error):
        message = "This cursor is not one of ours."
        raise Declined(422, "bad_field", message, field="cursor") from None
    return moment, number
