"""Fields of stored rows that objects in frames are made of. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID


class HasUid(Protocol):
    """A row with a public id."""

    @property
    def uid(self) -> UUID: ...


class ConversationRow(HasUid, Protocol):
    """A stored conversation."""

    title: str
    model: str
    settings: Any
    created: datetime
    updated: datetime
    running: bool
    archived: bool
    source: str
    seq: int
    folder_id: UUID | None
    pinned: int
    branched_conversation: UUID | None
    branched_message: UUID | None

    @property
    def temporary(self) -> bool: ...

    @property
    def leaf(self) -> HasUid | None: ...


class FolderRow(HasUid, Protocol):
    """A stored folder."""

    name: str
    created: datetime
    seq: int


class OutcomeRow(Protocol):
    """A stored reply, or the record of an attempt, as far as its end shows."""

    finish_reason: str
    error_code: str
    error_message: str
    usage: Any
    first_token_ms: int | None
    reasoning_ms: int | None
    total_ms: int | None
    left_out: int


class ReplyOutcomeRow(OutcomeRow, Protocol):
    """A stored reply, as far as its end shows."""

    retry_at: datetime | None
    ended: datetime | None
    length: int | None
    reasoning_length: int | None
    sha256: str

    @property
    def shown_cost(self) -> float | None: ...


class MessageRow(HasUid, ReplyOutcomeRow, Protocol):
    """A stored message; only a reply has a status and an outcome."""

    role: str
    created: datetime
    seq: int
    text: str
    reasoning: str
    status: str
    reason: str
    attempt: int
    model: str
    thumb: int
    feedback: Any

    @property
    def conversation(self) -> HasUid: ...
    @property
    def parent(self) -> HasUid | None: ...
