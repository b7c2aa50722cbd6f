"""The frames of protocol version 1: parsed and built here, without I/O.

`docs/protocol.md` describes each of them. The same builders serve every transport.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import msgspec

VERSION = 1
DEPTH = 16
SNAPSHOT_BYTES = DELTA_BYTES = 64 * 1024

Position = Annotated[int, msgspec.Meta(ge=0, le=2**31)]


class BadFrame(Exception):
    """A frame the server refuses; `frame()` is the answer to it."""

    def __init__(self, code: str, message: str, **facts: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.facts = facts

    def frame(self) -> str:
        return error(self.code, self.message, **self.facts)


# --- what a client may say --------------------------------------------------------------------


class _Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    large: ClassVar[bool] = False
    """Whether the frame carries a message, and may have its size."""


class Send(_Frame, frozen=True):
    large = True
    id: UUID
    text: str
    conversation: UUID | None
    parent: UUID | None
    model: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class Continue(_Frame, frozen=True):
    id: UUID
    reply: UUID
    model: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class Stop(_Frame, frozen=True):
    reply: UUID


class Follow(_Frame, frozen=True):
    reply: UUID
    attempt: Position = 0
    text: Position = 0
    reasoning: Position = 0


class Unfollow(_Frame, frozen=True):
    reply: UUID


class Ack(_Frame, frozen=True):
    reply: UUID
    attempt: Position
    text: Position
    reasoning: Position


class Ping(_Frame, frozen=True):
    n: Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]


ClientFrame = Send | Continue | Stop | Follow | Unfollow | Ack | Ping

FRAMES: dict[str, type[ClientFrame]] = {
    "send": Send,
    "continue": Continue,
    "stop": Stop,
    "follow": Follow,
    "unfollow": Unfollow,
    "ack": Ack,
    "ping": Ping,
}


def clean(text: str) -> str:
    """Text without what no database takes: NUL and lone surrogates."""
    if "\0" in text:
        text = text.replace("\0", "")
    try:
        text.encode()
    except UnicodeEncodeError:
        # JSON may write one character as two escaped surrogates: joined first, then cleaned.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return text


def parse(raw: str | bytes, *, control_bytes: int, message_bytes: int) -> ClientFrame:
    """The frame a client sent; `BadFrame` says what is wrong with it and in which field.

    Sizes are in bytes of UTF-8.
    """
    if isinstance(raw, bytes):
        raise BadFrame("bad_json", "A frame is a text message with one JSON object.")
    size = len(raw) if raw.isascii() else len(raw.encode("utf-8", "surrogatepass"))
    if size > max(message_bytes, control_bytes):
        raise BadFrame("too_large", f"A frame has at most {message_bytes} bytes.")
    if _depth(raw) > DEPTH:
        raise BadFrame("too_deep", f"A frame is nested at most {DEPTH} levels deep.")
    try:
        value = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise BadFrame("bad_json", "This is not valid JSON.") from None
    if not isinstance(value, dict):
        raise BadFrame("bad_json", "A frame is a JSON object.")
    return _convert(value, size, control_bytes)


def _convert(value: dict[str, Any], size: int, control_bytes: int) -> ClientFrame:
    about = _about(value)
    kind = value.pop("type", None)
    struct = FRAMES.get(kind) if isinstance(kind, str) else None
    if struct is None:
        raise BadFrame("unknown_type", "There is no frame of this type.", field="type", **about)
    if not struct.large and size > control_bytes:
        message = f"A {kind} frame has at most {control_bytes} bytes."
        raise BadFrame("too_large", message, **about)
    try:
        frame = msgspec.convert(value, struct)
    except msgspec.ValidationError as problem:
        field, message = _explain(problem)
        raise BadFrame("bad_field", message, field=field, **about) from None
    except UnicodeEncodeError:
        field, message = _unsound(value), "This is not valid text."
        raise BadFrame("bad_field", message, field=field, **about) from None
    if isinstance(frame, Send):
        text = clean(frame.text)
        if not text.strip():
            raise BadFrame("bad_field", "The text is empty.", field="text", **about)
        frame = msgspec.structs.replace(frame, text=text)
    return frame


def _about(value: Mapping[str, Any]) -> dict[str, object]:
    """The ids by which a client recognises what an error is about, where they are well formed."""
    about: dict[str, object] = {}
    for key in ("id", "reply"):
        try:
            about[key] = str(UUID(value[key]))
        except (KeyError, ValueError, TypeError, AttributeError):
            continue
    return about


def _explain(problem: msgspec.ValidationError) -> tuple[str | None, str]:
    """Which field, and one sentence without anything the client sent."""
    text = str(problem)
    if unknown := re.search(r"unknown field `([^`]{0,80})`", text):
        return clean(unknown[1]), "There is no such field."
    if missing := re.search(r"missing required field `([^`]+)`", text):
        return missing[1], "This field is required."
    path = re.search(r"- at `\$\.([^`]{0,80})`", text)
    reason = text.split(" - at ")[0].rstrip(".")
    return (path[1] if path else None), f"{reason}."


def _unsound(value: Mapping[str, Any]) -> str | None:
    """The first field with a lone surrogate in its name, or in a value that is no message."""
    for key, item in value.items():
        if clean(key) != key or (key != "text" and isinstance(item, str) and clean(item) != item):
            return clean(key)
    return None


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


def _depth(raw: str) -> int:
    """How deep a frame is nested (0 where it cannot be too deep), without recursion.

    Brackets within strings are not counted.
    """
    if raw.count("[") + raw.count("{") <= DEPTH:
        return 0
    depth = deepest = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', raw):
        sign = token[0][0]
        if sign in "[{":
            depth += 1
            if depth > deepest:
                deepest = depth
                if deepest > DEPTH:
                    return deepest
        elif sign in "]}":
            depth -= 1
    return deepest


# --- what the server says ---------------------------------------------------------------------

_encode = msgspec.json.Encoder().encode


def build(type: str, **fields: object) -> str:
    """Any frame, as the text of a message."""
    return _encode({"type": type, **fields}).decode()


def error(code: str, message: str, **facts: object) -> str:
    """An `error` frame; facts are `id`, `field`, `reply`, `retry_after`, left out where unknown."""
    known = {key: value for key, value in facts.items() if value is not None}
    return build("error", code=code, message=message, **known)


def delta(reply: UUID, attempt: int, track: str, at: int, text: str) -> str:
    return build("delta", reply=reply, attempt=attempt, track=track, at=at, text=text)


def snapshot(reply: UUID, attempt: int, status: str, text: str, reasoning: str) -> str:
    return build(
        "snapshot", reply=reply, attempt=attempt, status=status, text=text, reasoning=reasoning
    )


def status(
    reply: UUID,
    attempt: int,
    status: str,
    reason: str,
    position: int | None,
    retry_at: datetime | None,
    model: str,
) -> str:
    return build(
        "status",
        reply=reply,
        attempt=attempt,
        status=status,
        reason=reason or None,
        position=position,
        retry_at=time(retry_at),
        model=model,
    )


def end(row: Any) -> str:
    """The last frame of an attempt, from the stored reply."""
    return build(
        "end",
        reply=row.uid,
        attempt=row.attempt,
        status=row.status,
        finish_reason=row.finish_reason or None,
        error=_error_of(row),
        length=row.length,
        reasoning_length=row.reasoning_length,
        sha256=row.sha256,
        usage=row.usage,
        timing=_timing_of(row),
        model=row.model,
    )


# --- objects: the same in frames and in the JSON API -------------------------------------------


def time(value: datetime | None) -> str | None:
    """ISO 8601 in UTC with milliseconds and a Z."""
    if value is None:
        return None
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def conversation_object(row: Any) -> dict[str, object]:
    return {
        "id": str(row.uid),
        "title": row.title,
        "model": row.model or None,
        "leaf": str(row.leaf.uid) if row.leaf_id else None,
        "created": time(row.created),
        "updated": time(row.updated),
        "running": row.running,
        "seq": row.seq,
    }


def message_object(
    row: Any, *, conversation: UUID | None = None, full: bool = False
) -> dict[str, object]:
    """A message; with `full` also the text of a reply that has ended (never in a frame)."""
    fields: dict[str, object] = {
        "id": str(row.uid),
        "conversation": str(conversation or row.conversation.uid),
        "parent": str(row.parent.uid) if row.parent_id else None,
        "role": row.role,
        "created": time(row.created),
        "seq": row.seq,
    }
    if not row.status:
        return fields | {"text": row.text}
    fields |= {
        "status": row.status,
        "reason": row.reason or None,
        "retry_at": time(row.retry_at),
        "attempt": row.attempt,
        "model": row.model or None,
        "finish_reason": row.finish_reason or None,
        "error": _error_of(row),
        "length": row.length,
        "reasoning_length": row.reasoning_length,
        "sha256": row.sha256 or None,
        "usage": row.usage,
        "timing": _timing_of(row),
    }
    if full and row.ended is not None:
        fields |= {"text": row.text, "reasoning": row.reasoning}
    return fields


def model_objects(catalogue: Any) -> list[dict[str, object]]:
    """The models on offer, the default first."""
    return [
        {
            "id": offer.id,
            "label": offer.label,
            "endpoint": catalogue.endpoints[offer.endpoint].label,
            "default": offer is catalogue.default,
        }
        for offer in catalogue.offers
    ]


def _error_of(row: Any) -> dict[str, str] | None:
    if not row.error_code:
        return None
    return {"code": row.error_code, "message": row.error_message}


def _timing_of(row: Any) -> dict[str, int | None] | None:
    if row.total_ms is None:
        return None
    return {"first_token_ms": row.first_token_ms, "total_ms": row.total_ms}


def change_frame(kind: Literal["conversation", "message"], event: str, seq: int, row: Any) -> str:
    """A `conversation` or `message` frame of a changed row, or of the UUID of a deleted one."""
    if isinstance(row, UUID):
        return build(kind, event=event, seq=seq, **{kind: {"id": str(row)}})
    thing = conversation_object(row) if kind == "conversation" else message_object(row)
    return build(kind, event=event, seq=seq, **{kind: thing})


def chunks(text: str, limit: int = DELTA_BYTES) -> Iterable[str]:
    """Text in pieces of at most `limit` bytes of UTF-8, cut between code points."""
    step = limit if text.isascii() else limit // 4
    for at in range(0, len(text), step):
        yield text[at : at + step]
