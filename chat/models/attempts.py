"""One attempt of a reply: the right to produce it, what it has stored so far, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import models

from chat.models.endpoints import EndpointSettings, Offer
from chat.models.messages import Message, Status


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended, as its producer saw it."""

    status: Status
    finish_reason: str = ""
    error_code: str = ""
    error_message: str = ""
    error_detail: str = ""
    usage: dict[str, Any] | None = None
    answered_by: str = ""
    first_token_ms: int | None = None
    total_ms: int | None = None


@dataclass(frozen=True)
class Claim:
    """The right to produce one attempt, with all that its producer needs."""

    reply: int
    uid: UUID
    user: int
    owner: int
    attempt: int
    model: str
    offer: Offer | None
    """None when the model is no longer offered."""
    endpoint: EndpointSettings | None
    row: Message
    """The reply as claimed."""
    messages: list[dict[str, str]]
    """The prompt: role and content, from the root to the message before the reply."""
    text: str
    """Kept from earlier attempts; the new one goes on from it."""
    reasoning: str


@dataclass(frozen=True)
class Unsaved:
    """What a producer has that no checkpoint has stored: (track, at, text) triples."""

    reply: int
    attempt: int
    parts: tuple[tuple[str, int, str], ...]


class PartQuerySet(models.QuerySet["Part"]):
    def store(self, unsaved: Iterable[Unsaved]) -> None:
        """Insert parts; one that is already there is replaced, so that this can be repeated."""
        self.bulk_create(
            [
                Part(reply_id=item.reply, attempt=item.attempt, track=track, at=at, text=text)
                for item in unsaved
                for track, at, text in item.parts
            ],
            update_conflicts=True,
            update_fields=["text"],
            unique_fields=["reply", "attempt", "track", "at"],
        )


class Part(models.Model):
    """What one checkpoint added to a growing text.

    Appending stays flat where rewriting the growing row costs 35 ms at 1 MB, each second.
    """

    reply = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="parts")
    attempt = models.PositiveIntegerField()
    track = models.CharField(max_length=9, choices=[("text", "text"), ("reasoning", "reasoning")])
    at = models.PositiveIntegerField(help_text="Code points before it in its track.")
    text = models.TextField()

    objects = PartQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reply", "attempt", "track", "at"], name="chat_part_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.track} at {self.at}"
