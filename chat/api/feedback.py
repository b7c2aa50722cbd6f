"""Feedback on replies: given, changed, taken back."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema, Status
from pydantic import ConfigDict, Field

from chat import admission, commands, protocol
from chat.api.answers import answer, answers
from chat.api.auth import Access, caller_of
from chat.api.frame_schemas import OneReply
from chat.models.commands.feedback import give_feedback, take_feedback_back
from chat.protocol import FeedbackReason

router = Router(tags=["replies"])

WORDS_LENGTH = 4000


class Feedback(Schema):
    model_config = ConfigDict(extra="forbid")

    thumb: Literal["up", "down"]
    reasons: list[FeedbackReason] = Field(default_factory=list, max_length=20)
    words: Annotated[str, Field(max_length=WORDS_LENGTH)] = ""


@router.put(
    "/replies/{uid}/feedback",
    auth=Access("chat"),
    response=answers(OneReply, 404, 409, 413, 415, 422, 429),
)
def put_feedback(request: HttpRequest, uid: UUID, feedback: Feedback) -> HttpResponse:
    """Say what you think of a reply, in place of what you said before. Reviewers may read it."""
    user_id = caller_of(request).user_id
    admission.ration(user_id)
    words = protocol.clean(feedback.words).strip()
    with commands.refusals():
        row = give_feedback(user_id, uid, feedback.thumb, feedback.reasons, words)
    return answer(OneReply(row.seq, protocol.reply_object(row, full=True)))


@router.delete(
    "/replies/{uid}/feedback",
    auth=Access("chat", answers=()),
    response=answers(None, 404, 422, 429, status=204),
)
def delete_feedback(request: HttpRequest, uid: UUID) -> Status[None]:
    """Take it back."""
    user_id = caller_of(request).user_id
    admission.ration(user_id)
    take_feedback_back(user_id, uid)
    return Status(204, None)
