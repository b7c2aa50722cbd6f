"""A user's conversations: listed, searched, made, read as trees, changed, deleted."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import ConfigDict, Field, StrictBool, WithJsonSchema

from chat import admission, commands, protocol
from chat.api.answers import answer, answers, shown
from chat.api.auth import Access, caller_of
from chat.api.names import on_one_line
from chat.api.problems import ApiProblem
from chat.models import Conversation, Counter, IdReused, catalogue
from chat.models.commands.creation import make_conversation
from chat.models.commands.queueing import NOT_OFFERED
from chat.models.commands.removal import remove
from chat.models.commands.temporary import note_shown
from chat.models.conversations import ConversationQuerySet
from chat.models.reading.pages import Page, earlier_page, newest_page
from chat.models.reading.trees import tree
from chat.models.search.query import search
from chat.protocol import (
    ConversationObject,
    MessageObject,
    Seq,
    Shape,
    VersionObject,
    described,
)
from chat.protocol.schemas import schemas
from chat.sentence import Sentence

router = Router(tags=["conversations"])

PAGE = 50

Title = Annotated[str, Field(min_length=1, max_length=500, description="Cut at 120 characters.")]
ModelId = Annotated[str, Field(max_length=200, description="One of `GET /models`.")]


type Settings = Annotated[Any, WithJsonSchema(schemas(protocol.Settings)["Settings"])]
"""Checked by `protocol.parse_settings`, as those in a frame."""


class Listed(Shape, frozen=True):
    seq: Seq
    conversations: list[ConversationObject]
    next: Annotated[str | None, described("The `cursor` of the next page; null on the last.")]


class Single(Shape, frozen=True):
    seq: int
    conversation: ConversationObject


class Tree(Single, frozen=True):
    """A conversation, whole or a page of it."""

    messages: list[MessageObject]
    complete: Annotated[bool, described("These are all its messages, whatever path they are on.")]
    earlier: Annotated[
        UUID | None,
        described("`before` of the page above this one; null where that begins the path."),
    ]
    last: Annotated[UUID | None, described("The message at which the path of the page ends.")]
    versions: Annotated[
        list[VersionObject],
        described("Messages beside those of the page, without their texts; at most 500."),
    ]


class NewConversation(Schema):
    model_config = ConfigDict(extra="forbid")

    id: UUID = Field(description="Made by you: the same again gives the same conversation.")
    title: Title | None = None
    model: ModelId | None = None
    settings: Settings | None = None
    temporary: StrictBool = Field(
        default=False, description="Not in lists; deleted some time after it was shown last."
    )


class ConversationChange(Schema):
    """Changes of a conversation; a field that is left out, or null, stays as it is."""

    model_config = ConfigDict(extra="forbid")

    title: Title | None = None
    leaf: UUID | None = Field(default=None, description="The last message of the path to show.")
    model: ModelId | None = None
    settings: Settings | None = Field(default=None, description="Replace all of them.")
    archived: StrictBool | None = None
    pinned: StrictBool | None = Field(default=None, description="Put before the other pinned ones.")
    folder: UUID | Literal["none"] | None = Field(
        default=None, description="Put into this folder; `none`: into no folder."
    )


@router.get("/conversations", auth=Access("read"), response=answers(Listed, 422))
def list_conversations(
    request: HttpRequest,
    cursor: Annotated[str, Query(max_length=200, description="`next` of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = PAGE,
    q: Annotated[str, Query(max_length=200, description="Words in titles and texts.")] = "",
    archived: Literal["false", "true", "all"] = "false",
    folder: Annotated[
        UUID | Literal["none"] | None,
        Query(description="Only those in this folder; `none`: in no folder."),
    ] = None,
) -> HttpResponse:
    """Conversations that are not archived: pinned ones, then by last activity, newest first.

    With `q` only those that have all its words in the title, or in one message.
    """
    user_id = caller_of(request).user_id
    after = _read_cursor(cursor) if cursor else None
    seq = Counter.objects.current(user_id)
    rows = search(_own(user_id).listed(), user_id, protocol.clean(q))
    if archived != "all":
        rows = rows.filter(archived=archived == "true")
    if folder == "none":
        rows = rows.filter(folder=None)
    elif folder is not None:
        rows = rows.filter(folder__uid=folder)
    if after:
        rows = rows.after(*after)
    page = list(rows.in_order()[: limit + 1])
    more = len(page) > limit
    page = page[:limit]
    return answer(
        Listed(
            seq=seq,
            conversations=[protocol.conversation_object(row) for row in page],
            next=_make_cursor(page[-1]) if more else None,
        )
    )


@router.post(
    "/conversations",
    auth=Access("chat"),
    response=answers(Single, 409, 413, 415, 422, 429) | {201: shown(Single)},
)
def create_conversation(request: HttpRequest, new: NewConversation) -> HttpResponse:
    """Make an empty one, to send into. A message sent to no conversation makes its own."""
    user_id = caller_of(request).user_id
    admission.ration(user_id)
    try:
        with commands.refusals():
            row, is_new = make_conversation(
                user_id,
                new.id,
                title=_title(new.title),
                model=_model(user_id, new.model),
                settings=_settings(new.settings),
                temporary=new.temporary,
            )
    except IdReused:
        message = Sentence("The conversation with this id was deleted. Use a new id.")
        raise ApiProblem(409, "id_reused", message, field="id") from None
    content = Single(row.seq, protocol.conversation_object(row))
    return answer(content, status=201 if is_new else 200)


@router.get("/conversations/{uid}", auth=Access("read"), response=answers(Tree, 404, 422))
def read_conversation(
    request: HttpRequest,
    uid: UUID,
    limit: Annotated[
        int | None,
        Query(ge=1, le=500, description="Read a page of the shown path, at most so many messages."),
    ] = None,
    before: Annotated[
        UUID | None, Query(description="The page that ends above this message: `earlier`.")
    ] = None,
    through: Annotated[
        UUID | None, Query(description="Of the path through this message, to the newest below.")
    ] = None,
) -> HttpResponse:
    """The whole tree, oldest first; or with `limit` the newest page of the path that is shown.

    A conversation that fits into a page comes whole. A page has less than `limit` messages where
    they are long. A reply that has not ended comes without its text.
    """
    user_id = caller_of(request).user_id
    seq = Counter.objects.current(user_id)
    row = _own(user_id).get(uid=uid)
    if row.temporary:
        note_shown(user_id, [uid])
    if before is not None:
        page = earlier_page(row, limit or PAGE, before)
    elif limit is not None or through is not None:
        page = newest_page(row, limit or PAGE, through)
    else:
        page = Page(tree(row), last=row.leaf.uid if row.leaf else None, complete=True)
    return answer(
        Tree(
            seq=seq,
            conversation=protocol.conversation_object(row),
            messages=[
                protocol.message_object(message, conversation=row.uid, full=True)
                for message in page.messages
            ],
            complete=page.complete,
            earlier=page.earlier,
            last=page.last,
            versions=[_version(values) for values in page.versions],
        )
    )


@router.patch(
    "/conversations/{uid}",
    auth=Access("chat"),
    response=answers(Single, 404, 413, 415, 422, 429),
)
def change_conversation(
    request: HttpRequest, uid: UUID, change: ConversationChange
) -> HttpResponse:
    """Rename, archive, pin or file it, choose its model or branch, replace its settings."""
    user_id = caller_of(request).user_id
    admission.ration(user_id)
    row = _own(user_id).get(uid=uid)
    wanted: dict[str, Any] = {
        "title": _title(change.title),
        "model": _model(user_id, change.model),
        "leaf": change.leaf,
        "settings": _settings(change.settings),
        "archived": change.archived,
        "pinned": change.pinned,
        "folder": change.folder,
    }
    if any(value is not None for value in wanted.values()):
        with commands.refusals():
            row.change(**wanted)
    return answer(Single(row.seq, protocol.conversation_object(row)))


@router.delete(
    "/conversations/{uid}",
    auth=Access("chat", answers=()),
    response=answers(None, 404, 422, 429, status=204),
)
def delete_conversation(request: HttpRequest, uid: UUID) -> Status[None]:
    """Delete it with all its messages; its replies end. For a while that can be undone."""
    user_id = caller_of(request).user_id
    admission.ration(user_id)
    remove(user_id, uid)
    return Status(204, None)


def _version(values: dict[str, Any]) -> VersionObject:
    return VersionObject(
        id=values["uid"],
        parent=values["parent__uid"],
        role=values["role"],
        created=protocol.moment(values["created"]),
        seq=values["seq"],
        status=values["status"] or None,
    )


# --- parameters ---------------------------------------------------------------------------


def _own(user_id: int) -> ConversationQuerySet:
    return Conversation.objects.for_user(user_id).with_leaf()


def _title(title: str | None) -> str | None:
    return None if title is None else on_one_line(title, "title")


def _model(user_id: int, model: str | None) -> str | None:
    if model is not None and catalogue(user_id).find(model) is None:
        raise ApiProblem(422, "no_model", NOT_OFFERED, field="model")
    return model


def _settings(settings: Any) -> dict[str, Any] | None:
    return None if settings is None else protocol.parse_settings(settings)


def _make_cursor(row: Conversation) -> str:
    place = f"{row.updated.isoformat()}|{row.pk}|{row.pinned}"
    return base64.urlsafe_b64encode(place.encode()).decode()


def _read_cursor(cursor: str) -> tuple[int, datetime, int]:
    try:
        at, pk, *place = base64.urlsafe_b64decode(cursor.encode()).decode().split("|")
        moment, number = datetime.fromisoformat(at).astimezone(UTC), int(pk)
        pinned = int(place[0]) if place else 0  # none in a cursor of an earlier version
        if not 0 <= number < 2**63 or not 0 <= pinned < 2**31:
            raise ValueError(cursor)
    except (ValueError, OverflowError, binascii.Error):
        message = Sentence("This cursor is not valid.")
        raise ApiProblem(422, "bad_field", message, field="cursor") from None
    return pinned, moment, number
