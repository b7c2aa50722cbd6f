"""Messages as they are sent, edited and taken back: the frames `send`, `edit` and `withdraw`."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from ninja import Router

from chat import intake, protocol, streams
from chat.api.answers import answers
from chat.api.framed import (
    ASKING,
    UID,
    Accepted,
    body,
    open_to,
    parameter,
    parameters,
    streamed,
)
from chat.api.frames import ask, told, wants, who

router = Router(tags=["messages"], auth=None)


@router.post(
    "/messages",
    response={200: None} | answers(Accepted, *ASKING, status=202),
    openapi_extra=open_to("chat") | body("send") | streamed(200),
)
async def send(request: HttpRequest) -> HttpResponseBase:
    """Store a message and its queued reply."""
    return await ask(request, "send", settings.MESSAGE_BYTES)


@router.patch(
    "/messages/{uid}",
    response={200: None} | answers(Accepted, *ASKING, status=202),
    openapi_extra=open_to("chat") | body("edit", "message") | streamed(200),
)
async def edit(request: HttpRequest, uid: UUID) -> HttpResponseBase:
    """Give a message of yours another text: beside it, or in place while its reply waits."""
    return await ask(request, "edit", settings.MESSAGE_BYTES, message=uid)


@router.delete(
    "/messages/{uid}",
    response=answers(Accepted, *ASKING),
    openapi_extra=open_to("chat")
    | parameters(parameter("query", "id", "Made by you.", required=True, schema=UID)),
)
async def withdraw(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Take back a message whose reply still waits."""
    wants(request, "json")
    caller = await who(request, "chat")
    streams.ration(caller.user_id)
    frame = protocol.parse_body("withdraw", b"", limit=0, id=request.GET.get("id"), message=uid)
    accepted = await intake.accept(caller.user_id, cast(protocol.Withdraw, frame))
    return told(200, protocol.accepted(accepted))
