"""Branches of conversations."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import ConfigDict, Field

from chat import admission, commands, protocol
from chat.api.answers import answer, answers, shown
from chat.api.auth import Access, caller_of
from chat.api.conversations import Single
from chat.models.commands.branching import branch

router = Router(tags=["conversations"])


class NewBranch(Schema):
    model_config = ConfigDict(extra="forbid")

    id: UUID = Field(description="Made by you: the same again gives the same conversation.")
    message: UUID = Field(description="The last message of the path that is copied.")


@router.post(
    "/conversations/{uid}/branch",
    auth=Access("chat"),
    response=answers(Single, 404, 409, 413, 415, 422, 429) | {201: shown(Single)},
)
def branch_conversation(request: HttpRequest, uid: UUID, new: NewBranch) -> HttpResponse:
    """Make a conversation of the path to a message, with the same settings.

    Its messages do not come as changes: read it.
    """
    user_id = caller_of(request).user_id
    admission.ration(user_id)
    with commands.refusals():
        row, is_new = branch(user_id, new.id, conversation=uid, message=new.message)
    content = Single(row.seq, protocol.conversation_object(row))
    return answer(content, status=201 if is_new else 200)
