"""A client's frames as requests: who sends one, how often, what it says; answered by `Accept`."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from chat import intake, protocol, streams
from chat.access import Caller, identify
from chat.api.auth import preferred
from chat.api.bodies import read_body
from chat.api.problems import Declined
from chat.replies.database import SOCKETS

TYPES = {
    "json": "application/json",
    "sse": "text/event-stream",
    "ndjson": "application/x-ndjson",
}


def wants(request: HttpRequest, *forms: str) -> str:
    """The one of these forms that `Accept` prefers; the first where it has no preference."""
    if not request.headers.get("Accept", "").strip():
        return forms[0]
    best = preferred(request, [TYPES[form] for form in forms])
    if best is None:
        there_is = ", ".join(TYPES[form] for form in forms)
        message = f"This answers with {there_is}; `Accept` allows nothing of it."
        raise Declined(406, "not_acceptable", message, field="Accept")
    return next(form for form in forms if TYPES[form] == best)


async def who(request: HttpRequest, *scopes: str, ticket_for: UUID | None = None) -> Caller:
    """Who asks. In the sockets' thread: a stream must not keep the connection of a request."""
    with intake.refusals():
        return await SOCKETS.run(identify, request, *scopes, ticket_for=ticket_for)


async def ask(request: HttpRequest, kind: str, limit: int, **fixed: object) -> HttpResponseBase:
    """Store what the body asks for: 202 with the `accepted` frame, or the reply's stream."""
    form = wants(request, "json", "sse", "ndjson")
    caller = await who(request, "chat")
    streams.ration(caller.user_id)
    body = read_body(request, limit)
    frame = cast(protocol.Asked, protocol.parse_body(kind, body, limit=limit, **fixed))
    if form != "json":
        streams.admit(caller.user_id)
    try:
        accepted = await intake.accept(caller.user_id, frame)
    except BaseException:  # also of a client that leaves
        if form != "json":
            streams.give_back(caller.user_id)
        raise
    if form == "json":
        return told(202, protocol.accepted(accepted))
    return streams.respond(caller.login, form, accepted.reply, accepted=accepted)


def told(status: int, frame: str) -> HttpResponse:
    """One frame as the whole answer."""
    return HttpResponse(frame, status=status, content_type="application/json")
