"""Frames in the OpenAPI document: what a body has of one, and what an answer brings of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from ninja import Schema
from pydantic import Field

from chat import protocol
from chat.api import objects
from chat.api.auth import Access

ASKING = (400, 404, 409, 413, 415, 422, 429)
"""What can be wrong with any of the frames that ask for a reply."""


class Accepted(Schema):
    type: Literal["accepted"]
    id: UUID
    conversation: UUID
    message: UUID
    reply: UUID


class Status(Schema):
    type: Literal["status"]
    reply: UUID
    attempt: int
    status: Literal["queued", "running"]
    reason: str | None
    position: int | None = Field(description="Place in the queue.")
    retry_at: datetime | None
    model: str


class End(Schema):
    type: Literal["end"]
    reply: UUID
    attempt: int
    status: Literal["complete", "stopped", "interrupted", "failed"]
    finish_reason: str | None
    error: objects.ReplyError | None
    length: int
    reasoning_length: int
    sha256: str
    usage: objects.Usage | None
    cost: float | None
    timing: objects.Timing | None
    left_out: int
    model: str


class OneReply(Schema):
    seq: objects.Seq
    message: objects.Reply


class Ticket(Schema):
    ticket: str
    url: str = Field(description="For `new EventSource(url)`.")
    expires: datetime


TEXT = {"type": "string"}
UID = {"type": "string", "format": "uuid"}
POSITION = {"type": "string", "pattern": r"^[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}(\.end)?$"}

_FRAME = {"type": "string", "contentMediaType": "application/json"}
_EVENT = {"type": "object", "properties": {"data": _FRAME, "id": {"type": "string"}}}
STREAM = {
    "text/event-stream": {"schema": _EVENT},
    "application/x-ndjson": {"schema": {"type": "string"}},
}
"""A reply's frames until its `end`: as events, or one a line."""


def open_to(*scopes: str) -> dict[str, Any]:
    """The scopes of a route that finds out itself who asks."""
    return {"security": Access(*scopes).security}


def streamed(status: int) -> dict[str, Any]:
    """An answer that is a stream where `Accept` asks for one."""
    return {"responses": {status: {"content": STREAM}}}


def body(kind: str, *fixed: str) -> dict[str, Any]:
    """The body that has the fields of this frame, but for those that the address has."""
    schema = msgspec.json.schema(protocol.FRAMES[kind])
    found = schema["$defs"][kind.title()]
    fields = {name: field for name, field in found["properties"].items() if name not in fixed}
    if "settings" in fields:
        reference = {"$ref": "#/components/schemas/Settings"}
        fields["settings"] = {"anyOf": [reference, {"type": "null"}], "default": None}
    content = found | {
        "properties": fields,
        "required": [name for name in found["required"] if name not in fixed],
    }
    return {"requestBody": {"content": {"application/json": {"schema": content}}, "required": True}}


def parameters(*told: dict[str, Any]) -> dict[str, Any]:
    """Those that the route reads itself."""
    return {"parameters": list(told)}


def parameter(place: str, name: str, about: str, **more: Any) -> dict[str, Any]:
    told = {"in": place, "name": name, "description": about, "schema": TEXT, "required": False}
    return told | more
