"""What concerns the user as a whole: who it is, the models on offer, and what has changed."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema

from chat import intake, protocol
from chat.api import objects
from chat.api.answers import answer, answers
from chat.api.auth import Access, caller_of
from chat.models import Counter, catalogue, changes_since

router = Router(tags=["account"])


class User(Schema):
    id: str
    name: str


class Limits(Schema):
    send_bytes: int
    reply_bytes: int
    control_bytes: int
    unacknowledged_bytes: int
    frames_per_minute: int


class Me(Schema):
    """The fields of the `ready` frame."""

    v: int
    user: User
    limits: Limits
    seq: objects.Seq


@router.get("/me", auth=Access("read", "chat"), response=answers(Me))
def me(request: HttpRequest) -> HttpResponse:
    """Who you are, and the server's limits."""
    login = caller_of(request).login
    seq = Counter.objects.current(login.user_id)
    return answer(intake.greeting(login.user_id, login.name, seq))


class Models(Schema):
    seq: objects.Seq
    models: list[objects.Model]


@router.get("/models", auth=Access("read", "chat"), response=answers(Models))
def models(request: HttpRequest) -> HttpResponse:
    """The models you may use, in the order in which they are shown."""
    user_id = caller_of(request).user_id
    seq = Counter.objects.current(user_id)
    return answer({"seq": seq, "models": protocol.model_objects(catalogue(user_id))})


class Deleted(Schema):
    conversations: list[UUID]
    messages: list[UUID]


class Changes(Schema):
    seq: int
    reset: bool
    conversations: list[objects.Conversation]
    messages: list[objects.Message]
    deleted: Deleted


@router.get("/changes", auth=Access("read"), response=answers(Changes, 422))
def changes(
    request: HttpRequest,
    since: Annotated[int, Query(ge=0, lt=2**63, description="The last `seq` you know.")],
) -> HttpResponse:
    """What changed since, oldest first; with `reset`, read your lists again instead."""
    found = changes_since(caller_of(request).user_id, since)
    return answer(
        {
            "seq": found.seq,
            "reset": found.reset,
            "conversations": [protocol.conversation_object(row) for row in found.conversations],
            "messages": [protocol.message_object(row) for row in found.messages],
            "deleted": {
                "conversations": found.deleted_conversations,
                "messages": found.deleted_messages,
            },
        }
    )
