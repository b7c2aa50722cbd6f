"""The routes under /v1/. Callers show a Parley token; cookies count for nothing here."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from inspect import AGEN_CLOSED, getasyncgenstate
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import structlog
from django.conf import settings
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.views.decorators.csrf import csrf_exempt
from structlog.contextvars import get_contextvars

from chat import admission, streams
from chat.api.openai import addresses, answers, calls, errors, stored
from chat.api.openai.errors import OpenAIProblem
from chat.api.openai.serving import Serving, leave
from chat.authentication import AuthenticationFailed, Caller, identify, refuse_token_in_address
from chat.commands import refusals
from chat.database.threads import SOCKETS
from chat.models import Accepted, catalogue
from chat.models.commands.openai_calls import NewCall, choice_named, place_call
from chat.protocol import BadFrame
from chat.protocol.sentences import BROKEN
from chat.replies import process

logger = structlog.stdlib.get_logger(__name__)

KEY_LENGTH = 255
KEPT = "x-parley-stored"
"""The header that decides if a call is stored, whatever its body says."""
NO_KEY = "No API key was sent. Send a token of your account page as `Authorization: Bearer …`."
LARGE = 128 * 1024
"""Bytes of a body that take some milliseconds to be read."""

type View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


def in_openai_shape(method: str, *scopes: str) -> Callable[[View], View]:
    """A view for this method (or several, with commas) and for callers with one of these scopes.

    All that goes wrong in it is answered as OpenAI does.
    """

    methods = (method, "HEAD") if method == "GET" else tuple(method.split(", "))

    def wrap(view: View) -> View:
        async def answer(request: HttpRequest, **named: Any) -> HttpResponseBase:
            try:
                caller = await _caller(request, *scopes)
                if request.method not in methods:
                    message = f"This URL takes only {', '.join(methods)}."
                    headers = {"Allow": ", ".join(methods)}
                    raise OpenAIProblem(405, message, code="method_not_allowed", headers=headers)
                response = await view(request, caller, **named)
            except OpenAIProblem as refusal:
                response = _refuse(refusal)
            except BadFrame as bad:
                response = _refuse(errors.of_frame(bad))
            except Exception:
                logger.exception("a call of the OpenAI-compatible API failed")
                response = _refuse(
                    OpenAIProblem(500, BROKEN, type=errors.SERVER, code="server_error")
                )
            response["x-request-id"] = str(get_contextvars().get("request", ""))
            return response

        return csrf_exempt(answer)

    return wrap


async def _caller(request: HttpRequest, *scopes: str) -> Caller:
    try:
        refuse_token_in_address(request)
        if "Authorization" not in request.headers:
            raise AuthenticationFailed(401, "bad_token", NO_KEY, {"WWW-Authenticate": "Bearer"})
        with refusals():
            return await SOCKETS.run(identify, request, *scopes)
    except AuthenticationFailed as refused:
        code = "invalid_api_key" if refused.status == 401 else refused.code
        raise OpenAIProblem(
            refused.status, refused.message, code=code, headers=refused.headers
        ) from None


def _refuse(refusal: OpenAIProblem) -> HttpResponse:
    return HttpResponse(
        refusal.body,
        status=refusal.status,
        content_type="application/json",
        headers=refusal.headers,
    )


# --- models -------------------------------------------------------------------------------


@in_openai_shape("GET", "chat", "read")
async def models(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Models that this user may use."""
    with refusals():
        offers = (await SOCKETS.run(catalogue, caller.user_id)).offers
    data = [answers.model_object(offer.id, offer.endpoint) for offer in offers]
    return JsonResponse({"object": "list", "data": data})


@in_openai_shape("GET", "chat", "read")
async def model(request: HttpRequest, caller: Caller, id: str) -> HttpResponse:
    """One of them."""
    with refusals():
        found = await SOCKETS.run(choice_named, caller.user_id, id)
    offer = found.offer
    assert offer is not None
    return JsonResponse(answers.model_object(offer.id, offer.endpoint))


# --- completions --------------------------------------------------------------------------


@in_openai_shape("POST", "chat")
async def completions(request: HttpRequest, caller: Caller) -> HttpResponseBase:
    """Store the call as a message of a conversation, and answer with the reply to it."""
    admission.ration(caller.user_id, caller.token)
    raw = _body(request)
    # Aside, where it is large: it would hold up every stream for as long.
    call, digest = await asyncio.to_thread(_read, raw) if len(raw) > LARGE else _read(raw)
    if not settings.API_STORE_OPTIONAL:
        call = replace(call, store=True)  # by the header
    key = _key(request)
    admission.admit(caller.login)
    try:
        accepted = await _place(caller, call, key, digest)
    except BaseException:  # also of a client that leaves
        admission.give_back(caller.login)
        raise
    request.accepted = accepted  # type: ignore[attr-defined]  # for the line of the log
    serving = Serving(caller.login, call, accepted)
    kept = {KEPT: "true" if call.store else "false"}
    if not call.stream:
        whole = await serving.whole()
        return JsonResponse(whole, json_dumps_params={"ensure_ascii": False}, headers=kept)
    events = serving.stream()
    # Begun here, so that it learns of a client that leaves before anything was sent.
    first = await anext(events)
    _end_with_request(events)
    return StreamingHttpResponse(
        _after(first, events),
        content_type="text/event-stream; charset=utf-8",
        headers=streams.HEADERS | kept,
    )


