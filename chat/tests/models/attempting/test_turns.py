"""Order of replies: one per conversation, so many per user or token, the oldest first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from chat import models
from chat.models import (
    Accepted,
    Claim,
    Outcome,
    Process,
    Reason,
    Reply,
    Status,
    Token,
    TooMany,
)
from chat.models.attempting.turns import (
    Unfinished,
    beside_unfinished,
    first_in_line,
    reason_to_wait,
    unfinished,
)
from chat.tests.models.conftest import Heard

type Send = Callable[..., Accepted]


type Get = Callable[[Accepted], Reply]


DONE = Outcome(Status.COMPLETE, finish_reason="stop")


def claim(reply: Reply, process: Process) -> Claim:
    claimed: Claim | None = Reply.objects.claim(reply.pk, process.pk)
    assert claimed is not None
    return claimed


def test_one_reply_runs_per_conversation_and_in_turn(
    send: Send, get: Get, process: Process
) -> None:
    first = send("one")
    second = send("two", below=first)
    third = send("three", below=second)
    assert get(second).reason == "behind"
    assert Reply.objects.claim(get(third).pk, process.pk) is None
    assert Reply.objects.claim(get(second).pk, process.pk) is None
    Reply.objects.finish(claim(get(first), process), "1", "", DONE)
    assert Reply.objects.claim(get(third).pk, process.pk) is None
    claimed = claim(get(second), process)
    assert [m["content"] for m in claimed.messages] == ["one", "1", "two"]


def test_a_user_has_so_many_running_and_the_oldest_goes_next(
    heard: Heard, send: Send, get: Get, process: Process, settings: Settings
) -> None:
    settings.RUNNING_REPLIES_PER_USER = 2
    one, two, three, four = (send(str(n)) for n in range(4))
    held = claim(get(one), process)
    claim(get(two), process)
    for waiting in (three, four):
        assert Reply.objects.claim(get(waiting).pk, process.pk) is None
        assert get(waiting).reason == "user_limit"
    heard.forget_woken()
    Reply.objects.finish(held, "1", "", DONE)
    assert heard.woken == [get(three).pk]


def test_what_a_token_asks_for_has_the_tokens_limit_and_takes_no_place_of_the_user(
    heard: Heard, send: Send, get: Get, process: Process, settings: Settings, alice: User
) -> None:
    settings.RUNNING_REPLIES_PER_USER, settings.RUNNING_REPLIES_PER_TOKEN = 1, 1
    settings.QUEUED_REPLIES_PER_TOKEN = 1
    script, _ = Token.objects.make(alice, "Script", ["chat"], None)
    wide, _ = Token.objects.make(alice, "Wide", ["chat"], None)
    wide.running_limit = 2
    wide.save()

    def asked(token: Token) -> Accepted:
        return models.send(
            alice.pk, uuid4(), conversation=None, parent=None, text="Hi", model=None, token=token.pk
        )

    page, second_page, script_first, script_next = send(), send(), asked(script), asked(script)
    with pytest.raises(TooMany, match="QUEUED_REPLIES_PER_TOKEN"):
        asked(script)
    wides = [asked(wide), asked(wide), asked(wide)]
    with pytest.raises(TooMany):
        asked(wide)
    held = [claim(get(one), process) for one in (page, script_first, *wides[:2])]
    for accepted in (second_page, script_next, wides[2]):
        assert Reply.objects.claim(get(accepted).pk, process.pk) is None
        assert get(accepted).reason == "user_limit"
    heard.forget_woken()
    Reply.objects.finish(held[1], "1", "", DONE)
    assert heard.woken == [get(script_next).pk]


def test_a_wake_up_may_be_lost_anywhere(send: Send, get: Get) -> None:
    accepted = send()
    send(below=accepted)  # waits behind it: nothing to wake
    Reply.objects.update(created=timezone.now() - timedelta(seconds=9))
    assert Reply.objects.wake_forgotten() == [get(accepted).pk]
    assert Reply.objects.wake_forgotten() == [], "just woken"


UNFINISHED = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from([Status.QUEUED, Status.RUNNING])), max_size=12
).map(lambda rows: [Unfinished(at, chat, how, at, None) for at, (chat, how) in enumerate(rows, 1)])


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(UNFINISHED, st.integers(1, 4))
def test_whatever_goes_next_keeps_the_rules_and_leaves_no_place_empty(
    settings: Settings, rows: list[Unfinished], limit: int
) -> None:
    settings.RUNNING_REPLIES_PER_USER = limit
    first = first_in_line(rows)
    running = [row for row in rows if row.status == Status.RUNNING]
    queued = [row for row in rows if row.status == Status.QUEUED]
    chosen = [row for row in queued if row.pk in first]
    chats = [row.conversation for row in chosen]

    assert first == sorted(first)
    assert len(set(chats)) == len(chats), "one per conversation"
    assert not set(chats) & {row.conversation for row in running}
    assert len(running) + len(first) <= max(limit, len(running))
    for row in queued:
        ahead = [one for one in queued if one.conversation == row.conversation and one.pk < row.pk]
        idle = not ahead and row.conversation not in {one.conversation for one in running}
        if idle and row.pk not in first:
            # Only the limit keeps it, and it was used by older ones.
            assert len(running) + len(first) >= limit
            assert all(pk < row.pk for pk in first)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(UNFINISHED, st.integers(1, 4))
def test_a_claim_is_refused_to_none_that_was_woken(
    settings: Settings, rows: list[Unfinished], limit: int
) -> None:
    settings.RUNNING_REPLIES_PER_USER = limit
    now = {row.pk: row for row in rows}
    for pk in first_in_line(rows):
        row = now.pop(pk)
        others = [now[key] for key in sorted(now)]
        assert reason_to_wait(others, row.conversation, row.turn, None) == ""
        now[pk] = row._replace(status=Status.RUNNING)


def test_one_that_is_behind_another_waits_for_that_whatever_the_limit(settings: Settings) -> None:
    settings.RUNNING_REPLIES_PER_USER = 1
    rows = [Unfinished(1, 7, Status.RUNNING, 1, None)]
    assert reason_to_wait(rows, 7, 2, None) == Reason.BEHIND
    assert reason_to_wait(rows, 8, 2, None) == Reason.USER_LIMIT
    settings.RUNNING_REPLIES_PER_USER = 2
    assert reason_to_wait(rows, 8, 2, None) == ""
    queued = [Unfinished(1, 7, Status.QUEUED, 5, None)]
    assert reason_to_wait(queued, 7, 4, None) == "", "its turn came before"


def test_a_row_and_all_unfinished_replies_are_read_by_one_statement(
    send: Send, get: Get, process: Process, alice: User
) -> None:
    one, two = send(), send()
    Reply.objects.finish(claim(get(one), process), "1", "", DONE)
    sql = "SELECT {turns}, c.id FROM chat_conversation c{join} WHERE c.id = %s"
    with CaptureQueriesContext(connection) as seen:
        chat = get(one).conversation_id
        seen_before = len(seen)
        found, rows = beside_unfinished(sql, [chat], alice.pk)
        assert len(seen) == seen_before + 1
    assert found == (chat,)
    assert rows == unfinished(alice.pk)
    assert [row.pk for row in rows] == [get(two).pk]
    assert beside_unfinished(sql, [0], alice.pk) == (None, [])
    Reply.objects.finish(claim(get(two), process), "2", "", DONE)
    assert beside_unfinished(sql, [chat], alice.pk) == ((chat,), [])
