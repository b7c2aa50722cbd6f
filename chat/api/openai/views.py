"""The routes under /v1/. Who asks shows a Parley token; cookies count for nothing here."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import suppress
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

from chat import streams
from chat.access import Caller, Refused, identify, refuse_token_in_address
from chat.api.openai import answers, calls, errors
from chat.api.openai.errors import Refusal
from chat.api.openai.serving import Serving, leave
from chat.intake import refusals
from chat.models import Accepted, catalogue
from chat.models.calling import Asked, offer_named, place_call
from chat.protocol import BadFrame
from chat.replies import process
from chat.replies.database import SOCKETS

logger = structlog.stdlib.get_logger(__name__)

KEY_LENGTH = 255
NO_KEY = "No API key was sent. Send a token of your account page as `Authorization: Bearer …`."
LARGE = 128 * 1024
"""Bytes of a body that take some milliseconds to be read."""

type View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


def in_openai_shape(method: str, *scopes: str) -> Callable[[View], View]:
    """A view for this method and for callers with one of these scopes; all that goes wrong in it
    is answered as OpenAI does."""

    def wrap(view: View) -> View:
        async def answer(request: HttpRequest, **named: Any) -> HttpResponseBase:
            try:
                caller = await _caller(request, *scopes)
                if request.method != method:
                    message = f"This address takes {method} only."
                    headers = {"Allow": method}
                    raise Refusal(405, message, code="method_not_allowed", headers=headers)
                response = await view(request, caller, **named)
            except Refusal as refusal:
                response = _refuse(refusal)
            except BadFrame as bad:
                response = _refuse(errors.of_frame(bad))
            except Exception:
                logger.exception("a call of the OpenAI-compatible API failed")
                message = "Something went wrong on this server."
                response = _refuse(Refusal(500, message, type=errors.SERVER, code="server_error"))
            response["x-request-id"] = str(get_contextvars().get("request", ""))
            return response

        return csrf_exempt(answer)

    return wrap


async def _caller(request: HttpRequest, *scopes: str) -> Caller:
    try:
        refuse_token_in_address(request)
        if "Authorization" not in request.headers:
            raise Refused(401, "bad_token", NO_KEY, {"WWW-Authenticate": "Bearer"})
        with refusals():
            return await SOCKETS.run(identify, request, *scopes)
    except Refused as refused:
        code = "invalid_api_key" if refused.status == 401 else refused.code
        raise Refusal(refused.status, refused.message, code=code, headers=refused.headers) from None


def _refuse(refusal: Refusal) -> HttpResponse:
    return HttpResponse(
        refusal.body,
        status=refusal.status,
        content_type="application/json",
        headers=refusal.headers,
    )


# --- models -------------------------------------------------------------------------------


@in_openai_shape("GET", "chat", "read")
async def models(request: HttpRequest, caller: Caller) -> HttpResponse:
    """What this user may ask for."""
    with refusals():
        offers = (await SOCKETS.run(catalogue, caller.user_id)).offers
    data = [answers.model_object(offer.id, offer.endpoint) for offer in offers]
    return JsonResponse({"object": "list", "data": data})


@in_openai_shape("GET", "chat", "read")
async def model(request: HttpRequest, caller: Caller, id: str) -> HttpResponse:
    """One of them."""
    with refusals():
        offer = await SOCKETS.run(offer_named, caller.user_id, id)
    return JsonResponse(answers.model_object(offer.id, offer.endpoint))


# --- completions --------------------------------------------------------------------------


@in_openai_shape("POST", "chat")
async def completions(request: HttpRequest, caller: Caller) -> HttpResponseBase:
    """Store the call as a message of a conversation, and answer with the reply to it."""
    streams.ration(caller.user_id)
    raw = _body(request)
    # Aside, where it is large: it would hold up every stream for as long.
    call = await asyncio.to_thread(calls.parse, raw) if len(raw) > LARGE else calls.parse(raw)
    if not call.store and not settings.API_STORE_OPTIONAL:
        message = "This server stores every call: its operator has not allowed 'store': false."
        raise errors.invalid(message, "store", "unsupported_value")
    key = _key(request)
    streams.admit(caller.user_id)
    try:
        accepted = await _place(caller.user_id, call, key, raw)
    except BaseException:  # also of a client that leaves
        streams.give_back(caller.user_id)
        raise
    serving = Serving(caller.login, call, accepted)
    if not call.stream:
        return JsonResponse(await serving.whole(), json_dumps_params={"ensure_ascii": False})
    events = serving.stream()
    # Begun here, so that it learns of a client that leaves before anything was sent.
    first = await anext(events)
    _end_with_request(events)
    return StreamingHttpResponse(
        _after(first, events),
        content_type="text/event-stream; charset=utf-8",
        headers=streams.HEADERS,
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


async def _place(user_id: int, call: calls.Call, key: UUID | None, raw: bytes) -> Accepted:
    """Store the call; stop its reply where the client leaves meanwhile."""
    asked = Asked(call.model, call.messages, call.parameters, call.store)
    digest = hashlib.sha256(raw).hexdigest()
    with refusals():
        storing = asyncio.ensure_future(SOCKETS.run(place_call, user_id, asked, key, digest))
        try:
            return await asyncio.shield(storing)
        except asyncio.CancelledError:
            process.spawn(_leave_later(user_id, storing, asked.store), "left-call")
            raise


async def _leave_later(user_id: int, storing: asyncio.Future[Accepted], store: bool) -> None:
    with suppress(BadFrame), refusals():
        leave(user_id, await storing, stop=True, store=store)


def _body(request: HttpRequest) -> bytes:
    """Not `request.body`: that has the limit of all other requests."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refusal(415, "A compressed body is not read here.", code="unsupported_encoding")
    raw = request.read(settings.API_BODY_BYTES + 1)
    if len(raw) > settings.API_BODY_BYTES:
        message = f"A body has at most {settings.API_BODY_BYTES} bytes."
        raise Refusal(413, message, code="request_too_large")
    return raw


def _key(request: HttpRequest) -> UUID | None:
    """`Idempotency-Key`, as a key among those of all the user's requests."""
    told = request.headers.get("Idempotency-Key")
    if told is None:
        return None
    if not told or len(told) > KEY_LENGTH:
        message = f"An Idempotency-Key has 1 to {KEY_LENGTH} characters."
        raise Refusal(400, message, code="invalid_idempotency_key")
    return uuid5(NAMESPACE_URL, f"idempotency-key:{told}")


@csrf_exempt
async def nothing(request: HttpRequest, path: str = "") -> HttpResponse:
    """Every other address under /v1/."""
    message = "There is nothing at this address. Served are /v1/models and /v1/chat/completions."
    return _refuse(Refusal(404, message, code="unknown_url"))
