"""Claims by the transaction that stores a reply: made where nothing is in its way, else later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from chat import models
from chat.models import (
    Accepted,
    Attempt,
    Claim,
    Message,
    NotAllowed,
    Outcome,
    Part,
    Process,
    Reply,
    Status,
    Unsaved,
)
from chat.models.changes import listener
from chat.models.commands.openai_calls import NewCall, place_call
from chat.replies import leases
from chat.tests.models.conftest import Heard

type Send = Callable[..., Accepted]
type Get = Callable[[Accepted], Reply]

DONE = Outcome(Status.COMPLETE, finish_reason="stop")


class Producing:
    """A process that may claim what is stored, and what it was handed."""

    def __init__(self, owner: int | None) -> None:
        self.owner = owner
        self.claims: list[Claim] = []
        self.begun = 0

    @contextmanager
    def claiming(self) -> Iterator[int | None]:
        self.begun += 1
        try:
            yield self.owner
        finally:
            self.begun -= 1

    @property
    def last(self) -> Claim:
        return self.claims[-1]


@pytest.fixture
def producing(heard: Heard, process: Process) -> Iterator[Producing]:
    producing = Producing(process.pk)
    listener.claiming, listener.claimed = producing.claiming, producing.claims.append
    yield producing
    listener.claiming = listener.claimed = None
    assert producing.begun == 0


def test_a_reply_with_nothing_in_its_way_is_claimed_and_nobody_woken(
    producing: Producing, heard: Heard, send: Send, get: Get, process: Process
) -> None:
    accepted = send("What is Django?")
    reply = get(accepted)
    assert (reply.status, reply.attempt, reply.owner_id) == ("running", 1, process.pk)
    (claim,) = producing.claims
    assert (claim.reply, claim.attempt, claim.owner) == (reply.pk, 1, process.pk)
    assert claim.messages == [{"role": "user", "content": "What is Django?"}]
    assert heard.woken == []
    assert Attempt.objects.get(reply=reply.pk).number == 1
    told = [(change.kind, change.event) for change in heard.changes]
    assert told == [("conversation", "created"), ("message", "created"), ("message", "created")]
    assert Reply.objects.finish(claim, "A framework.", "", DONE) is not None
    assert get(accepted).text == "A framework."


def test_it_is_asked_what_a_later_claim_would_ask(
    producing: Producing, send: Send, get: Get, process: Process
) -> None:
    one = send("One")
    assert Reply.objects.finish(producing.last, "First answer", "", DONE)
    two = send("Two", below=one, model="openai/two")
    at_once = producing.last
    Reply.objects.put_back(Reply.objects.filter(pk=at_once.reply), "restart", fault=False)
    later = Reply.objects.claim(get(two).pk, process.pk)
    assert later is not None
    assert [one["content"] for one in later.messages] == ["One", "First answer", "Two"]
    for name in ("messages", "settings", "extra", "offer", "endpoint", "model", "text"):
        assert getattr(later, name) == getattr(at_once, name)


def test_behind_another_it_waits_and_a_retry_of_its_id_claims_nothing(
    producing: Producing, heard: Heard, send: Send, get: Get
) -> None:
    key = uuid4()
    one = send("One")
    two = send("Two", key=key, below=one)
    assert (get(two).status, get(two).reason) == ("queued", "behind")
    assert heard.woken == []
    assert Reply.objects.finish(producing.last, "Done", "", DONE)
    assert heard.woken == [get(two).pk]
    again = send("Two", key=key, below=one)
    assert again == two
    assert len(producing.claims) == 1


def test_beyond_the_users_limit_it_waits(
    producing: Producing, send: Send, get: Get, settings: Settings
) -> None:
    settings.RUNNING_REPLIES_PER_USER = 1
    send("One")
    assert get(send("Two")).reason == "user_limit"
    assert len(producing.claims) == 1


def test_whose_turn_came_before_is_woken_first(
    producing: Producing, heard: Heard, send: Send, get: Get, settings: Settings
) -> None:
    producing.owner = None
    earlier = send("Earlier, and forgotten")
    heard.forget_woken()
    producing.owner = Process.objects.get().pk
    later = send("Later")
    assert producing.claims == []
    assert heard.woken == [get(earlier).pk, get(later).pk]


def test_a_deactivated_user_gets_no_claim(
    producing: Producing, heard: Heard, send: Send, get: Get, alice: User, process: Process
) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    accepted = send("Too late")
    assert producing.claims == []
    assert Reply.objects.claim(get(accepted).pk, process.pk) is None
    assert get(accepted).status == "stopped"


def test_nothing_is_claimed_by_what_is_refused(producing: Producing, alice: User) -> None:
    with pytest.raises(NotAllowed):
        models.send(alice.pk, uuid4(), conversation=None, parent=uuid4(), text="Hello", model=None)
    assert producing.claims == []
    assert not Reply.objects.exists()


def test_a_lease_that_is_gone_costs_the_claim_and_not_the_message(
    producing: Producing, heard: Heard, send: Send, get: Get, process: Process
) -> None:
    Process.objects.all().delete()  # somebody thought it dead
    accepted = send("Not lost")
    assert (get(accepted).status, get(accepted).attempt) == ("queued", 0)
    assert heard.woken == [get(accepted).pk]
    assert producing.claims == []


def test_an_edit_another_reply_and_one_more_attempt_are_claimed_as_well(
    producing: Producing, heard: Heard, send: Send, get: Get, alice: User
) -> None:
    one = send("One")
    assert Reply.objects.finish(producing.last, "", "", Outcome(Status.FAILED, error_code="x"))
    requests: list[tuple[Any, dict[str, Any]]] = [
        (models.edit, {"message": one.message, "text": "Better", "model": None}),
        (models.regenerate, {"reply": one.reply, "model": None}),
        (models.continue_, {"reply": one.reply, "model": None}),
    ]
    for carry_out, fields in requests:
        accepted = carry_out(alice.pk, uuid4(), **fields)
        assert producing.last.uid == accepted.reply
        assert get(accepted).status == "running"
        assert Reply.objects.finish(producing.last, "Done", "", DONE)
    assert producing.last.attempt == 2
    assert heard.woken == []


def test_a_call_is_claimed_with_all_that_it_brought(
    producing: Producing, get: Get, alice: User
) -> None:
    said = [{"role": "user", "content": "Hi"}, {"role": "user", "content": "you", "name": "Al"}]
    accepted = place_call(alice.pk, NewCall("openai/one", said, {"temperature": 0.5, "top_k": 3}))
    claim = producing.last
    assert claim.uid == accepted.reply
    assert (claim.messages, claim.settings, claim.extra) == (
        said,
        {"temperature": 0.5},
        {"top_k": 3},
    )
    assert get(accepted).call.messages is not None


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(hours=-1)], ids=["ahead", "late"])
def test_what_was_just_claimed_is_not_missed_by_a_clock_of_another_machine(
    heard: Heard, send: Send, get: Get, process: Process, monkeypatch: pytest.MonkeyPatch,
    ahead: timedelta,
) -> None:  # fmt: skip
    now = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: now() + ahead)
    one = send()
    assert Reply.objects.claim(get(one).pk, process.pk) is not None
    leases.sweep(process.pk, (), alone=False)  # it looked at what it produces a moment before
    assert (get(one).status, get(one).faults) == ("running", 0)
    monkeypatch.setattr(timezone, "now", lambda: now() + ahead + timedelta(seconds=6))
    leases.sweep(process.pk, (), alone=False)
    assert (get(one).status, get(one).faults) == ("queued", 1)


def test_parts_of_a_checkpoint_just_before_the_end_go_with_it(
    producing: Producing, send: Send, process: Process
) -> None:
    """Look late if there are any: a checkpoint may come between asking for the end
    and its transaction."""
    send("Hello")
    claim = producing.last
    late = Unsaved(claim.reply, claim.attempt, (("text", 0, "Hi "),))
    assert Reply.objects.checkpoint(process.pk, [late]) == {claim.reply: False}

    def has_parts() -> bool:
        # From here on a checkpoint finds the row ended, and stores nothing.
        assert Reply.objects.get(pk=claim.reply).status == Status.COMPLETE
        return True

    assert Reply.objects.finish(claim, "Hi there", "", DONE, has_parts) is not None
    assert not Part.objects.exists()
    assert Reply.objects.checkpoint(process.pk, [late]) == {}
    assert not Part.objects.exists()


@contextmanager
def counted() -> Iterator[list[int]]:
    """The work of the database in the block: SQLite's steps in tens, or rows that Postgres read."""
    found = [0]
    if connection.vendor == "sqlite":

        def step() -> None:
            found[0] += 1

        connection.connection.set_progress_handler(step, 10)
        yield found
        connection.connection.set_progress_handler(None, 0)
        return
    sql = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"
    with connection.cursor() as cursor:
        cursor.execute(sql)
        (before,) = cursor.fetchone()
        yield found
        cursor.execute(sql)
        found[0] = int(cursor.fetchone()[0] - before)


