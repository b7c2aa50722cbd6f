"""End of an attempt: the outcome in its reply."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.auth.models import User

from chat import models
from chat.models import (
    Accepted,
    Claim,
    Conversation,
    Outcome,
    Part,
    Process,
    Reply,
    Status,
    Unsaved,
)
from chat.models.attempting.ending import MOST_SECONDS, left_by, reopen

type Send = Callable[..., Accepted]


type Get = Callable[[Accepted], Reply]


DONE = Outcome(Status.COMPLETE, finish_reason="stop")


def claim(reply: Reply, process: Process) -> Claim:
    claimed: Claim | None = Reply.objects.claim(reply.pk, process.pk)
    assert claimed is not None
    return claimed


def test_an_end_folds_the_text_and_tells_its_length_and_hash(
    send: Send, get: Get, process: Process
) -> None:
    accepted = send()
    held = claim(get(accepted), process)
    Reply.objects.checkpoint(process.pk, [Unsaved(held.reply, 1, (("text", 0, "Hé"),))])
    Reply.objects.finish(held, "Hé 👩‍👩‍👧", "why", DONE)
    reply = get(accepted)
    assert (reply.status, reply.text, reply.reasoning) == ("complete", "Hé 👩‍👩‍👧", "why")
    assert (reply.length, reply.reasoning_length) == (8, 3)
    assert reply.sha256 == hashlib.sha256("Hé 👩‍👩‍👧".encode()).hexdigest()
    assert reply.owner_id is None
    assert not Part.objects.exists()
    assert not Conversation.objects.get().running
    assert Reply.objects.finish(held, "again", "", DONE) is None


@pytest.mark.parametrize("status", [Status.FAILED, Status.INTERRUPTED])
def test_the_text_decides_between_failed_and_interrupted(
    send: Send, get: Get, process: Process, status: Status
) -> None:
    empty, half = send(), send()
    Reply.objects.finish(claim(get(empty), process), "", "", Outcome(status))
    Reply.objects.finish(claim(get(half), process), "half", "", Outcome(status))
    assert (get(empty).status, get(half).status) == ("failed", "interrupted")


def test_an_attempt_without_a_token_keeps_the_text_of_an_earlier_one(
    send: Send, get: Get, process: Process, alice: User
) -> None:
    accepted = send()
    half = Outcome(Status.STOPPED)
    Reply.objects.finish(claim(get(accepted), process), "half", "why", half)
    models.continue_(alice.pk, uuid4(), reply=accepted.reply, model=None)
    Reply.objects.finish(claim(get(accepted), process), "", "other thoughts", DONE)
    reply = get(accepted)
    assert (reply.text, reply.reasoning, reply.attempt) == ("half", "why", 2)
    assert (reply.status, reply.error_code) == ("interrupted", "empty"), "nothing was added"


def test_nobody_is_asked_to_wait_longer_than_a_day(send: Send, get: Get, process: Process) -> None:
    for asked, seconds in ((30.0, 30), (10.0**9, MOST_SECONDS), (None, None)):
        accepted = send()
        outcome = Outcome(Status.FAILED, error_code="rate_limited", retry_after=asked)
        Reply.objects.finish(claim(get(accepted), process), "", "", outcome)
        reply = get(accepted)
        assert reply.ended is not None
        wait = reply.retry_at - reply.ended if reply.retry_at else None
        assert (wait.total_seconds() if wait else None) == seconds


def test_the_next_attempt_begins_without_the_facts_of_the_last_but_keeps_its_cost(
    send: Send, get: Get, process: Process
) -> None:
    accepted = send()
    outcome = Outcome(
        Status.FAILED, error_code="x", error_message="Broken.", total_ms=5, retry_after=9
    )
    Reply.objects.finish(claim(get(accepted), process), "", "", outcome)
    reply = get(accepted)
    reply.cost = Decimal("0.5")
    reopen(reply)
    assert (reply.error_code, reply.error_message, reply.total_ms) == ("", "", None)
    assert reply.cost == Decimal("0.5")


def test_the_rows_that_an_end_leaves_are_its_conversation_and_those_that_wait(
    send: Send, get: Get, process: Process
) -> None:
    one = send()
    two = send(below=one)
    Reply.objects.finish(claim(get(one), process), "1", "", DONE)
    chat, rows = left_by(get(one))
    assert chat.uid == one.conversation
    assert chat.leaf is not None
    assert chat.leaf.uid == two.reply
    assert [row.pk for row in rows] == [get(two).pk]
    gone = get(one)
    Conversation.objects.all().delete()
    with pytest.raises(Conversation.DoesNotExist):
        left_by(gone)
