"""The order of pinned conversations."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import ConfigDict, Field

from chat import admission, commands, protocol
from chat.api.answers import answer, answers
from chat.api.auth import Access, caller_of
from chat.models import Counter
from chat.models.commands.pins import order_pins
from chat.protocol import ConversationObject, Seq, Shape

router = Router(tags=["conversations"])

MOST = 200


class Pins(Schema):
    model_config = ConfigDict(extra="forbid")

    conversations: Annotated[
        list[UUID], Field(max_length=MOST, description="Pinned in this order, before the others.")
    ]


class Pinned(Shape, frozen=True):
    seq: Seq
    conversations: list[ConversationObject]


@router.put("/pins", auth=Access("chat"), response=answers(Pinned, 404, 413, 415, 422, 429))
def pin_conversations(request: HttpRequest, pins: Pins) -> HttpResponse:
    """Pin these conversations in this order. Other pinned ones follow, as they did."""
    user_id = caller_of(request).user_id
    admission.ration(user_id)
    seq = Counter.objects.current(user_id)
    with commands.refusals():
        rows = order_pins(user_id, pins.conversations)
    return answer(Pinned(seq, [protocol.conversation_object(row) for row in rows]))
