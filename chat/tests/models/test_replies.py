"""A reply's life in its rows: who may run, what is kept, and that each attempt has one end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from chat import models
from chat.models import (
    Accepted,
    Claim,
    Conversation,
    Deletion,
    Outcome,
    Part,
    Process,
    Reason,
    Reply,
    Status,
    Token,
    Unsaved,
    stop_replies_of_inactive,
)
from chat.tests.models.conftest import Heard

type Send = Callable[..., Accepted]
type Get = Callable[[Accepted], Reply]

DONE = Outcome(Status.COMPLETE, finish_reason="stop")


def claim(reply: Reply, process: Process) -> Claim:
    claimed: Claim | None = Reply.objects.claim(reply.pk, process.pk)
    assert claimed is not None
    return claimed


def running() -> Any:
    return Reply.objects.filter(status=Status.RUNNING)


# --- claim ------------------------------------------------------------------------------------


def test_a_claim_makes_the_next_attempt_once(send: Send, get: Get, process: Process) -> None:
    accepted = send("What is 1 + 1?")
    claimed = claim(get(accepted), process)
    assert (claimed.attempt, claimed.text) == (1, "")
    assert claimed.messages == [{"role": "user", "content": "What is 1 + 1?"}]
    assert Reply.objects.claim(get(accepted).pk, process.pk) is None
    reply = get(accepted)
    assert (reply.status, reply.owner_id, reply.attempt) == ("running", process.pk, 1)


def test_a_claim_that_meets_a_stop_mark_ends_the_reply(
    send: Send, get: Get, process: Process
) -> None:
    accepted = send()
    Reply.objects.filter(uid=accepted.reply).update(stop_requested=True)
    assert Reply.objects.claim(get(accepted).pk, process.pk) is None
    assert get(accepted).status == "stopped"


@pytest.mark.parametrize("by_token", [False, True])
def test_a_claim_for_a_deactivated_user_ends_the_reply_and_keeps_its_text(
    send: Send, get: Get, process: Process, alice: User, by_token: bool
) -> None:
    token = Token.objects.make(alice, "Script", ["chat"], None)[0].pk if by_token else None
    accepted = models.send(
        alice.pk, uuid4(), conversation=None, parent=None, text="Hi", model=None, token=token
    )
    held = claim(get(accepted), process)
    Reply.objects.checkpoint(
        process.pk, [Unsaved(held.reply, held.attempt, (("text", 0, "So far"),))]
    )
    Reply.objects.put_back(running(), Reason.RESTART, fault=False)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert Reply.objects.claim(held.reply, process.pk) is None
    reply = get(accepted)
    assert (reply.status, reply.text, reply.attempt) == ("stopped", "So far", 1)
    User.objects.filter(pk=alice.pk).update(is_active=True)
    claim(get(send("Again")), process)


def test_replies_are_put_back_a_few_at_a_time(
    send: Send, get: Get, process: Process, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RUNNING_REPLIES_PER_USER = 5
    monkeypatch.setattr("chat.models.replies.PUT_BACK_AT_ONCE", 2)
    claimed = [claim(get(send()), process).reply for _ in range(5)]
    with CaptureQueriesContext(connection) as queries:
        assert Reply.objects.put_back(running(), Reason.RESTART, fault=False) == claimed
    assert not running().exists()
    locks = [one for one in queries.captured_queries if one["sql"].startswith("SAVEPOINT")]
    assert len(locks) == 4  # two, two, one, and none that is left


def test_what_a_deactivated_user_has_running_or_queued_is_stopped(
    send: Send,
    get: Get,
    process: Process,
    alice: User,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    bob = User.objects.create(username="bob")
    his = models.send(bob.pk, uuid4(), conversation=None, parent=None, text="Hi", model=None)
    first, other = send("one"), send("other")
    behind = send("two", below=first)
    held = claim(get(first), process)
    with django_assert_num_queries(1):
        assert stop_replies_of_inactive() == []
    User.objects.filter(pk=alice.pk).update(is_active=False)
    stopped = stop_replies_of_inactive()
    assert stopped == sorted(get(one).pk for one in (first, other, behind))
    assert [get(one).status for one in (first, other, behind, his)] == [
        "running",
        "stopped",
        "stopped",
        "queued",
    ]
    unsaved = [Unsaved(held.reply, held.attempt, (("text", 0, "So far"),))]
    assert Reply.objects.checkpoint(process.pk, unsaved) == {held.reply: True}
    with django_assert_num_queries(1):
        assert stop_replies_of_inactive() == [], "it is marked"
    Reply.objects.put_back(running(), Reason.TAKEOVER, fault=True)
    assert (get(first).status, get(first).text) == ("stopped", "So far")


def test_an_empty_reply_is_left_out_of_the_prompt(send: Send, get: Get, process: Process) -> None:
    first = send("one")
    Reply.objects.finish(claim(get(first), process), "", "", Outcome(Status.FAILED))
    second = send("two", below=first)
    assert [m["content"] for m in claim(get(second), process).messages] == ["one\n\ntwo"]


# --- checkpoint and end -----------------------------------------------------------------------


def test_checkpoints_append_and_may_be_repeated(send: Send, get: Get, process: Process) -> None:
    accepted = send()
    held = claim(get(accepted), process)
    parts = Unsaved(held.reply, 1, (("text", 0, "He"), ("reasoning", 0, "Hm")))
    for unsaved in (parts, parts, Unsaved(held.reply, 1, (("text", 2, "llo 👍"),))):
        assert Reply.objects.checkpoint(process.pk, [unsaved]) == {held.reply: False}
    assert get(accepted).stored_text() == ("Hello 👍", "Hm")
    assert Part.objects.count() == 3


def test_a_checkpoint_has_a_fixed_number_of_queries(
    send: Send, get: Get, process: Process, django_assert_num_queries: DjangoAssertNumQueries,
    settings: Settings,
) -> None:  # fmt: skip
    settings.RUNNING_REPLIES_PER_USER = 50
    held = [claim(get(send()), process) for _ in range(20)]
    unsaved = [Unsaved(one.reply, 1, (("text", 0, "x"),)) for one in held]
    with django_assert_num_queries(4):  # begin, lock, insert, end
        assert len(Reply.objects.checkpoint(process.pk, unsaved)) == 20


def test_whoever_lost_the_reply_writes_nothing(send: Send, get: Get, process: Process) -> None:
    accepted, other = send(), Process.objects.create(uid=uuid4(), name="elsewhere:2")
    late = claim(get(accepted), process)
    Reply.objects.put_back(running(), Reason.TAKEOVER, fault=True)
    claim(get(accepted), other)
    unsaved = Unsaved(late.reply, late.attempt, (("text", 0, "late"),))
    assert Reply.objects.checkpoint(process.pk, [unsaved]) == {}
    assert Reply.objects.finish(late, "late", "", DONE) is None
    reply = get(accepted)
    assert (reply.status, reply.attempt, reply.stored_text()) == ("running", 2, ("", ""))


# --- take-over --------------------------------------------------------------------------------


def test_a_take_over_goes_on_from_the_text_where_the_endpoint_can(
    send: Send, get: Get, process: Process
) -> None:
    accepted = send(model="embedded/smollm2-135m")
    held = claim(get(accepted), process)
    Reply.objects.checkpoint(process.pk, [Unsaved(held.reply, 1, (("text", 0, "Once upon"),))])
    Reply.objects.put_back(running(), Reason.TAKEOVER, fault=True)
    assert get(accepted).reason == "takeover"
    assert get(accepted).stored_text()[0] == "Once upon"
    again = claim(get(accepted), process)
    assert (again.attempt, again.text) == (2, "Once upon")
    assert get(accepted).stored_text()[0] == "Once upon"


def test_elsewhere_it_starts_again_and_keeps_the_old_text_until_there_is_a_new_one(
    send: Send, get: Get, process: Process
) -> None:
    accepted = send()
    held = claim(get(accepted), process)
    Reply.objects.checkpoint(process.pk, [Unsaved(held.reply, 1, (("text", 0, "Once upon"),))])
    Reply.objects.put_back(running(), Reason.TAKEOVER, fault=True)
    again = claim(get(accepted), process)
    assert (again.attempt, again.text) == (2, "")
    assert get(accepted).stored_text()[0] == "Once upon"
    Reply.objects.finish(again, "", "", Outcome(Status.FAILED, error_code="unreachable"))
    reply = get(accepted)
    assert (reply.status, reply.text, reply.error_code) == (
        "interrupted", "Once upon", "unreachable",
    )  # fmt: skip


def test_the_third_fault_ends_it_and_hand_overs_do_not_count(
    send: Send, get: Get, process: Process
) -> None:
    accepted = send()
    for _ in range(5):
        claim(get(accepted), process)
        Reply.objects.put_back(running(), Reason.RESTART, fault=False)
    for expected in ("queued", "queued", "failed"):
        claim(get(accepted), process)
        Reply.objects.put_back(running(), Reason.TAKEOVER, fault=True)
        assert get(accepted).status == expected
    assert get(accepted).error_message


def test_what_is_marked_is_never_queued_again(send: Send, get: Get, process: Process) -> None:
    accepted = send()
    claim(get(accepted), process)
    Reply.objects.filter(uid=accepted.reply).update(stop_requested=True)
    Reply.objects.put_back(running(), Reason.TAKEOVER, fault=True)
    assert get(accepted).status == "stopped"


# --- stop -------------------------------------------------------------------------------------


def test_stop_ends_a_waiting_reply_and_wakes_the_next(
    heard: Heard, send: Send, get: Get, process: Process, alice: User
) -> None:
    first = send()
    second, held = send(below=first), claim(get(first), process)
    third = send(below=second)
    stopped = Reply.objects.stop(alice.pk, second.reply)
    assert (stopped.status, stopped.text) == ("stopped", "")
    heard.forget_woken()
    Reply.objects.finish(held, "1", "", DONE)
    assert heard.woken == [get(third).pk]


def test_stop_marks_a_running_reply_and_repeats_the_same_answer(
    send: Send, get: Get, process: Process, alice: User
) -> None:
    accepted = send()
    held = claim(get(accepted), process)
    for _ in range(2):
        assert Reply.objects.stop(alice.pk, accepted.reply).status == "running"
    assert Reply.objects.checkpoint(process.pk, [Unsaved(held.reply, 1, ())]) == {held.reply: True}
    Reply.objects.finish(held, "half", "", Outcome(Status.STOPPED))
    after = Reply.objects.stop(alice.pk, accepted.reply)
    assert (after.status, after.text) == ("stopped", "half")


def test_stop_ends_what_a_dead_process_left(
    send: Send, get: Get, process: Process, alice: User
) -> None:
    accepted = send()
    held = claim(get(accepted), process)
    Reply.objects.checkpoint(process.pk, [Unsaved(held.reply, 1, (("text", 0, "half"),))])
    Process.objects.update(seen=timezone.now() - timedelta(minutes=1))
    stopped = Reply.objects.stop(alice.pk, accepted.reply)
    assert (stopped.status, stopped.text) == ("stopped", "half")


def test_a_stranger_cannot_stop(send: Send, get: Get, bob: User) -> None:
    accepted = send()
    with pytest.raises(Reply.DoesNotExist):
        Reply.objects.stop(bob.pk, accepted.reply)
    with pytest.raises(Reply.DoesNotExist):
        Reply.objects.stop(bob.pk, uuid4())
    assert not get(accepted).stop_requested


def test_continue_clears_the_stop_mark_and_the_faults(
    send: Send, get: Get, process: Process, alice: User
) -> None:
    accepted = send()
    claim(get(accepted), process)
    Reply.objects.put_back(running(), Reason.TAKEOVER, fault=True)
    Reply.objects.stop(alice.pk, accepted.reply)
    models.continue_(alice.pk, uuid4(), reply=accepted.reply, model=None)
    reply = get(accepted)
    assert (reply.status, reply.faults, reply.stop_requested) == ("queued", 0, False)


def test_a_conversation_is_deleted_once(heard: Heard, send: Send, alice: User) -> None:
    uid = send().conversation
    first, second = (Conversation.objects.for_user(alice).get(uid=uid) for _ in range(2))
    first.remove()
    with pytest.raises(Conversation.DoesNotExist):
        second.remove()
    assert Deletion.objects.filter(uid=uid).count() == 1


def test_deleting_a_conversation_wakes_what_the_limit_held_back(
    heard: Heard, send: Send, get: Get, process: Process, alice: User, settings: Settings
) -> None:
    settings.RUNNING_REPLIES_PER_USER = 1
    one, two = send(), send()
    held = claim(get(one), process)
    heard.forget_woken()
    Conversation.objects.for_user(alice).get(uid=one.conversation).remove()
    assert heard.woken == [get(two).pk]
    assert Reply.objects.checkpoint(process.pk, [Unsaved(held.reply, 1, ())]) == {}
