"""Schemas of frames in the OpenAPI document: in bodies and in answers."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from chat import protocol
from chat.api.auth import Access
from chat.protocol import Moment, ReplyObject, Seq, Shape, described
from chat.protocol.schemas import REFERENCE

REPLY_ERRORS = (400, 404, 409, 413, 415, 422, 429)
"""Statuses of the errors of any frame that queues a reply."""


class OneReply(Shape, frozen=True):
    seq: Seq
    message: ReplyObject


class Ticket(Shape, frozen=True):
    ticket: str
    url: Annotated[str, described("For `new EventSource(url)`.")]
    expires: Moment


TEXT = {"type": "string"}
UID = {"type": "string", "format": "uuid"}
POSITION = {"type": "string", "pattern": rf"^{protocol.POSITION_PATTERN}(\.end)?$"}

_FRAME = {"type": "string", "contentMediaType": "application/json"}
_EVENT = {"type": "object", "properties": {"data": _FRAME, "id": {"type": "string"}}}
STREAM = {
    "text/event-stream": {"schema": _EVENT},
    "application/x-ndjson": {"schema": {"type": "string"}},
}
"""A reply's frames until its `end`: as events, or one a line."""


def open_to(*scopes: str) -> dict[str, Any]:
    """The scopes of a route that authenticates by itself."""
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
        reference = {"$ref": REFERENCE.format(name="Settings")}
        fields["settings"] = {"anyOf": [reference, {"type": "null"}], "default": None}
    content = found | {
        "properties": fields,
        "required": [name for name in found["required"] if name not in fixed],
    }
    return {"requestBody": {"content": {"application/json": {"schema": content}}, "required": True}}


def parameters(*rows: dict[str, Any]) -> dict[str, Any]:
    """Parameters that the route reads itself."""
    return {"parameters": list(rows)}


def parameter(place: str, name: str, about: str, **more: Any) -> dict[str, Any]:
    row = {"in": place, "name": name, "description": about, "schema": TEXT, "required": False}
    return row | more
