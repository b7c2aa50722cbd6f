"""End of an attempt: the outcome in its reply and its record."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from chat.database.statements import columns, instance
from chat.models.attempting.turns import Unfinished, beside_unfinished
from chat.models.attempts import Attempt
from chat.models.conversations import Conversation
from chat.models.messages import OUTCOME_FIELDS, Message
from chat.models.outcomes import Outcome
from chat.models.values.states import Status

MOST_SECONDS = 86_400
"""The longest time after which a client should ask again."""

FAULTS_ALLOWED = 2
"""The next one ends the reply."""
FAULTY = Outcome(
    Status.INTERRUPTED,
    error_code="server_error",
    error_message="The server failed three times while it produced this reply.",
)


def conclude(
    reply: Message, text: str, reasoning: str, outcome: Outcome, record: int | None = None
) -> None:
    """Record the outcome with the attempt, and set the reply's fields; the caller saves.

    `interrupted` has text, `failed` has none: whichever was meant, the text decides. An attempt
    that ends without a token keeps the text of an earlier one. `record` is the key of the
    attempt's record, where it is known to be open.
    """
    if not text and reply.text:
        text, reasoning = reply.text, reply.reasoning
        if outcome.status == Status.COMPLETE:
            outcome = replace(
                outcome,
                status=Status.INTERRUPTED,
                error_code="empty",
                error_message="The model had nothing to add.",
            )
    if outcome.status in (Status.INTERRUPTED, Status.FAILED):
        outcome = replace(outcome, status=Status.INTERRUPTED if text else Status.FAILED)
    Attempt.objects.close(reply, outcome, record)
    reply.status = outcome.status
    reply.text, reply.reasoning = text, reasoning
    reply.length, reply.reasoning_length = len(text), len(reasoning)
    reply.sha256 = hashlib.sha256(text.encode()).hexdigest()
    for name, value in outcome.columns().items():
        setattr(reply, name, value)
    if reply.attempt > 1 or outcome.usage is None:
        reply.usage, reply.cost = Attempt.objects.totals(reply)
    reply.ended = timezone.now()
    reply.owner = None
    reply.reason = ""
    after = outcome.retry_after
    wait = timedelta(seconds=min(after, MOST_SECONDS)) if after else None
    reply.retry_at = reply.ended + wait if wait else None


def reopen(reply: Message) -> None:
    """Clear the fields of the last end, except the cost; the caller saves it."""
    for column in Message._meta.concrete_fields:
        if column.name in OUTCOME_FIELDS and column.name != "cost":
            setattr(reply, column.name, column.get_default())


def left_by(reply: Message) -> tuple[Conversation, list[Unfinished]]:
    """The conversation of an ended reply, with its leaf as far as frames need, and the unfinished.

    Raises `Conversation.DoesNotExist`.
    """
    found, rows = beside_unfinished(
        f"SELECT {{turns}}, m.uid, {columns(Conversation, 'c')} FROM chat_conversation c"  # noqa: S608
        " LEFT JOIN chat_message m ON m.id = c.leaf_id{join} WHERE c.id = %s",
        [reply.conversation_id],
        reply.user_id,
    )
    if found is None:
        raise Conversation.DoesNotExist
    uid, *values = found
    row = instance(Conversation, values)
    if row.leaf_id is not None:
        row.leaf = Message(pk=row.leaf_id, uid=uid if isinstance(uid, UUID) else UUID(uid))
    return row, rows
