"""One attempt of a reply: the right to produce it, what it has stored so far, and how it ended.

claim: the right to produce it, with all that its producer needs
part: what a checkpoint added to the text
outcome: how it ended, kept as the attempt's record when the next one begins
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import models
from django.utils import timezone

from chat.models.endpoints import EndpointSettings
from chat.models.messages import Message, Status
from chat.models.offers import Offer


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended, as its producer saw it."""

    status: Status
    finish_reason: str = ""
    error_code: str = ""
    error_message: str = ""
    error_detail: str = ""
    usage: dict[str, Any] | None = None
    cost: Decimal | None = None
    """US dollars; None where no price is known."""
    answered_by: str = ""
    tries: list[dict[str, Any]] = field(default_factory=list)
    """Requests that failed: `at`, `code`, `status`, `detail`, and `wait` seconds to the next."""
    first_token_ms: int | None = None
    reasoning_ms: int | None = None
    """From the first thought to the first word of the answer, or to the end."""
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
    messages: list[dict[str, Any]] = field(repr=False)
    """The prompt: role and content, from the root to the message before the reply."""
    settings: dict[str, Any] = field(repr=False)
    """What the user set for the conversation, beside the system prompt: only what is set."""
    text: str = field(repr=False)
    """Kept from earlier attempts; the new one goes on from it."""
    reasoning: str = field(repr=False)
    extra: dict[str, Any] = field(default_factory=dict, repr=False)
    """Parameters of an API call that only the endpoint knows."""


@dataclass(frozen=True)
class Unsaved:
    """What a producer has that no checkpoint has stored: (track, at, text) triples."""

    reply: int
    attempt: int
    parts: tuple[tuple[str, int, str], ...] = field(repr=False)


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


def joined(parts: Iterable[tuple[int, str]]) -> str:
    """The text of these (at, text) pieces in order; what two of them have is there once.

    Ends before a hole: what lies beyond it has lost its place.
    """
    text = ""
    for at, piece in parts:
        if at > len(text):
            break
        text += piece[len(text) - at :]
    return text


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


class AttemptQuerySet(models.QuerySet["Attempt"]):
    def running(self, reply: int, number: int) -> AttemptQuerySet:
        """This attempt of this reply, unless its end is recorded."""
        return self.filter(reply=reply, number=number, ended=None)

    def note(self, reply: int, number: int, outcome: Outcome) -> None:
        """Record what a running attempt has seen so far: it will be handed over."""
        self.running(reply, number).update(**_facts(outcome))

    def close(self, reply: Message, outcome: Outcome) -> None:
        """Record how the current attempt of a reply ended, unless it had ended before."""
        self.running(reply.pk, reply.attempt).update(
            ended=timezone.now(),
            status=outcome.status,
            finish_reason=outcome.finish_reason,
            error_code=outcome.error_code,
            error_message=outcome.error_message,
            error_detail=outcome.error_detail,
            **_facts(outcome),
        )

    def lose(self, reply: Message, why: str) -> None:
        """Record that the current attempt was given up without an end of its own."""
        self.running(reply.pk, reply.attempt).update(ended=timezone.now(), status=why)

    def totals(self, reply: Message) -> tuple[dict[str, Any] | None, Decimal | None]:
        """Tokens and US dollars of all attempts of a reply; None where nothing is known."""
        rows = list(self.filter(reply=reply.pk).values_list("usage", "cost"))
        told = [usage for usage, _ in rows if usage]
        costs = [cost for _, cost in rows if cost is not None]
        if not told:
            return None, sum(costs, Decimal(0)) if costs else None
        usage: dict[str, Any] = {}
        for name in ("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens"):
            counts = [one[name] for one in told if one.get(name) is not None]
            usage[name] = sum(counts) if counts else None
        usage["estimated"] = any(one.get("estimated") for one in told)
        return usage, sum(costs, Decimal(0)) if costs else None


def _facts(outcome: Outcome) -> dict[str, Any]:
    """What an outcome knows; what it does not know leaves the record as it is."""
    facts = {
        "answered_by": outcome.answered_by,
        "tries": outcome.tries,
        "usage": outcome.usage,
        "cost": outcome.cost,
        "first_token_ms": outcome.first_token_ms,
        "reasoning_ms": outcome.reasoning_ms,
        "total_ms": outcome.total_ms,
    }
    return {name: value for name, value in facts.items() if value not in (None, "", [])}


class Attempt(models.Model):
    """The record of one attempt, for staff: whom it asked, what failed, what it took.

    A reply has only its last attempt's facts; a take-over, a *Retry* or a *Continue* overwrites
    them, and must not make anything unaccountable.
    """

    reply = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    started = models.DateTimeField()
    ended = models.DateTimeField(null=True)
    status = models.CharField(
        max_length=11, blank=True, help_text="An end, or why it was given up; empty while it runs."
    )
    endpoint = models.CharField(max_length=40, blank=True)
    model = models.CharField(
        max_length=200, blank=True, help_text="What the endpoint was asked for."
    )
    answered_by = models.CharField(max_length=200, blank=True)
    settings = models.JSONField(default=dict)
    left_out = models.PositiveIntegerField(default=0)
    kept = models.PositiveIntegerField(default=0, help_text="Code points of text it went on from.")
    tries = models.JSONField(default=list)
    finish_reason = models.CharField(max_length=40, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True)
    error_detail = models.TextField(blank=True)
    usage = models.JSONField(null=True)
    cost = models.DecimalField(max_digits=14, decimal_places=8, null=True)
    first_token_ms = models.PositiveIntegerField(null=True)
    reasoning_ms = models.PositiveIntegerField(null=True)
    total_ms = models.PositiveBigIntegerField(null=True)

    objects = AttemptQuerySet.as_manager()

    class Meta:
        ordering = ["reply", "number"]
        constraints = [
            models.UniqueConstraint(fields=["reply", "number"], name="chat_attempt_once")
        ]

    def __str__(self) -> str:
        return f"attempt {self.number}"
