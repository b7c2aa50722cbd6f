"""The JSON API under /api/v1/: a session cookie, CSRF on everything that changes something."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist, RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema, Status
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.security import django_auth
from pydantic import ConfigDict, Field

from chat import protocol
from chat.models import Conversation, Counter, catalogue, changes_since

api = NinjaAPI(title="Parley", version="1", auth=django_auth, docs_url=None, openapi_url=None)

PAGE = 50


def _problem(
    request: HttpRequest, status: int, code: str, message: str, **facts: object
) -> HttpResponse:
    body = {"code": code, "message": message} | facts
    return api.create_response(request, body, status=status)


@api.exception_handler(AuthenticationError)
def _not_logged_in(request: HttpRequest, _: AuthenticationError) -> HttpResponse:
    return _problem(request, 401, "not_logged_in", "Log in first.")


@api.exception_handler(ObjectDoesNotExist)
def _not_found(request: HttpRequest, _: ObjectDoesNotExist) -> HttpResponse:
    return _problem(request, 404, "not_found", "There is nothing here for you.")


@api.exception_handler(RequestDataTooBig)
def _too_large(request: HttpRequest, _: RequestDataTooBig) -> HttpResponse:
    return _problem(request, 413, "too_large", "The body of this request is too large.")


@api.exception_handler(HttpError)
def _bad_request(request: HttpRequest, error: HttpError) -> HttpResponse:
    # Ninja raises these for a body it cannot parse, and for a failed CSRF check.
    code = "csrf" if error.status_code == 403 else "bad_json"
    message = "The CSRF token is missing or wrong." if code == "csrf" else "This is not valid JSON."
    return _problem(request, error.status_code, code, message)


@api.exception_handler(ValidationError)
def _bad_field(request: HttpRequest, error: ValidationError) -> HttpResponse:
    place = [str(part) for part in error.errors[0]["loc"]]
    field = place[-1] if len(place) > 1 else None
    return _problem(request, 422, "bad_field", str(error.errors[0]["msg"]), field=field)


def _user_id(request: HttpRequest) -> int:
    pk: int = request.user.pk  # type: ignore[assignment]  # `auth` lets nobody else in
    return pk


def _seq(request: HttpRequest) -> int:
    """The user's counter; read before the data, so that nothing in between is missed."""
    return Counter.objects.current(_user_id(request))


@api.get("/models")
def models(request: HttpRequest) -> dict[str, Any]:
    seq = _seq(request)
    return {"seq": seq, "models": protocol.model_objects(catalogue(_user_id(request)))}


@api.get("/changes")
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


@api.get("/conversations")
def conversations(
    request: HttpRequest, cursor: str = "", limit: int = PAGE, q: str = ""
) -> dict[str, Any]:
    """Newest activity first; `cursor` is the `next` of the page before."""
    limit = max(1, min(limit, 200))
    seq = _seq(request)
    rows = Conversation.objects.for_user(request.user).select_related("leaf")
    if words := protocol.clean(q).strip():
        rows = rows.filter(title__icontains=words[:200])
    if cursor:
        rows = rows.before(*_read_cursor(cursor))
    page = list(rows.order_by("-updated", "-id")[: limit + 1])
    more = len(page) > limit
    page = page[:limit]
    return {
        "seq": seq,
        "conversations": [protocol.conversation_object(row) for row in page],
        "next": _make_cursor(page[-1]) if more else None,
    }


def _make_cursor(row: Conversation) -> str:
    return base64.urlsafe_b64encode(f"{row.updated.isoformat()}|{row.pk}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, int]:
    try:
        at, _, pk = base64.urlsafe_b64decode(cursor.encode()).decode().partition("|")
        moment, number = datetime.fromisoformat(at).astimezone(UTC), int(pk)
        if not 0 <= number < 2**63:
            raise ValueError(cursor)
    except (ValueError, OverflowError, binascii.Error):
        error = {"loc": ("query", "cursor"), "msg": "This cursor is not one of ours.", "type": ""}
        raise ValidationError([error]) from None
    return moment, number


@api.get("/conversations/{uuid:uid}")
def conversation(request: HttpRequest, uid: UUID) -> dict[str, Any]:
    """The whole tree, oldest first; a reply that has not ended comes without its text."""
    seq = _seq(request)
    row = Conversation.objects.for_user(request.user).select_related("leaf").get(uid=uid)
    messages = row.messages.select_related("parent").order_by("id")
    messages = messages.defer("error_detail", "parent__text", "parent__reasoning")
    return {
        "seq": seq,
        "conversation": protocol.conversation_object(row),
        "messages": [
            protocol.message_object(message, conversation=row.uid, full=True)
            for message in messages
        ],
    }


class ConversationChange(Schema):
    model_config = ConfigDict(extra="forbid")

    title: str | None = Field(default=None, min_length=1, max_length=500)
    leaf: UUID | None = None
    model: str | None = Field(default=None, max_length=200)
    settings: dict[str, Any] | None = None


@api.patch("/conversations/{uuid:uid}")
def change_conversation(
    request: HttpRequest, uid: UUID, change: ConversationChange
) -> dict[str, Any] | HttpResponse:
    row = Conversation.objects.for_user(request.user).get(uid=uid)
    title = None
    if change.title is not None:
        title = " ".join(protocol.clean(change.title).split())
        if not title:
            return _problem(request, 422, "bad_field", "The title is empty.", field="title")
    if change.model is not None and catalogue(row.owner_id).find(change.model) is None:
        return _problem(request, 422, "no_model", "This model is not offered here.", field="model")
    settings = None
    if change.settings is not None:
        try:
            settings = protocol.parse_settings(change.settings)
        except protocol.BadFrame as bad:
            return _problem(request, 422, bad.code, bad.message, **bad.facts)
    row.change(title=title, model=change.model, leaf=change.leaf, settings=settings)
    return {"seq": row.seq, "conversation": protocol.conversation_object(row)}


@api.delete("/conversations/{uuid:uid}", response={204: None})
def delete_conversation(request: HttpRequest, uid: UUID) -> Status[None]:
    Conversation.objects.for_user(request.user).get(uid=uid).remove()
    return Status(204, None)
