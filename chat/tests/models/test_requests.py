"""Sending and continuing: stored once, under the owner, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist
from pytest_django import Settings

from chat import models
from chat.models import (
    Accepted,
    Conversation,
    Counter,
    IdReused,
    Message,
    NoModel,
    NotAllowed,
    Outcome,
    Process,
    Reply,
    Status,
    TooMany,
    changes_since,
)
from chat.tests.models.conftest import Heard

type Send = Callable[..., Accepted]
type Get = Callable[[Accepted], Reply]


def finish(get: Get, accepted: Accepted, process: Process, text: str, outcome: Outcome) -> Reply:
    claim = Reply.objects.claim(get(accepted).pk, process.pk)
    assert claim is not None
    assert Reply.objects.finish(claim, text, "", outcome) is not None
    return get(accepted)


def test_a_message_its_reply_and_a_new_conversation_are_stored_together(
    send: Send, get: Get, alice: User
) -> None:
    accepted = send("# What is *Django*?\nTell me.")
    chat = Conversation.objects.for_user(alice).get(uid=accepted.conversation)
    reply = get(accepted)
    assert chat.title == "What is *Django*?"
    assert (chat.leaf_id, chat.running, chat.message_count) == (reply.pk, True, 2)
    assert (reply.status, reply.attempt, reply.model) == ("queued", 0, "openai/one")
    assert reply.parent is not None
    assert (reply.parent.uid, reply.parent.text) == (
        accepted.message,
        "# What is *Django*?\nTell me.",
    )


def test_the_same_id_and_body_is_answered_the_same_and_stored_once(send: Send) -> None:
    key = uuid4()
    assert send(key=key) == send(key=key)
    assert Message.objects.count() == 2


def test_the_same_id_with_another_body_is_refused(send: Send) -> None:
    key = uuid4()
    send("Hello", key=key)
    with pytest.raises(IdReused):
        send("Hello!", key=key)
    with pytest.raises(IdReused):
        send("Hello", key=key, model="openai/two")


def test_another_user_may_use_the_same_id(send: Send, bob: User) -> None:
    key = uuid4()
    mine = send(key=key)
    his = models.send(bob.pk, key, conversation=None, parent=None, text="Hello", model=None)
    assert his.conversation != mine.conversation


def test_an_id_is_remembered_beyond_the_deletion_of_what_it_made(send: Send, alice: User) -> None:
    key = uuid4()
    accepted = send(key=key)
    Conversation.objects.for_user(alice).get(uid=accepted.conversation).remove()
    assert send(key=key) == accepted
    assert not Message.objects.exists()


def test_a_stranger_gets_what_an_unknown_id_gets_and_changes_nothing(send: Send, bob: User) -> None:
    accepted = send()
    before = Message.objects.count()
    for conversation, parent in [
        (accepted.conversation, accepted.reply),
        (accepted.conversation, None),
        (uuid4(), None),
    ]:
        with pytest.raises(ObjectDoesNotExist):
            models.send(
                bob.pk, uuid4(), conversation=conversation, parent=parent, text="x", model=None
            )
    with pytest.raises(Reply.DoesNotExist):
        models.continue_(bob.pk, uuid4(), reply=accepted.reply, model=None)
    assert Message.objects.count() == before
    assert Counter.objects.current(bob.pk) == 0


def test_a_parent_of_another_conversation_is_not_found(send: Send, alice: User) -> None:
    one, other = send(), send()
    with pytest.raises(ObjectDoesNotExist):
        models.send(
            alice.pk, uuid4(), conversation=one.conversation, parent=other.reply, text="x",
            model=None,
        )  # fmt: skip


def test_only_a_reply_can_be_answered(send: Send, alice: User) -> None:
    one = send()
    with pytest.raises(NotAllowed):
        models.send(
            alice.pk, uuid4(), conversation=one.conversation, parent=one.message, text="x",
            model=None,
        )  # fmt: skip
    with pytest.raises(NotAllowed):
        models.send(alice.pk, uuid4(), conversation=None, parent=one.reply, text="x", model=None)


def test_an_unknown_model_is_refused_and_a_vanished_one_replaced(
    send: Send, get: Get, settings: Settings
) -> None:
    with pytest.raises(NoModel):
        send(model="openai/three")
    one = send(model="openai/two")
    settings.CHAT_MODEL = ["one"]
    assert get(send(below=one)).model == "openai/one"
    settings.OPENAI_API_KEY = settings.EMBEDDED_MODEL_URL = ""
    with pytest.raises(NoModel):
        send()


@pytest.mark.parametrize(
    ("text", "outcome", "allowed"),
    [
        ("", Outcome(Status.FAILED, error_code="x"), True),
        ("half", Outcome(Status.INTERRUPTED), True),
        ("half", Outcome(Status.STOPPED), True),
        ("half", Outcome(Status.COMPLETE, finish_reason="length"), True),
        ("whole", Outcome(Status.COMPLETE, finish_reason="stop"), False),
    ],
)
def test_which_ends_can_go_on(
    send: Send, get: Get, process: Process, alice: User, text: str, outcome: Outcome, allowed: bool
) -> None:
    accepted = send()
    finish(get, accepted, process, text, outcome)
    if not allowed:
        with pytest.raises(NotAllowed):
            models.continue_(alice.pk, uuid4(), reply=accepted.reply, model=None)
        return
    again = models.continue_(alice.pk, uuid4(), reply=accepted.reply, model="openai/two")
    assert (again.reply, again.message) == (accepted.reply, accepted.message)
    reply = get(accepted)
    assert (reply.status, reply.model, reply.ended, reply.error_code) == (
        "queued", "openai/two", None, "",
    )  # fmt: skip
    claim = Reply.objects.claim(reply.pk, process.pk)
    assert claim is not None
    assert (claim.attempt, claim.text) == (2, text)


@pytest.mark.parametrize(
    ("text", "reasoning", "allowed"),
    [("half", "", True), ("half", "hm", True), ("half", "hmm.", False), ("", "hmm. hm.", True)],
)
def test_a_full_reply_cannot_go_on_whatever_filled_it(
    send: Send, get: Get, process: Process, alice: User, settings: Settings,
    text: str, reasoning: str, allowed: bool,
) -> None:  # fmt: skip
    settings.REPLY_BYTES = 10  # at most three are left where no character may fit
    accepted = send()
    claim = Reply.objects.claim(get(accepted).pk, process.pk)
    assert claim is not None
    Reply.objects.finish(claim, text, reasoning, Outcome(Status.COMPLETE, finish_reason="length"))
    assert get(accepted).can_continue() is allowed


def test_an_answered_reply_cannot_go_on(
    send: Send, get: Get, process: Process, alice: User
) -> None:
    one = send()
    finish(get, one, process, "half", Outcome(Status.INTERRUPTED))
    send(below=one)
    with pytest.raises(NotAllowed):
        models.continue_(alice.pk, uuid4(), reply=one.reply, model=None)


def test_so_many_replies_may_wait(send: Send, settings: Settings) -> None:
    settings.QUEUED_REPLIES_PER_USER = 2
    send()
    send()
    with pytest.raises(TooMany):
        send()
    assert Message.objects.count() == 4


def test_each_changed_object_takes_its_own_number_and_is_told_after_the_commit(
    heard: Heard, send: Send, get: Get, alice: User
) -> None:
    one = send()
    send(below=one)
    assert [change.seq for change in heard.changes] == list(range(1, len(heard.changes) + 1))
    assert Counter.objects.current(alice.pk) == len(heard.changes)
    assert [(change.kind, change.event) for change in heard.changes[:3]] == [
        ("conversation", "created"),
        ("message", "created"),
        ("message", "created"),
    ]
    assert heard.woken == [get(one).pk]  # the other is woken by its end


def test_no_number_is_given_twice_by_a_lock_within_a_lock(send: Send, alice: User) -> None:
    chat = Conversation.objects.for_user(alice).get(uid=send().conversation)
    seen = Counter.objects.current(alice.pk)
    with Counter.objects.held(alice.pk):
        chat.change(title="Within")
    assert Counter.objects.current(alice.pk) == seen + 1

    def count_twice() -> None:
        with Counter.objects.held(alice.pk) as counter:
            chat.touch(counter, "title")
            chat.change(title="Counted again")

    with pytest.raises(RuntimeError):
        count_twice()
    chat.refresh_from_db()
    assert (Counter.objects.current(alice.pk), chat.title) == (seen + 1, "Within")


def test_changes_hold_what_happened_since(send: Send, alice: User) -> None:
    one = send()
    seen = changes_since(alice.pk, 0).seq
    two = send()
    Conversation.objects.for_user(alice).get(uid=one.conversation).remove()
    changes = changes_since(alice.pk, seen)
    assert [row.uid for row in changes.conversations] == [two.conversation]
    assert {row.uid for row in changes.messages} == {two.message, two.reply}
    assert changes.deleted_conversations == [one.conversation]
    assert changes_since(alice.pk, changes.seq).messages == []


def test_changes_start_anew_where_they_cannot_be_told(
    send: Send, alice: User, settings: Settings
) -> None:
    send()
    assert changes_since(alice.pk, 10**9).reset, "a number from another database"
    settings.CHANGES_OBJECTS = 2
    assert changes_since(alice.pk, 0).reset, "too many objects"


@pytest.mark.parametrize("outcome", [Outcome(Status.FAILED), Outcome(Status.STOPPED)])
def test_after_a_reply_without_text_the_model_is_asked_with_roles_in_turn(
    send: Send, get: Get, process: Process, outcome: Outcome
) -> None:
    """Many a template refuses two messages of the user in a row: the conversation would be dead."""
    accepted = send("One")
    for text in ("Two", "Three"):
        claim = Reply.objects.claim(get(accepted).pk, process.pk)
        assert claim is not None
        Reply.objects.finish(claim, "", "Hm.", outcome)
        accepted = send(text, below=accepted)
    claim = Reply.objects.claim(get(accepted).pk, process.pk)
    assert claim is not None
    assert claim.messages == [{"role": "user", "content": "One\n\nTwo\n\nThree"}]
