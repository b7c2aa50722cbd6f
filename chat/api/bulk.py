"""One action on many conversations, and what undoes a removal."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import ConfigDict, Field, model_validator

from chat import admission, commands, protocol
from chat.api.answers import answer, answers
from chat.api.auth import Access, caller_of
from chat.api.conversations import Single
from chat.api.folders import SingleFolder
from chat.models.commands.bulk import act_on
from chat.models.commands.removal import restore, restore_folder
from chat.protocol import Shape, described

router = Router(tags=["conversations"])

MOST = 200


class BulkAction(Schema):
    model_config = ConfigDict(extra="forbid")

    id: UUID = Field(description="Made by you: the same again gets the same answer.")
    action: Literal["archive", "unarchive", "move", "delete", "restore"]
    conversations: Annotated[list[UUID], Field(min_length=1, max_length=MOST)]
    folder: UUID | None = Field(
        default=None, description="Of `move`: where to; null: into no folder."
    )

    @model_validator(mode="after")
    def _only_a_move_has_a_folder(self) -> Self:
        if self.folder is not None and self.action != "move":
            raise ValueError("Only `move` has a folder.")
        return self


class BulkResult(Shape, frozen=True):
    id: UUID
    result: Annotated[
        Literal["done", "not_found"],
        described("`not_found`: it is unknown, somebody else's, or deleted."),
    ]


class BulkAnswer(Shape, frozen=True):
    results: list[BulkResult]


@router.post(
    "/conversations/actions",
    auth=Access("chat"),
    response=answers(BulkAnswer, 404, 409, 413, 415, 422, 429),
)
def act(request: HttpRequest, wanted: BulkAction) -> HttpResponse:
    """Archive, unarchive, move, delete or restore up to 200; the answer has what became of each."""
    user_id = caller_of(request).user_id
    admission.ration(user_id)
    with commands.refusals():
        found = act_on(user_id, wanted.id, wanted.action, wanted.conversations, wanted.folder)
    return answer(BulkAnswer([BulkResult(uid, result) for uid, result in found]))


@router.post(
    "/conversations/{uid}/restore",
    auth=Access("chat"),
    response=answers(Single, 404, 422, 429),
)
def restore_conversation(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Undo its deletion, within `undo_seconds` of the server's limits."""
    user_id = caller_of(request).user_id
    admission.ration(user_id)
    row = restore(user_id, uid)
    return answer(Single(row.seq, protocol.conversation_object(row)))


@router.post(
    "/folders/{uid}/restore",
    auth=Access("chat"),
    response=answers(SingleFolder, 404, 422, 429),
)
def restore_deleted_folder(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Undo its deletion likewise; conversations that are in no folder come back into it."""
    user_id = caller_of(request).user_id
    admission.ration(user_id)
    row = restore_folder(user_id, uid)
    return answer(SingleFolder(row.seq, protocol.folder_object(row)))