def lengthen(reply: Reply, count: int) -> Reply:
    """Put so many messages behind a reply, by the rows; returns the last one, a reply."""
    first = 1_000_000 + reply.pk * count
    uid = "lower(hex(randomblob(16)))" if connection.vendor == "sqlite" else "gen_random_uuid()"
    given = {
        "id": "%s + n",
        "uid": uid,
        "parent_id": "CASE WHEN n = 1 THEN m.id ELSE %s + n - 1 END",
        "depth": "m.depth + n",
        "role": "CASE WHEN n / 2 * 2 = n THEN 'assistant' ELSE 'user' END",
    }
    own = ", ".join(given)
    columns = [str(field.column) for field in Message._meta.concrete_fields]
    same = [name for name in columns if name not in given]
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < %s)"
            f" INSERT INTO chat_message ({own}, {', '.join(same)})"
            f" SELECT {', '.join(given.values())}, {', '.join(f'm.{name}' for name in same)}"
            " FROM chat_message m CROSS JOIN s WHERE m.id = %s ORDER BY n",
            [count, first, first, reply.pk],
        )
    last: Reply = Reply.objects.get(pk=first + count)
    return last


def test_what_a_message_reads_does_not_grow_with_its_conversation(
    producing: Producing, send: Send, get: Get, settings: Settings
) -> None:
    settings.ENDPOINTS = {"openai": {"context": 600}}
    work = []
    for count in (10, 10_000):
        one = send("One")
        assert Reply.objects.finish(producing.last, "Said. " * 40, "", DONE)
        last = lengthen(get(one), count)
        before = Accepted(last.uid, last.conversation.uid, last.uid, last.uid)
        two = send("Two", below=before)  # what is read once in a while
        assert Reply.objects.finish(producing.last, "Second answer", "", DONE)
        with counted() as found:
            send("Three", below=two)
            claim = producing.last
            Reply.objects.checkpoint(claim.owner, [Unsaved(claim.reply, 1, (("text", 0, "Th"),))])
            assert Reply.objects.finish(claim, "Third answer", "", DONE)
        assert 2 < len(claim.messages) < 10
        assert claim.row.left_out == count + 5 - len(claim.messages)
        work.append(found[0])
    short, long = work
    assert 0 < long < 1.3 * short + 20
