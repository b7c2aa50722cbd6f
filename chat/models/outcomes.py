"""Outcome of an attempt: its columns, which a reply and the record of an attempt share."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import models

from chat.models.values.states import Status


class OutcomeColumns(models.Model):
    """Columns for the end of an attempt. A reply has those of its last attempt.

    At the end they are copied from the `Outcome` to the record and to the reply.
    """

    finish_reason = models.CharField(max_length=40, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True, help_text="One sentence for the user.")
    error_detail = models.TextField(blank=True, help_text="Details for staff only.")
    answered_by = models.CharField(
        max_length=200, blank=True, help_text="Name of the model as the endpoint gave it."
    )
    usage = models.JSONField(null=True)
    cost = models.DecimalField(
        max_digits=14,
        decimal_places=8,
        null=True,
        help_text="Cost in US dollars; for a reply, of all its attempts.",
    )
    first_token_ms = models.PositiveIntegerField(null=True)
    reasoning_ms = models.PositiveIntegerField(null=True)
    total_ms = models.PositiveBigIntegerField(null=True)

    ended = models.DateTimeField(null=True)

    class Meta:
        abstract = True


OUTCOME_COLUMNS = tuple(
    column.name for column in OutcomeColumns._meta.local_fields if column.name != "ended"
)
"""Columns whose values an outcome has; `ended` is the time of the transaction that stores it."""


@dataclass(frozen=True)
class Outcome:
    """The end of an attempt, as its producer saw it: a value for each column, and more."""

    status: Status
    finish_reason: str = ""
    error_code: str = ""
    error_message: str = ""
    error_detail: str = ""
    retry_after: float | None = None
    """Seconds, where the endpoint named a time."""
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

    def columns(self) -> dict[str, Any]:
        """The value of each column."""
        return {name: getattr(self, name) for name in OUTCOME_COLUMNS}