def _end_with_request(events: AsyncGenerator[bytes]) -> None:
    """Close the events of a client that leaves while its response passes the middleware.

    Nobody iterates or closes a response that is cut off there, and its reply would go on until
    the garbage is collected. The task is the whole request's, as no middleware runs views in
    another one.
    """

    def close(_: asyncio.Task[Any]) -> None:
        if getasyncgenstate(events) != AGEN_CLOSED:
            process.spawn(events.aclose(), "left-answer")

    task = asyncio.current_task()
    assert task is not None
    task.add_done_callback(close)


async def _after(first: bytes, events: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    try:
        yield first
        async for event in events:
            yield event
    finally:
        await events.aclose()


def _read(raw: bytes) -> tuple[calls.Call, str]:
    """The call in this body, and the digest by which its repetition is recognised."""
    return calls.parse(raw), hashlib.sha256(raw).hexdigest()


async def _place(caller: Caller, call: calls.Call, key: UUID | None, digest: str) -> Accepted:
    """Store the call; stop its reply where the client leaves meanwhile."""
    user_id = caller.user_id
    new_call = NewCall(
        call.model, call.messages, call.parameters, call.store, caller.token, call.metadata
    )
    with refusals():
        storing = asyncio.ensure_future(
            SOCKETS.run_for(user_id, place_call, user_id, new_call, key, digest)
        )
        try:
            return await asyncio.shield(storing)
        except asyncio.CancelledError:
            process.spawn(_leave_later(user_id, storing, new_call.store), "left-call")
            raise


async def _leave_later(user_id: int, storing: asyncio.Future[Accepted], store: bool) -> None:
    with suppress(BadFrame), refusals():
        leave(user_id, await storing, stop=True, store=store)


def _body(request: HttpRequest) -> bytes:
    """Not `request.body`: that has the limit of all other requests."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        message = "A compressed body is not read here: leave out Content-Encoding."
        raise OpenAIProblem(415, message, code="unsupported_encoding")
    raw = request.read(settings.API_BODY_BYTES + 1)
    if len(raw) > settings.API_BODY_BYTES:
        message = f"A body has at most {settings.API_BODY_BYTES} bytes (API_BODY_BYTES)."
        raise OpenAIProblem(413, message, code="request_too_large")
    return raw


def _key(request: HttpRequest) -> UUID | None:
    """`Idempotency-Key`, as a key among those of all the user's requests."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not key or len(key) > KEY_LENGTH:
        message = f"An Idempotency-Key has 1 to {KEY_LENGTH} characters."
        raise OpenAIProblem(400, message, code="invalid_idempotency_key")
    return uuid5(NAMESPACE_URL, f"idempotency-key:{key}")


def by_method(**views: View) -> View:
    """One address with a view for each method."""
    known = dict.fromkeys(views) | ({"HEAD": None} if "GET" in views else {})

    @in_openai_shape(", ".join(known))
    async def other(request: HttpRequest, caller: Caller, **named: Any) -> HttpResponseBase:
        raise NotImplementedError

    async def answer(request: HttpRequest, **named: Any) -> HttpResponseBase:
        method = "GET" if request.method == "HEAD" else str(request.method)
        return await views.get(method, other)(request, **named)

    return csrf_exempt(answer)


asked_or_listed = by_method(
    POST=completions, GET=in_openai_shape("GET", "chat", "read")(stored.listed)
)
one_stored = by_method(
    GET=in_openai_shape("GET", "chat", "read")(stored.fetched),
    POST=in_openai_shape("POST", "chat")(stored.updated),
    DELETE=in_openai_shape("DELETE", "chat")(stored.deleted),
)
messages = in_openai_shape("GET", "chat", "read")(stored.messages)


@csrf_exempt
async def nothing(request: HttpRequest, path: str = "") -> HttpResponse:
    """Every other address under /v1/, and those that clients ask for without it."""
    served = ", ".join(f"/v1/{one}" for one in addresses.SERVED)
    sentence = f"There is nothing at this URL{addresses.explain(request.path)}."
    message = f"{sentence} Available are {served}. The base URL of a client ends with /v1."
    return _refuse(OpenAIProblem(404, message, code="unknown_url"))
