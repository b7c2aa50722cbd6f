"""Replies: state, stream and actions."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from ninja import Router

from chat import admission, commands, protocol, streams
from chat.api.answers import answer, answers, errors, shown
from chat.api.frame_requests import authenticate, frame_response, negotiate, submit
from chat.api.frame_schemas import (
    POSITION,
    REPLY_ERRORS,
    OneReply,
    Ticket,
    body,
    open_to,
    parameter,
    parameters,
    streamed,
)
from chat.authentication import identify, make_ticket
from chat.models import Counter, Reply
from chat.protocol import AcceptedFrame, EndFrame, StatusFrame

router = Router(tags=["replies"], auth=None)

STOP_SECONDS = 5
"""Seconds for which the answer to a stop waits for the end."""


@router.get(
    "/replies/{uid}",
    response=answers(OneReply, 404, 422),
    openapi_extra=open_to("chat", "read"),
)
def reply(request: HttpRequest, uid: UUID) -> HttpResponse:
    """A reply; with its text once it has ended."""
    negotiate(request, "json")
    user_id = identify(request, "chat", "read").user_id
    seq = Counter.objects.current(user_id)
    row = Reply.objects.for_user(user_id).select_related("conversation", "parent").get(uid=uid)
    return answer(OneReply(seq, protocol.reply_object(row, full=True)))


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
    form = negotiate(request, "sse", "ndjson")
    try:
        caller = await authenticate(request, "chat", "read", ticket_for=uid)
        position, ended = _position(request)
        with commands.refusals():
            attempt, has_ended = await streams.stands(caller.user_id, uid)
        if ended and has_ended and position.attempt == attempt:
            return HttpResponse(status=204)
        admission.admit(caller.login)
    except protocol.BadFrame as bad:
        if form == "sse" and commands.STATUS[bad.code] in {429, 503}:
            return streams.come_back()
        raise
    return streams.respond(caller.login, form, uid, position)


def _position(request: HttpRequest) -> tuple[protocol.Position, bool]:
    """The client's position: the id of its last event, else `from` in the address."""
    position = protocol.START, False
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
async def ticket(request: HttpRequest, uid: UUID) -> HttpResponse:
    """A ticket for the stream of this reply, for an `EventSource`, which cannot send headers."""
    negotiate(request, "json")
    caller = await authenticate(request, "chat", "read")
    admission.ration(caller.user_id, caller.token)
    with commands.refusals():
        await streams.stands(caller.user_id, uid)
    made = make_ticket(caller, uid)
    path = reverse("api-1:events", kwargs={"uid": uid})
    expires = timezone.now() + timedelta(seconds=settings.TICKET_SECONDS)
    return answer(Ticket(made, f"{path}?ticket={made}", protocol.moment(expires)))


@router.post(
    "/replies/{uid}/stop",
    response=answers(EndFrame, 404, 422) | {202: shown(StatusFrame)},
    openapi_extra=open_to("chat"),
)
async def stop(request: HttpRequest, uid: UUID) -> HttpResponse:
    """End a reply, waiting or running; the same answer when repeated. Never rate limited."""
    negotiate(request, "json")
    user_id = (await authenticate(request, "chat")).user_id
    row = await commands.stop(user_id, uid)
    if row.ended is not None:
        return frame_response(200, protocol.end(row))
    with commands.refusals():
        ended, frame = await streams.until_end(user_id, uid, STOP_SECONDS)
    return frame_response(200 if ended else 202, frame)


@router.post(
    "/replies/{uid}/regenerate",
    response={200: None} | answers(AcceptedFrame, *REPLY_ERRORS, status=202),
    openapi_extra=open_to("chat") | body("regenerate", "reply") | streamed(200),
)
async def regenerate(request: HttpRequest, uid: UUID) -> HttpResponseBase:
    """Another reply beside this one, with the same or another model."""
    return await submit(request, "regenerate", settings.CONTROL_FRAME_BYTES, reply=uid)


@router.post(
    "/replies/{uid}/continue",
    response={200: None} | answers(AcceptedFrame, *REPLY_ERRORS, status=202),
    openapi_extra=open_to("chat") | body("continue", "reply") | streamed(200),
)
async def continue_(request: HttpRequest, uid: UUID) -> HttpResponseBase:
    """One more attempt of this reply, on the text it has."""
    return await submit(request, "continue", settings.CONTROL_FRAME_BYTES, reply=uid)
