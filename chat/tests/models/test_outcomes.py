"""An outcome's columns: one list, copied to the record of the attempt and to the reply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from decimal import Decimal
from typing import Any

from chat import models
from chat.models import Accepted, Attempt, Message, Outcome, Process, Reply, Status
from chat.models.outcomes import OUTCOME_COLUMNS

VALUES: dict[str, Any] = {
    "finish_reason": "length",
    "error_code": "early_end",
    "error_message": "It ended early.",
    "error_detail": "It hung up.",
    "answered_by": "model-2",
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "estimated": False},
    "cost": Decimal("0.25"),
    "first_token_ms": 7,
    "reasoning_ms": 8,
    "total_ms": 9,
}
"""A value for each column that is not its default."""


def end(send: Callable[..., Accepted], process: Process) -> int:
    """End a reply with these values; returns its key."""
    pk: int = Reply.objects.get(uid=send("Hello").reply).pk
    claim = Reply.objects.claim(pk, process.pk)
    assert claim is not None
    Reply.objects.finish(claim, "Hi", "", Outcome(Status.INTERRUPTED, **VALUES))
    return pk


def test_an_outcome_has_a_value_for_each_column() -> None:
    assert set(OUTCOME_COLUMNS) == set(VALUES)
    assert set(OUTCOME_COLUMNS) <= {one.name for one in fields(Outcome)}


def test_record_and_reply_get_all_of_them(send: Callable[..., Accepted], process: Process) -> None:
    pk = end(send, process)
    rows: list[Message | Attempt] = [Message.objects.get(pk=pk), Attempt.objects.get(reply=pk)]
    for row in rows:
        assert {name: getattr(row, name) for name in OUTCOME_COLUMNS} == VALUES
        assert row.ended is not None


def test_another_attempt_of_the_reply_begins_without_them(
    send: Callable[..., Accepted], process: Process
) -> None:
    reply = Reply.objects.get(pk=end(send, process))
    models.continue_(reply.user_id, reply.uid, reply=reply.uid, model=None)
    found = Message.objects.get(pk=reply.pk)
    left = {name: getattr(found, name) for name in OUTCOME_COLUMNS if getattr(found, name)}
    assert left == {"cost": VALUES["cost"]}
    assert (found.ended, found.length, found.sha256) == (None, None, "")
