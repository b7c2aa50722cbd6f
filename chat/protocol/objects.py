"""Objects in frames and in the JSON API, and their making from stored rows. Pure.

The OpenAPI document and the page's types are derived from these structs.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypedDict
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chat.protocol.rows import ConversationRow, FolderRow, MessageRow, OutcomeRow, ReplyOutcomeRow

type Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""ISO 8601 in UTC with milliseconds and a Z."""
type Uid = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
"""A UUID as a client wrote it, in the usual form."""

_ENDS = ["complete", "stopped", "interrupted", "failed"]
type EndStatus = Annotated[str, Meta(extra_json_schema={"enum": _ENDS})]
type ReplyStatus = Annotated[str, Meta(extra_json_schema={"enum": ["queued", "running", *_ENDS]})]


def described(text: str) -> Meta:
    """A field's description in the OpenAPI document."""
    return Meta(description=text)


type Seq = Annotated[int, described("The change counter, read before the rest.")]


class Shape(msgspec.Struct, frozen=True):
    """Base of all frames and objects."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"  # a message is nothing for a log


class Settings(Shape, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Settings of a conversation; only set ones reach the endpoint."""

    system: Annotated[str, Meta(max_length=32_000)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None


class BranchPoint(Shape, frozen=True):
    """The place at which a conversation was branched off; both may be deleted since."""

    conversation: UUID
    message: UUID


class ConversationObject(Shape, frozen=True):
    id: UUID
    title: str
    model: str | None
    settings: Settings
    leaf: Annotated[UUID | None, described("The last message of the shown path.")]
    created: Moment
    updated: Annotated[Moment, described("Last activity.")]
    running: Annotated[bool, described("A reply is queued or being written.")]
    archived: bool
    source: Annotated[Literal["api"] | None, described("Where it was begun; null: in the chat.")]
    seq: int
    folder: Annotated[UUID | None, described("The folder it is in.")]
    pinned: Annotated[
        int, described("Place among the pinned ones, the largest first; 0: not pinned.")
    ]
    branched_from: BranchPoint | None
    temporary: Annotated[bool, described("Not in lists; deleted after it was shown last.")]


class FolderObject(Shape, frozen=True):
    """A folder of a user; a conversation is in one of them, or in none."""

    id: UUID
    name: str
    created: Moment
    seq: int


class MessageObject:
    """A message of a user or of a model."""

    __slots__ = ()


class UserMessageObject(Shape, MessageObject, frozen=True):
    """A message of a user."""

    id: UUID
    conversation: UUID
    parent: UUID | None
    role: Literal["user", "system"]
    created: Moment
    seq: int
    text: str


class ReplyError(Shape, frozen=True):
    code: str
    message: str
    retry_after: (
        Annotated[
            float,
            described("Seconds from the end on, where the endpoint named a time."),
        ]
        | UnsetType
    ) = UNSET


class UsageObject(TypedDict, total=False):
    """Tokens of all attempts, as they are stored."""

    prompt_tokens: int | None
    completion_tokens: int | None
    reasoning_tokens: int | None
    cached_tokens: int | None
    estimated: bool | None


class Timing(Shape, frozen=True):
    first_token_ms: int | None
    reasoning_ms: int | None
    total_ms: int


class OutcomeObject(Shape, frozen=True, kw_only=True):
    """Facts of an end, in the `end` frame and the reply. They follow a subclass's own fields."""

    finish_reason: str | None
    error: ReplyError | None
    length: Annotated[int | None, described("Code points of the text.")]
    reasoning_length: int | None
    sha256: Annotated[str | None, described("Of the text in UTF-8, as lower-case hex.")]
    usage: UsageObject | None
    cost: Annotated[float | None, described("US dollars.")]
    timing: Timing | None
    left_out: Annotated[int, described("Messages that did not fit into the model's context.")]


class ReplyText(OutcomeObject, frozen=True, kw_only=True):
    """Texts of a reply that has ended, where a conversation is read."""

    text: (
        Annotated[
            str,
            described("Of a reply that has ended, where a conversation is read."),
        ]
        | UnsetType
    ) = UNSET
    reasoning: Annotated[str, described("Likewise.")] | UnsetType = UNSET


type FeedbackReason = Literal[
    "correct",
    "helpful",
    "clear",
    "wrong",
    "incomplete",
    "not_followed",
    "outdated",
    "style",
    "unsafe",
    "refused",
    "other",
]


class FeedbackObject(Shape, frozen=True):
    """An opinion of the owner of a reply."""

    thumb: Literal["up", "down"]
    reasons: list[FeedbackReason]
    words: str


class ReplyObject(ReplyText, MessageObject, frozen=True):
    """A message of a model."""

    id: UUID
    conversation: UUID
    parent: UUID | None
    role: Literal["assistant"]
    created: Moment
    seq: int
    status: ReplyStatus
    reason: Annotated[str | None, described("Why it waits.")]
    retry_at: Moment | None
    attempt: int
    model: str | None
    feedback: FeedbackObject | None


class GoneObject(Shape, frozen=True):
    """A deleted object."""

    id: UUID


class VersionObject(Shape, frozen=True):
    """A message beside those of a page: another one with the same parent."""

    id: UUID
    parent: UUID | None
    role: Literal["user", "system", "assistant"]
    created: Moment
    seq: int
    status: ReplyStatus | None


class ModelObject(Shape, frozen=True):
    """A model on offer."""

    id: str
    label: str
    endpoint: str
    default: bool
    note: str
    context: Annotated[int | None, described("Tokens.")]


# --- making --------------------------------------------------------------------------------------


def moment(value: datetime) -> Moment:
    """A time as it is sent."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def conversation_object(row: ConversationRow) -> ConversationObject:
    """A conversation; its `leaf` is read of the row, so that it should be there."""
    return ConversationObject(
        id=row.uid,
        title=row.title,
        model=row.model or None,
        settings=row.settings,
        leaf=row.leaf.uid if row.leaf else None,
        created=moment(row.created),
        updated=moment(row.updated),
        running=row.running,
        archived=row.archived,
        source="api" if row.source else None,
        seq=row.seq,
        folder=row.folder_id,
        pinned=row.pinned,
        branched_from=_branch_point(row.branched_conversation, row.branched_message),
        temporary=row.temporary,
    )


def _branch_point(conversation: UUID | None, message: UUID | None) -> BranchPoint | None:
    return BranchPoint(conversation, message) if conversation and message else None


def folder_object(row: FolderRow) -> FolderObject:
    return FolderObject(id=row.uid, name=row.name, created=moment(row.created), seq=row.seq)


def message_object(
    row: MessageRow, *, conversation: UUID | None = None, full: bool = False
) -> UserMessageObject | ReplyObject:
    """A message; with `full` also the text of a reply that has ended (never in a frame)."""
    if row.status:
        return reply_object(row, conversation=conversation, full=full)
    return UserMessageObject(**_node(row, conversation), text=row.text)


def reply_object(
    row: MessageRow, *, conversation: UUID | None = None, full: bool = False
) -> ReplyObject:
    retry_at = row.retry_at if row.ended is None else None
    has_text = full and row.ended is not None
    return ReplyObject(
        **_node(row, conversation),
        status=row.status,
        reason=row.reason or None,
        retry_at=moment(retry_at) if retry_at else None,
        attempt=row.attempt,
        model=row.model or None,
        feedback=feedback_object(row),
        **outcome_of(row) | {"sha256": row.sha256 or None},
        text=row.text if has_text else UNSET,
        reasoning=row.reasoning if has_text else UNSET,
    )


def feedback_object(row: MessageRow) -> FeedbackObject | None:
    """The feedback on a reply, if there is any."""
    if not row.thumb:
        return None
    details = row.feedback or {}
    thumb: Literal["up", "down"] = "up" if row.thumb > 0 else "down"
    return FeedbackObject(thumb, details.get("reasons", []), details.get("words", ""))


def _node(row: MessageRow, conversation: UUID | None) -> dict[str, Any]:
    """The fields that all messages have."""
    return {
        "id": row.uid,
        "conversation": conversation or row.conversation.uid,
        "parent": row.parent.uid if row.parent else None,
        "role": row.role,
        "created": moment(row.created),
        "seq": row.seq,
    }


def outcome_of(row: ReplyOutcomeRow) -> dict[str, Any]:
    """The fields of `OutcomeObject`."""
    after: float | UnsetType = UNSET
    if row.error_code and row.retry_at is not None and row.ended is not None:
        after = round((row.retry_at - row.ended).total_seconds(), 3)
    own = {
        "length": row.length,
        "reasoning_length": row.reasoning_length,
        "sha256": row.sha256,
        "cost": row.shown_cost,
    }
    return attempt_outcome(row, after) | own


def attempt_outcome(row: OutcomeRow, retry_after: float | UnsetType = UNSET) -> dict[str, Any]:
    """The fields of `OutcomeObject` that the record of an attempt has too, without the cost."""
    error = ReplyError(row.error_code, row.error_message, retry_after)
    timing = None
    if row.total_ms is not None:
        timing = Timing(row.first_token_ms, row.reasoning_ms, row.total_ms)
    return {
        "finish_reason": row.finish_reason or None,
        "error": error if row.error_code else None,
        "usage": row.usage,
        "timing": timing,
        "left_out": row.left_out,
    }
