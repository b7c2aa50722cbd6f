"""Messages as they are sent, edited and taken back: the frames `send`, `edit` and `withdraw`."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from ninja import Router

from chat import admission, commands, protocol
from chat.api.answers import answers
from chat.api.frame_requests import authenticate, frame_response, negotiate, parse, submit
from chat.api.frame_schemas import (
    REPLY_ERRORS,
    UID,
    body,
    open_to,
    parameter,
    parameters,
    streamed,
)
from chat.protocol import AcceptedFrame

router = Router(tags=["messages"], auth=None)


@router.post(
    "/messages",
    response={200: None} | answers(AcceptedFrame, *REPLY_ERRORS, status=202),
    openapi_extra=open_to("chat") | body("send") | streamed(200),
)
async def send(request: HttpRequest) -> HttpResponseBase:
    """Store a message and its queued reply."""
    return await submit(request, "send", settings.MESSAGE_BYTES)


@router.patch(
    "/messages/{uid}",
    response={200: None} | answers(AcceptedFrame, *REPLY_ERRORS, status=202),
    openapi_extra=open_to("chat") | body("edit", "message") | streamed(200),
)
async def edit(request: HttpRequest, uid: UUID) -> HttpResponseBase:
    """Give a message of yours another text: beside it, or in place while its reply waits."""
    return await submit(request, "edit", settings.MESSAGE_BYTES, message=uid)


@router.delete(
    "/messages/{uid}",
    response=answers(AcceptedFrame, *REPLY_ERRORS),
    openapi_extra=open_to("chat")
    | parameters(parameter("query", "id", "Made by you.", required=True, schema=UID)),
)
async def withdraw(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Take back a message whose reply still waits."""
    negotiate(request, "json")
    caller = await authenticate(request, "chat")
    admission.ration(caller.user_id, caller.token)
    frame = parse(request, "withdraw", b"", limit=0, id=request.GET.get("id"), message=uid)
    accepted = await commands.accept(caller.user_id, cast(protocol.Withdraw, frame))
    request.accepted = accepted  # type: ignore[attr-defined]  # for the line of the log
    return frame_response(200, commands.accepted_frame(accepted))
