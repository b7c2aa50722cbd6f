"""Frames of the server, and their JSON text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chat.protocol.objects import (
    ConversationObject,
    EndStatus,
    FolderObject,
    GoneObject,
    MessageObject,
    Moment,
    OutcomeObject,
    ReplyStatus,
    Seq,
    Shape,
    Uid,
    conversation_object,
    described,
    folder_object,
    message_object,
    outcome_of,
)
from chat.protocol.rows import ConversationRow, FolderRow, MessageRow

VERSION = 1
SNAPSHOT_BYTES = DELTA_BYTES = 64 * 1024

_encode = msgspec.json.Encoder().encode
_LINE_ENDS = re.compile("[\x85\u2028\u2029]")


type Track = Annotated[str, Meta(extra_json_schema={"enum": ["text", "reasoning"]})]


class UserObject(Shape, frozen=True):
    id: str
    name: str


class Limits(Shape, frozen=True):
    send_bytes: int
    reply_bytes: int
    control_bytes: int
    unacknowledged_bytes: int
    frames_per_minute: int
    undo_seconds: Annotated[float, described("Time in which a deletion can be undone.")]
    temporary: Annotated[bool, described("Temporary conversations are allowed.")]


class Me(Shape, frozen=True):
    """The fields of the `ready` frame."""

    v: int
    user: UserObject
    limits: Limits
    seq: Seq


class ReadyFrame(Me, frozen=True, tag_field="type", tag="ready"):
    """The first frame of a connection."""


class AcceptedFrame(Shape, frozen=True, tag_field="type", tag="accepted"):
    """The answer to a request that was stored, or known already."""

    id: UUID
    conversation: UUID
    message: UUID
    reply: UUID


class StatusFrame(Shape, frozen=True, tag_field="type", tag="status"):
    """The state of a reply that has not ended."""

    reply: UUID
    attempt: int
    status: Annotated[str, Meta(extra_json_schema={"enum": ["queued", "running"]})]
    reason: Annotated[
        str | None,
        described(
            "Why it waits, or (`storage_full`, `storage_read_only`, `storage_fault`) "
            "why nothing of it can be stored just now. There may be others."
        ),
    ]
    position: Annotated[int | None, described("Place in the queue.")]
    retry_at: Moment | None
    model: str


class SnapshotFrame(Shape, frozen=True, tag_field="type", tag="snapshot"):
    """The beginning of an attempt's texts, in place of all earlier ones."""

    reply: UUID
    attempt: int
    status: ReplyStatus
    text: str
    reasoning: str


class DeltaFrame(Shape, frozen=True, gc=False, tag_field="type", tag="delta"):
    """More text of a track, from code point `at` on."""

    reply: UUID
    attempt: int
    track: Track
    at: int
    text: str


class _EndFrame(OutcomeObject, frozen=True, kw_only=True):
    length: int
    reasoning_length: int
    sha256: str
    model: str


class EndFrame(_EndFrame, frozen=True, tag_field="type", tag="end"):
    """The last frame of an attempt."""

    reply: UUID
    attempt: int
    status: EndStatus


class ConversationFrame(Shape, frozen=True, tag_field="type", tag="conversation"):
    """A changed conversation."""

    event: Literal["created", "updated"]
    seq: int
    conversation: ConversationObject


class ConversationGoneFrame(Shape, frozen=True, tag_field="type", tag="conversation"):
    """A deleted conversation."""

    event: Literal["deleted"]
    seq: int
    conversation: GoneObject


class MessageFrame(Shape, frozen=True, tag_field="type", tag="message"):
    """A changed message; never with the text of a reply."""

    event: Literal["created", "updated"]
    seq: int
    message: MessageObject


class MessageGoneFrame(Shape, frozen=True, tag_field="type", tag="message"):
    """A deleted message."""

    event: Literal["deleted"]
    seq: int
    message: GoneObject


class FolderFrame(Shape, frozen=True, tag_field="type", tag="folder"):
    """A changed folder."""

    event: Literal["created", "updated"]
    seq: int
    folder: FolderObject


class FolderGoneFrame(Shape, frozen=True, tag_field="type", tag="folder"):
    """A deleted folder; its conversations are in none."""

    event: Literal["deleted"]
    seq: int
    folder: GoneObject


class ErrorFrame(Shape, frozen=True, tag_field="type", tag="error"):
    """A refusal, with the known facts about it."""

    code: str
    message: str
    field: str | UnsetType = UNSET
    retry_after: Annotated[float, described("Seconds.")] | UnsetType = UNSET
    id: Uid | UnsetType = UNSET
    reply: Uid | UnsetType = UNSET


class PingFrame(Shape, frozen=True, tag_field="type", tag="ping"):
    """The counter, after a silence or a change that was missed."""

    seq: int


class PongFrame(Shape, frozen=True, tag_field="type", tag="pong"):
    """The answer to a `ping`."""

    n: int


ServerFrame = (
    ReadyFrame
    | AcceptedFrame
    | StatusFrame
    | SnapshotFrame
    | DeltaFrame
    | EndFrame
    | ConversationFrame
    | ConversationGoneFrame
    | MessageFrame
    | MessageGoneFrame
    | FolderFrame
    | FolderGoneFrame
    | ErrorFrame
    | PingFrame
    | PongFrame
)


def encode(frame: ServerFrame) -> str:
    """A frame as the text of a message."""
    return _encode(frame).decode()


def error(code: str, message: str, **facts: Any) -> str:
    """An `error` frame; facts that are None are left out."""
    known = {name: fact for name, fact in facts.items() if fact is not None}
    return encode(ErrorFrame(code, str(message), **known))


def end(row: MessageRow) -> str:
    """The last frame of an attempt, from the stored reply."""
    return encode(EndFrame(row.uid, row.attempt, row.status, model=row.model, **outcome_of(row)))


def conversation_frame(event: Literal["created", "updated"], seq: int, row: ConversationRow) -> str:
    return encode(ConversationFrame(event, seq, conversation_object(row)))


def message_frame(event: Literal["created", "updated"], seq: int, row: MessageRow) -> str:
    return encode(MessageFrame(event, seq, message_object(row)))


def folder_frame(event: Literal["created", "updated"], seq: int, row: FolderRow) -> str:
    return encode(FolderFrame(event, seq, folder_object(row)))


GONE: dict[str, type[ConversationGoneFrame | MessageGoneFrame | FolderGoneFrame]] = {
    "conversation": ConversationGoneFrame,
    "message": MessageGoneFrame,
    "folder": FolderGoneFrame,
}


def gone_frame(kind: Literal["conversation", "message", "folder"], seq: int, uid: UUID) -> str:
    """The frame of a deletion."""
    return encode(GONE[kind]("deleted", seq, GoneObject(uid)))


def chunks(text: str, limit: int = DELTA_BYTES) -> Iterable[str]:
    """Text in pieces of at most `limit` bytes of UTF-8, cut between code points."""
    step = limit if text.isascii() else limit // 4
    for at in range(0, len(text), step):
        yield text[at : at + step]


def on_one_line(json: str) -> str:
    """The same JSON, for readers that take more than `\\n` and `\\r` for the end of a line.

    Python's `splitlines` does so, and with it httpx's `iter_lines`.
    """
    if json.isascii():
        return json
    return _LINE_ENDS.sub(lambda found: f"\\u{ord(found[0]):04x}", json)
