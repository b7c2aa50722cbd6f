"""Text that is moved to the thoughts: all of it or nothing, whatever step is interrupted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from chat.models import Accepted, Claim, Process, Reply, Unsaved, replace_text
from chat.models.attempts import Attempt, Part

type Send = Callable[..., Accepted]

pytestmark = pytest.mark.django_db


class Interrupted(Exception):
    """The process is gone at this statement."""


def begun(send: Send, process: Process) -> Claim:
    """A running reply with some text that a checkpoint has stored."""
    reply = Reply.objects.get(uid=send().reply)
    claim: Claim | None = Reply.objects.claim(reply.pk, process.pk)
    assert claim is not None
    unsaved = Unsaved(claim.reply, claim.attempt, (("text", 0, "I gre"), ("text", 5, "et back.")))
    assert Reply.objects.checkpoint(process.pk, [unsaved]) == {claim.reply: False}
    return claim


def stored(claim: Claim) -> list[Any]:
    """All that is stored of the reply."""
    return [
        list(rows.order_by(*order).values())
        for rows, order in (
            (Reply.objects.filter(pk=claim.reply), ("pk",)),
            (Part.objects.filter(reply=claim.reply), ("attempt", "track", "at")),
            (Attempt.objects.filter(reply=claim.reply), ("number",)),
        )
    ]


def test_the_next_attempt_has_both_texts(send: Send, process: Process) -> None:
    claim = begun(send, process)
    moved = replace_text(claim, "Hello", "I greet back.")
    assert moved is not None
    assert moved.attempt == claim.attempt + 1 == 2
    row = Reply.objects.get(pk=claim.reply)
    assert row.attempt == 2
    assert row.stored_text() == ("Hello", "I greet back.")
    assert [row.number for row in Attempt.objects.filter(reply=claim.reply)] == [2]
    # It goes on under the new claim, and under the old one nothing is stored any more.
    new = Unsaved(claim.reply, 2, (("text", 5, "!"),))
    old = Unsaved(claim.reply, 1, (("text", 13, " late"),))
    assert Reply.objects.checkpoint(process.pk, [old]) == {}
    assert Reply.objects.checkpoint(process.pk, [new]) == {claim.reply: False}
    assert Reply.objects.get(pk=claim.reply).stored_text() == ("Hello!", "I greet back.")


def test_whatever_statement_is_the_last_all_is_stored_or_nothing(
    send: Send, process: Process, transactional_db: None
) -> None:
    claim = begun(send, process)
    before = stored(claim)
    for last in range(100):
        count = 0

        def until(
            execute: Any, sql: Any, params: Any, many: Any, context: Any, last: int = last
        ) -> Any:
            nonlocal count
            if count == last:
                raise Interrupted
            count += 1
            return execute(sql, params, many, context)

        try:
            with connection.execute_wrapper(until):
                moved = replace_text(claim, "Hello", "I greet back.")
        except Interrupted:
            assert stored(claim) == before
            continue
        break
    assert last >= 5, "every statement has been the last one"
    assert moved is not None
    assert Reply.objects.get(pk=claim.reply).stored_text() == ("Hello", "I greet back.")


def test_a_reply_that_is_lost_is_left_alone(send: Send, process: Process) -> None:
    claim = begun(send, process)
    other = Process.objects.create(uid=uuid4(), name="there:2")
    Reply.objects.filter(pk=claim.reply).update(owner=other)
    before = stored(claim)
    assert replace_text(claim, "Hello", "I greet back.") is None
    assert stored(claim) == before
    Reply.objects.filter(pk=claim.reply).update(owner=process)
    assert replace_text(claim, "Hello", "I greet back.") is not None
    after = stored(claim)
    assert replace_text(claim, "Hello", "I greet back.") is None  # once for each attempt
    assert stored(claim) == after


def test_a_stop_that_came_meanwhile_stays(send: Send, process: Process) -> None:
    claim = begun(send, process)
    Reply.objects.filter(pk=claim.reply).update(stop_requested=True)
    moved = replace_text(claim, "", "I greet back.")
    assert moved is not None
    unsaved = Unsaved(claim.reply, moved.attempt, ())
    assert Reply.objects.checkpoint(process.pk, [unsaved]) == {claim.reply: True}
    assert Reply.objects.get(pk=claim.reply).stored_text() == ("", "I greet back.")
