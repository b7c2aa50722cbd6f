"""Calls that were kept: listed, fetched again, described and deleted as OpenAI's API does.

https://platform.openai.com/docs/api-reference/chat/list
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, HttpResponse

from chat.api.openai.answers import Answer, finish_reason
from chat.api.openai.calls import read_metadata, read_object
from chat.api.openai.errors import OpenAIProblem, invalid
from chat.authentication import Caller
from chat.commands import refusals
from chat.database.threads import SOCKETS
from chat.models import ApiCall
from chat.models.attempting.prompts import prompt
from chat.models.commands.call_deletion import StillAnswered, delete_call

LIMIT = 20
MOST = 100
CHARACTERS = 4 * 1024 * 1024
"""Of the answers on one page; a longer one stands alone."""
PAIRS = 16
"""Pairs of metadata that a list may be narrowed by."""
ECHOED = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "service_tier")
"""Parameters that are sent with a stored completion."""


def read_id(id: str) -> UUID:
    """The reply of a completion's id, without `chatcmpl-`. Raises `OpenAIProblem`."""
    try:
        return UUID(id)
    except ValueError:
        raise _unknown() from None


async def listed(request: HttpRequest, caller: Caller) -> HttpResponse:
    """A page of the user's stored completions."""
    return await _answer(_list, caller.user_id, request.GET.dict())


async def fetched(request: HttpRequest, caller: Caller, id: str) -> HttpResponse:
    """One of them."""
    return await _answer(_fetch, caller.user_id, read_id(id))


async def messages(request: HttpRequest, caller: Caller, id: str) -> HttpResponse:
    """The prompt of one of them."""
    return await _answer(_messages, caller.user_id, read_id(id), request.GET.dict())


async def updated(request: HttpRequest, caller: Caller, id: str) -> HttpResponse:
    """Other metadata for one of them."""
    raw = request.read(settings.CONTROL_FRAME_BYTES + 1)
    if len(raw) > settings.CONTROL_FRAME_BYTES:
        message = (
            f"Metadata has at most {settings.CONTROL_FRAME_BYTES} bytes (CONTROL_FRAME_BYTES)."
        )
        raise OpenAIProblem(413, message, code="request_too_large")
    metadata = read_metadata(read_object(raw).get("metadata"))
    return await _answer(_update, caller.user_id, read_id(id), metadata)


async def deleted(request: HttpRequest, caller: Caller, id: str) -> HttpResponse:
    """One of them no more."""
    return await _answer(_delete, caller.user_id, read_id(id), for_user=caller.user_id)


async def _answer(
    work: Callable[..., dict[str, Any]], *args: Any, for_user: int | None = None
) -> HttpResponse:
    """Also the JSON is made aside: a page may have megabytes. A writer names whose turn it is."""

    def write() -> str:
        return json.dumps(work(*args), ensure_ascii=False)

    with refusals():
        running = SOCKETS.run(write) if for_user is None else SOCKETS.run_for(for_user, write)
        body = await running
    return HttpResponse(body, content_type="application/json")


# --- in the sockets' thread -----------------------------------------------------------------


def _list(user_id: int, query: dict[str, str]) -> dict[str, Any]:
    after, newest_first, limit = _page_of(query, "asc")
    rows = ApiCall.objects.kept(user_id).with_metadata(_wanted_metadata(query))
    if model := query.get("model"):
        rows = rows.filter(Q(reply__model=model) | Q(reply__model__endswith=f"/{model}"))
    last = _call(user_id, read_id(after.removeprefix("chatcmpl-"))).pk if after else None
    found, more = rows.page(
        after=last, newest_first=newest_first, limit=limit, characters=CHARACTERS
    )
    return _a_list([_completion(call) for call in found], more)


def _fetch(user_id: int, reply: UUID) -> dict[str, Any]:
    return _completion(_call(user_id, reply))


def _messages(user_id: int, reply: UUID, query: dict[str, str]) -> dict[str, Any]:
    after, newest_first, limit = _page_of(query, "asc")
    call = _call(user_id, reply)
    reply_to = call.reply.parent
    assert reply_to is not None
    said = call.prompt(prompt(call.reply.conversation, reply_to))
    rows = [
        {"id": f"chatcmpl-{reply.hex}-{at}", "name": None, "content_parts": None} | message
        for at, message in enumerate(said)
    ]
    if newest_first:
        rows.reverse()
    if after:
        at = next((at for at, row in enumerate(rows) if row["id"] == after), None)
        if at is None:
            raise _unknown()
        rows = rows[at + 1 :]
    return _a_list(rows[:limit], len(rows) > limit)


def _update(user_id: int, reply: UUID, metadata: dict[str, Any]) -> dict[str, Any]:
    call = _call(user_id, reply)
    call.describe(metadata)
    return _completion(call)


def _delete(user_id: int, reply: UUID) -> dict[str, Any]:
    try:
        delete_call(user_id, reply)
    except ApiCall.DoesNotExist:
        raise _unknown() from None
    except StillAnswered:
        message = "This call is still being answered: close its connection to stop it."
        raise OpenAIProblem(409, message, code="still_answered", again=False) from None
    kind = "chat.completion.deleted"
    return {"object": kind, "id": f"chatcmpl-{reply.hex}", "deleted": True}


def _call(user_id: int, reply: UUID) -> ApiCall:
    found = ApiCall.objects.kept(user_id).filter(reply__uid=reply).first()
    if found is None:
        raise _unknown()
    return found


def _completion(call: ApiCall) -> dict[str, Any]:
    reply = call.reply
    answer = Answer(f"chatcmpl-{reply.uid.hex}", int(reply.created.timestamp()), reply.model)
    reason = finish_reason(reply.status, reply.finish_reason)
    made = answer.completion(reply.text, reply.reasoning, reason, reply.usage)
    return made | {name: call.parameters.get(name) for name in ECHOED} | {"metadata": call.metadata}


def _a_list(rows: Sequence[dict[str, Any]], more: bool) -> dict[str, Any]:
    ends = {"first_id": rows[0]["id"], "last_id": rows[-1]["id"]} if rows else {}
    empty = {"first_id": None, "last_id": None}
    return {"object": "list", "data": rows} | empty | ends | {"has_more": more}


# --- parameters -----------------------------------------------------------------------------


def _page_of(query: dict[str, str], order: str) -> tuple[str, bool, int]:
    """After which id, whether the newest come first, and how many at most."""
    order, limit = query.get("order") or order, query.get("limit") or str(LIMIT)
    if order not in ("asc", "desc"):
        raise invalid("'order' is asc or desc.", "order", "invalid_value")
    if not (limit.isascii() and limit.isdigit() and len(limit) < 4 and 1 <= int(limit) <= MOST):
        raise invalid(f"'limit' is a number from 1 to {MOST}.", "limit", "invalid_value")
    return query.get("after", ""), order == "desc", int(limit)


def _wanted_metadata(query: dict[str, str]) -> dict[str, str]:
    """`metadata[key]=value`, as the SDKs write it."""
    found = {
        name[len("metadata[") : -1]: value
        for name, value in query.items()
        if name.startswith("metadata[") and name.endswith("]")
    }
    if len(found) > PAIRS:
        raise invalid(f"At most {PAIRS} pairs of metadata.", "metadata", "invalid_value")
    return found


def _unknown() -> OpenAIProblem:
    return OpenAIProblem(404, "There is no such stored completion.", code="not_found")
