"""One attempt of a reply: the right to produce it, its stored text, and its end.

claim: the right to produce it, with all that its producer needs
part: text that a checkpoint added
outcome: how it ended, kept as the attempt's record when the next one begins
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import batched
from typing import Any
from uuid import UUID

from django.db import connection, models, transaction
from django.utils import timezone

from chat.database.statements import update
from chat.endpoint import EndpointConfig
from chat.models.messages import Message
from chat.models.offers import Offer
from chat.models.outcomes import Outcome, OutcomeColumns

PARTS_AT_ONCE = 100


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
    endpoint: EndpointConfig | None
    row: Message
    """The reply as claimed."""
    messages: list[dict[str, Any]] = field(repr=False)
    """The prompt: role and content, from the root to the message before the reply."""
    record: int
    """The row of the attempt's record."""
    settings: dict[str, Any] = field(repr=False)
    """The conversation's settings beside the system prompt; absent ones are left out."""
    text: str = field(repr=False)
    """Kept from earlier attempts; the new one goes on from it."""
    reasoning: str = field(repr=False)
    extra: dict[str, Any] = field(default_factory=dict, repr=False)
    """Parameters of an API call that only the endpoint knows."""


@dataclass(frozen=True)
class Unsaved:
    """Text of a producer that no checkpoint has stored: (track, at, text) triples."""

    reply: int
    attempt: int
    parts: tuple[tuple[str, int, str], ...] = field(repr=False)


class PartQuerySet(models.QuerySet["Part"]):
    def store(self, unsaved: Iterable[Unsaved]) -> None:
        """Insert parts; one that is already there is replaced, so that this can be repeated."""
        rows = [
            (item.reply, item.attempt, track, at, text)
            for item in unsaved
            for track, at, text in item.parts
        ]
        with connection.cursor() as cursor:
            for some in batched(rows, PARTS_AT_ONCE, strict=False):
                marks = ", ".join(["(%s, %s, %s, %s, %s)"] * len(some))
                cursor.execute(
                    "INSERT INTO chat_part (reply_id, attempt, track, at, text)"  # noqa: S608
                    f" VALUES {marks} ON CONFLICT (reply_id, attempt, track, at)"
                    " DO UPDATE SET text = excluded.text",
                    [value for row in some for value in row],
                )

    def forget(self, reply: int) -> None:
        """Delete all parts of a reply."""
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM chat_part WHERE reply_id = %s", [reply])


def joined(parts: Iterable[tuple[int, str]]) -> str:
    """The text of these (at, text) pieces in order, each part of it once.

    Ends before a hole: the text beyond it has lost its place.
    """
    text = ""
    for at, piece in parts:
        if at > len(text):
            break
        text += piece[len(text) - at :]
    return text


class Part(models.Model):
    """Text that one checkpoint added to a growing reply.

    Appending stays flat where rewriting the growing row costs 35 ms at 1 MB, each second.
    """

    reply = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="parts")
    attempt = models.PositiveIntegerField()
    track = models.CharField(max_length=9, choices=[("text", "text"), ("reasoning", "reasoning")])
    at = models.PositiveIntegerField(help_text="Number of code points before it in its track.")
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

    def note(self, outcomes: Mapping[int, Outcome]) -> None:
        """Record the facts so far of running attempts, by key of record: they are handed over."""
        with transaction.atomic():
            for record, outcome in outcomes.items():
                if facts := _facts(outcome):
                    update(Attempt(pk=record, **facts), tuple(facts), status="")

    def close(self, reply: Message, outcome: Outcome, record: int | None = None) -> None:
        """Record how the current attempt of a reply ended, unless it had ended before.

        A caller with the key of its `record` knows that it had not.
        """
        facts = {
            "ended": timezone.now(),
            "status": outcome.status,
        } | _facts(outcome)
        if record is None:
            self.running(reply.pk, reply.attempt).update(**facts)
        else:
            update(Attempt(pk=record, **facts), tuple(facts))

    def lose(self, reply: Message, why: str) -> None:
        """Record that the current attempt was given up without an end of its own."""
        self.running(reply.pk, reply.attempt).update(ended=timezone.now(), status=why)

    def totals(self, reply: Message) -> tuple[dict[str, Any] | None, Decimal | None]:
        """Tokens and US dollars of all attempts of a reply; None where nothing is known."""
        rows = list(self.filter(reply=reply.pk).values_list("usage", "cost"))
        reported = [usage for usage, _ in rows if usage]
        costs = [cost for _, cost in rows if cost is not None]
        if not reported:
            return None, sum(costs, Decimal(0)) if costs else None
        usage: dict[str, Any] = {}
        for name in ("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens"):
            counts = [one[name] for one in reported if one.get(name) is not None]
            usage[name] = sum(counts) if counts else None
        usage["estimated"] = any(one.get("estimated") for one in reported)
        return usage, sum(costs, Decimal(0)) if costs else None


def _facts(outcome: Outcome) -> dict[str, Any]:
    """The known facts of an outcome; unknown ones leave the record as it is."""
    facts = outcome.columns() | {"tries": outcome.tries}
    return {name: value for name, value in facts.items() if value not in (None, "", [])}


class Attempt(OutcomeColumns):
    """The record of one attempt, for staff: endpoint, failures and cost.

    A reply has only its last attempt's facts; a take-over, a *Retry* or a *Continue* overwrites
    them, and must not make anything unaccountable.
    """

    reply = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    started = models.DateTimeField()
    status = models.CharField(
        max_length=11,
        blank=True,
        help_text="State at the end, or the reason for giving up. Empty: running.",
    )
    endpoint = models.CharField(max_length=40, blank=True)
    model = models.CharField(
        max_length=200, blank=True, help_text="Name of the model that the endpoint was asked for."
    )
    settings = models.JSONField(default=dict)
    left_out = models.PositiveIntegerField(default=0)
    kept = models.PositiveIntegerField(
        default=0, help_text="Length of the continued text in code points."
    )
    tries = models.JSONField(default=list)

    objects = AttemptQuerySet.as_manager()

    class Meta:
        ordering = ["reply", "number"]
        constraints = [
            models.UniqueConstraint(fields=["reply", "number"], name="chat_attempt_once")
        ]

    def __str__(self) -> str:
        return f"attempt {self.number}"
