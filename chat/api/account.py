"""Routes about the user as a whole: identity, offered models, changes."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from chat import commands, protocol
from chat.api.answers import answer, answers
from chat.api.auth import Access, caller_of
from chat.models import Counter, catalogue, changes_since
from chat.protocol import ConversationObject, FolderObject, MessageObject, ModelObject, Seq, Shape

router = Router(tags=["account"])


@router.get("/me", auth=Access("read", "chat"), response=answers(protocol.Me))
def me(request: HttpRequest) -> HttpResponse:
    """Your account, and the server's limits."""
    login = caller_of(request).login
    seq = Counter.objects.current(login.user_id)
    return answer(commands.greeting(login.user_id, login.name, seq))


class ModelsAnswer(Shape, frozen=True):
    seq: Seq
    models: list[ModelObject]


@router.get("/models", auth=Access("read", "chat"), response=answers(ModelsAnswer))
def models(request: HttpRequest) -> HttpResponse:
    """The models you may use, in the order in which they are shown."""
    user_id = caller_of(request).user_id
    seq = Counter.objects.current(user_id)
    return answer(ModelsAnswer(seq, commands.offered(catalogue(user_id))))


class Deleted(Shape, frozen=True):
    conversations: list[UUID]
    messages: list[UUID]
    folders: list[UUID]


class ChangesAnswer(Shape, frozen=True):
    seq: int
    reset: bool
    conversations: list[ConversationObject]
    messages: list[MessageObject]
    deleted: Deleted
    folders: list[FolderObject]


@router.get("/changes", auth=Access("read"), response=answers(ChangesAnswer, 422))
def changes(
    request: HttpRequest,
    since: Annotated[int, Query(ge=0, lt=2**63, description="The last `seq` you know.")],
) -> HttpResponse:
    """Changes since then, oldest first; with `reset`, read your lists again instead."""
    found = changes_since(caller_of(request).user_id, since)
    return answer(
        ChangesAnswer(
            seq=found.seq,
            reset=found.reset,
            conversations=[protocol.conversation_object(row) for row in found.conversations],
            messages=[protocol.message_object(row) for row in found.messages],
            deleted=Deleted(
                found.deleted_conversations, found.deleted_messages, found.deleted_folders
            ),
            folders=[protocol.folder_object(row) for row in found.folders],
        )
    )
