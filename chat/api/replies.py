"""Replies: how one stands, its stream, and what can be asked of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from ninja import Router

from chat import intake, protocol, streams
from chat.access import identify, make_ticket
from chat.api.answers import answer, answers, errors
from chat.api.framed import (
    ASKING,
    POSITION,
    Accepted,
    End,
    OneReply,
    Status,
    Ticket,
    body,
    open_to,
    parameter,
    parameters,
    streamed,
)
from chat.api.frames import ask, told, wants, who
from chat.models import Counter, Reply

router = Router(tags=["replies"], auth=None)

STOP_SECONDS = 5
"""How long the answer to a stop waits for the end."""


@router.get(
    "/replies/{uid}",
    response=answers(OneReply, 404, 422),
    openapi_extra=open_to("chat", "read"),
)
def reply(request: HttpRequest, uid: UUID) -> HttpResponse:
    """A reply; with its text once it has ended."""
    wants(request, "json")
    user_id = identify(request, "chat", "read").user_id
    seq = Counter.objects.current(user_id)
    row = Reply.objects.for_user(user_id).select_related("conversation", "parent").get(uid=uid)
    return answer({"seq": seq, "message": protocol.message_object(row, full=True)})


@router.get(
    "/replies/{uid}/events",
    response={200: None, 204: None} | errors(404, 422, 429),
    openapi_extra=open_to("chat", "read")
    | streamed(200)
    | parameters(
        parameter("query", "from", "`attempt.text.reasoning`: what you have.", schema=POSITION),
        parameter("query", "ticket", "From `POST …/ticket`, instead of a header."),
        parameter(
            "header",
            "Last-Event-ID",
            "The `id:` of the last event, from `EventSource`; wins over `from`.",
            schema=POSITION,
        ),
    ),
)
async def events(request: HttpRequest, uid: UUID) -> HttpResponseBase:
    """The frames of a reply from a position on, until its `end`."""
    form = wants(request, "sse", "ndjson")
    try:
        caller = await who(request, "chat", "read", ticket_for=uid)
        position = _position(request)
        with intake.refusals():
            stands = await streams.stands(caller.user_id, uid)
        if position.ended and stands.ended and position.attempt == stands.attempt:
            return HttpResponse(status=204)
        streams.admit(caller.user_id)
    except protocol.BadFrame as bad:
        if form == "sse" and intake.STATUS[bad.code] in {429, 503}:
            return streams.come_back()
        raise
    return streams.respond(caller.login, form, uid, position)


def _position(request: HttpRequest) -> streams.Position:
    """Where the client is: the id of the last event it had, else what the address says."""
    position = streams.START
    if "from" in request.GET:
        position = streams.read_position(request.GET["from"], "from")
    if last := request.headers.get("Last-Event-ID", ""):
        position = streams.read_position(last, "Last-Event-ID")
    return position


@router.post(
    "/replies/{uid}/ticket",
    response=answers(Ticket, 404, 422, 429),
    openapi_extra=open_to("chat", "read"),
)
async def ticket(request: HttpRequest, uid: UUID) -> dict[str, Any]:
    """What opens the stream of this reply for an `EventSource`, which cannot send headers."""
    wants(request, "json")
    caller = await who(request, "chat", "read")
    streams.ration(caller.user_id)
    with intake.refusals():
        await streams.stands(caller.user_id, uid)
    made = make_ticket(caller, uid)
    path = reverse("api-1:events", kwargs={"uid": uid})
    expires = timezone.now() + timedelta(seconds=settings.TICKET_SECONDS)
    return {"ticket": made, "url": f"{path}?ticket={made}", "expires": protocol.time(expires)}


@router.post(
    "/replies/{uid}/stop",
    response=answers(End, 404, 422) | {202: Status},
    openapi_extra=open_to("chat"),
)
async def stop(request: HttpRequest, uid: UUID) -> HttpResponse:
    """End a reply, waiting or running; the same answer when repeated. Never rate limited."""
    wants(request, "json")
    user_id = (await who(request, "chat")).user_id
    row = await intake.stop(user_id, uid)
    if row.ended is not None:
        return told(200, protocol.end(row))
    with intake.refusals():
        ended, frame = await streams.until_end(user_id, uid, STOP_SECONDS)
    return told(200 if ended else 202, frame)


@router.post(
    "/replies/{uid}/regenerate",
    response={200: None} | answers(Accepted, *ASKING, status=202),
    openapi_extra=open_to("chat") | body("regenerate", "reply") | streamed(200),
)
async def regenerate(request: HttpRequest, uid: UUID) -> HttpResponseBase:
    """Another reply beside this one, with the same or another model."""
    return await ask(request, "regenerate", settings.CONTROL_FRAME_BYTES, reply=uid)


@router.post(
    "/replies/{uid}/continue",
    response={200: None} | answers(Accepted, *ASKING, status=202),
    openapi_extra=open_to("chat") | body("continue", "reply") | streamed(200),
)
async def continue_(request: HttpRequest, uid: UUID) -> HttpResponseBase:
    """One more attempt of this reply, on the text it has."""
    return await ask(request, "continue", settings.CONTROL_FRAME_BYTES, reply=uid)
