"""The objects of the JSON API as the OpenAPI document describes them: those of `chat.protocol`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from ninja import Schema
from pydantic import Field, WithJsonSchema

from chat import protocol

_SETTINGS = msgspec.json.schema(protocol.Settings)
(_SETTINGS,) = _SETTINGS["$defs"].values()

type Settings = Annotated[Any, WithJsonSchema(_SETTINGS)]
"""Checked by `protocol.parse_settings`, as those in a frame."""

Seq = Annotated[int, Field(description="The change counter, read before the rest.")]


class Conversation(Schema):
    id: UUID
    title: str
    model: str | None
    settings: Settings
    leaf: UUID | None = Field(description="The last message of the shown path.")
    created: datetime
    updated: datetime = Field(description="Last activity.")
    running: bool = Field(description="A reply is queued or being written.")
    archived: bool
    source: Literal["api"] | None = Field(description="Where it was begun; null: in the chat.")
    seq: int


class Question(Schema):
    """A message of a user."""

    id: UUID
    conversation: UUID
    parent: UUID | None
    role: Literal["user", "system"]
    created: datetime
    seq: int
    text: str


class ReplyError(Schema):
    code: str
    message: str


class Usage(Schema):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    estimated: bool | None = None


class Timing(Schema):
    first_token_ms: int | None
    reasoning_ms: int | None
    total_ms: int


class Reply(Schema):
    """A message of a model."""

    id: UUID
    conversation: UUID
    parent: UUID | None
    role: Literal["assistant"]
    created: datetime
    seq: int
    status: Literal["queued", "running", "complete", "stopped", "interrupted", "failed"]
    reason: str | None = Field(description="Why it waits.")
    retry_at: datetime | None
    attempt: int
    model: str | None
    finish_reason: str | None
    error: ReplyError | None
    length: int | None = Field(description="Code points of the text.")
    reasoning_length: int | None
    sha256: str | None = Field(description="Of the text in UTF-8, as lower-case hex.")
    usage: Usage | None
    cost: float | None = Field(description="US dollars.")
    timing: Timing | None
    left_out: int = Field(description="Messages that did not fit into the model's context.")
    text: str | None = Field(
        default=None, description="Of a reply that has ended, where a conversation is read."
    )
    reasoning: str | None = Field(default=None, description="Likewise.")


type Message = Question | Reply


class Model(Schema):
    id: str
    label: str
    endpoint: str
    default: bool
    note: str
    context: int | None = Field(description="Tokens.")
