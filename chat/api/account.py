"""What concerns the user as a whole: the models on offer, and what has changed."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router

from chat import protocol
from chat.models import Counter, catalogue, changes_since

router = Router()


def _user_id(request: HttpRequest) -> int:
    pk: int = request.user.pk  # type: ignore[assignment]  # `auth` lets nobody else in
    return pk


@router.get("/models")
def models(request: HttpRequest) -> dict[str, Any]:
    seq = Counter.objects.current(_user_id(request))
    return {"seq": seq, "models": protocol.model_objects(catalogue(_user_id(request)))}


@router.get("/changes")
def changes(request: HttpRequest, since: int) -> dict[str, Any]:
    found = changes_since(_user_id(request), since)
    return {
        "seq": found.seq,
        "reset": found.reset,
        "conversations": [protocol.conversation_object(row) for row in found.conversations],
        "messages": [protocol.message_object(row) for row in found.messages],
        "deleted": {
            "conversations": found.deleted_conversations,
            "messages": found.deleted_messages,
        },
    }
