"""Frames of clients as HTTP requests: caller, limits and parser; answered by `Accept`."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from chat import admission, commands, protocol, streams
from chat.api.auth import preferred
from chat.api.bodies import read_body
from chat.api.problems import ApiProblem
from chat.authentication import Caller, identify
from chat.database.threads import SOCKETS
from chat.sentence import Sentence

TYPES = {
    "json": "application/json",
    "sse": "text/event-stream",
    "ndjson": "application/x-ndjson",
}


def negotiate(request: HttpRequest, *forms: str) -> str:
    """The form that `Accept` prefers; the first where it has no preference."""
    if not request.headers.get("Accept", "").strip():
        return forms[0]
    best = preferred(request, [TYPES[form] for form in forms])
    if best is None:
        there_is = ", ".join(TYPES[form] for form in forms)
        message = Sentence(
            "This URL returns {there_is}, none of which `Accept` allows.", there_is=there_is
        )
        raise ApiProblem(406, "not_acceptable", message, field="Accept")
    return next(form for form in forms if TYPES[form] == best)


async def authenticate(
    request: HttpRequest, *scopes: str, ticket_for: UUID | None = None
) -> Caller:
    """The caller, read in the sockets' thread: a stream must not keep a request's connection."""
    with commands.refusals():
        return await SOCKETS.run(identify, request, *scopes, ticket_for=ticket_for)


async def submit(request: HttpRequest, kind: str, limit: int, **fixed: object) -> HttpResponseBase:
    """Carry out the frame in the body: 202 with the `accepted` frame, or the reply's stream."""
    form = negotiate(request, "json", "sse", "ndjson")
    caller = await authenticate(request, "chat")
    admission.ration(caller.user_id, caller.token)
    body = read_body(request, limit)
    frame = cast(protocol.Command, parse(request, kind, body, limit=limit, **fixed))
    if form != "json":
        admission.admit(caller.login)
    try:
        accepted = await commands.accept(caller.user_id, frame, caller.token)
        request.accepted = accepted  # type: ignore[attr-defined]  # for the line of the log
    except BaseException:  # also of a client that leaves
        if form != "json":
            admission.give_back(caller.login)
        raise
    if form == "json":
        return frame_response(202, commands.accepted_frame(accepted))
    return streams.respond(caller.login, form, accepted.reply, accepted=accepted)


def parse(
    request: HttpRequest, kind: str, body: bytes, *, limit: int, **fixed: object
) -> protocol.ClientFrame:
    """The frame that a request means. Raises `BadFrame`.

    The request remembers its ids: a fault of the server is answered with them.
    """
    frame = protocol.parse_body(kind, body, limit=limit, **fixed)
    request.about = commands.about_of(frame)  # type: ignore[attr-defined]
    return frame


def frame_response(status: int, frame: str) -> HttpResponse:
    """One frame as the whole answer."""
    return HttpResponse(frame, status=status, content_type="application/json")
