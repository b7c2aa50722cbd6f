"""A message: one node of a conversation's tree. A reply is an assistant message (`replies.py`)."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import uuid4

from django.conf import settings
from django.db import models

from chat.models.conversations import Conversation
from chat.models.outcomes import OUTCOME_COLUMNS, OutcomeColumns
from chat.models.processes import Process
from chat.models.values.states import Reason, Role, Status


class Message(OutcomeColumns):
    KIND: ClassVar[Literal["message"]] = "message"

    uid = models.UUIDField(unique=True, default=uuid4, editable=False)
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="messages"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        db_constraint=False,  # the conversation's is checked, which holds both
        help_text="Owner of the conversation, kept here for the counter and the limits.",
    )
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, related_name="children")
    depth = models.PositiveIntegerField(
        null=True, help_text="Number of messages before it on its path. Empty: not counted."
    )
    role = models.CharField(max_length=9, choices=Role)
    text = models.TextField(blank=True)
    copied = models.BooleanField(
        default=False, db_default=False, help_text="Copied from another conversation, by a branch."
    )
    created = models.DateTimeField(auto_now_add=True)
    seq = models.BigIntegerField(default=0)

    # --- only a reply has these; `status` is empty for other messages ---------------------
    status = models.CharField(max_length=11, choices=Status, blank=True)
    reason = models.CharField(max_length=10, choices=Reason, blank=True)
    retry_at = models.DateTimeField(null=True)
    attempt = models.PositiveIntegerField(default=0)
    owner = models.ForeignKey(
        Process, on_delete=models.SET_NULL, null=True, help_text="Process that produces the reply."
    )
    token = models.ForeignKey(
        "chat.Token",
        on_delete=models.DO_NOTHING,
        null=True,
        related_name="+",
        # Read of the few that have not ended, which have an index; a token goes with its user.
        db_index=False,
        db_constraint=False,
        help_text="Token that asked for the reply; its limits apply. Empty: the user's.",
    )
    turn = models.BigIntegerField(
        default=0, help_text="Counter of the user when the reply was queued."
    )
    faults = models.PositiveSmallIntegerField(default=0)
    keeps_text = models.BooleanField(
        default=False, help_text="The next attempt continues the stored text, on any endpoint."
    )
    stop_requested = models.BooleanField(default=False)
    claimed_at = models.DateTimeField(null=True)
    woken_at = models.DateTimeField(null=True)
    model = models.CharField(
        max_length=200, blank=True, help_text="Public id of the model that was asked."
    )
    endpoint = models.CharField(
        max_length=40,
        blank=True,
        default="",
        db_default="",
        help_text="Name of the endpoint that was asked.",
    )
    left_out = models.PositiveIntegerField(
        default=0,
        db_default=0,
        help_text="Number of messages that did not fit into the model's context.",
    )
    thumb = models.SmallIntegerField(
        default=0, db_default=0, help_text="Thumb of the user: 1 up, -1 down, 0 none."
    )
    feedback = models.JSONField(null=True, help_text="Reasons and words given with the thumb.")
    reasoning = models.TextField(blank=True)
    length = models.PositiveIntegerField(null=True, help_text="Length of the text in code points.")
    reasoning_length = models.PositiveIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["conversation", "turn"]),
            models.Index(fields=["user", "seq"]),
            # Claims and sweeps look only at the few replies that have not ended. Not a partial
            # index: SQLite does not use one where the status is a bound parameter.
            models.Index(fields=["user", "status"]),
            models.Index(fields=["status", "owner"]),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.uid}"

    @property
    def shown_cost(self) -> float | None:
        """US dollars as users may see them: None where unknown, or not to be shown."""
        return float(self.cost) if settings.SHOW_COST and self.cost is not None else None


# Which fields a change of state saves together.
QUEUE_FIELDS = ("status", "owner", "reason", "retry_at", "faults", "stop_requested", "woken_at")
START_FIELDS = (
    "attempt",
    "status",
    "owner",
    "reason",
    "retry_at",
    "claimed_at",
    "endpoint",
    "left_out",
    "text",
    "reasoning",
)
OUTCOME_FIELDS = (*OUTCOME_COLUMNS, "length", "reasoning_length", "sha256", "ended")
END_FIELDS = ("text", "reasoning", *OUTCOME_FIELDS)

# Columns of a message that no frame has, so that they are not read for one.
RELATED_TEXTS = (
    "parent__text",
    "parent__reasoning",
    "conversation__leaf__text",
    "conversation__leaf__reasoning",
)
