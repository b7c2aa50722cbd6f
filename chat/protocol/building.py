"""What the server says: the frames, and the objects in them, as JSON text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

VERSION = 1
SNAPSHOT_BYTES = DELTA_BYTES = 64 * 1024

_encode = msgspec.json.Encoder().encode
_LINE_ENDS = re.compile("[\x85\u2028\u2029]")


def build(type: str, **fields: object) -> str:
    """Any frame, as the text of a message."""
    return _encode({"type": type, **fields}).decode()


def error(code: str, message: str, **facts: object) -> str:
    """An `error` frame; facts are `id`, `field`, `reply`, `retry_after`, left out where unknown."""
    known = {key: value for key, value in facts.items() if value is not None}
    return build("error", code=code, message=message, **known)


def accepted(stored: Any) -> str:
    """The answer to a request that was stored, or known already."""
    return build(
        "accepted",
        id=stored.id,
        conversation=stored.conversation,
        message=stored.message,
        reply=stored.reply,
    )


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
        cost=row.shown_cost,
        timing=_timing_of(row),
        left_out=row.left_out,
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
        "settings": row.settings,
        "leaf": str(row.leaf.uid) if row.leaf_id else None,
        "created": time(row.created),
        "updated": time(row.updated),
        "running": row.running,
        "archived": row.archived,
        "source": "api" if row.source else None,
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
        "cost": row.shown_cost,
        "timing": _timing_of(row),
        "left_out": row.left_out,
    }
    if full and row.ended is not None:
        fields |= {"text": row.text, "reasoning": row.reasoning}
    return fields


def model_objects(catalogue: Any) -> list[dict[str, object]]:
    """The models on offer, in the order in which they are shown."""
    return [
        {
            "id": offer.id,
            "label": offer.label,
            "endpoint": catalogue.endpoints[offer.endpoint].label,
            "default": offer is catalogue.default,
            "note": offer.note,
            "context": offer.context,
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
    return {
        "first_token_ms": row.first_token_ms,
        "reasoning_ms": row.reasoning_ms,
        "total_ms": row.total_ms,
    }


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


def on_one_line(json: str) -> str:
    """The same JSON, also for those who take more than `\\n` and `\\r` for the end of a line.

    Python's `splitlines` does so, and with it httpx's `iter_lines`.
    """
    if json.isascii():
        return json
    return _LINE_ENDS.sub(lambda found: f"\\u{ord(found[0]):04x}", json)
