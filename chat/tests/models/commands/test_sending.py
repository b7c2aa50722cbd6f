"""Sending and continuing: stored under the owner, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
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
    Message,
    NoModel,
    NotAllowed,
    Outcome,
    Process,
    Reply,
    Status,
    changes_since,
)

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


def test_a_conversation_keeps_its_model_and_settings_until_a_message_brings_others(
    send: Send, get: Get, process: Process, alice: User
) -> None:
    chat = Conversation.objects.for_user(alice)

    def follow(below: Accepted, **given: Any) -> tuple[str, dict[str, Any]]:
        key = uuid4()
        models.send(
            alice.pk, key, conversation=below.conversation, parent=below.reply, text="And?",
            **{"model": None} | given,
        )  # fmt: skip
        row = chat.get(uid=below.conversation)
        return row.model, row.settings

    one = send(model="openai/two")
    finish(get, one, process, "1", Outcome(Status.COMPLETE, finish_reason="stop"))
    assert follow(one) == ("openai/two", {})
    assert follow(one, settings={"temperature": 1.0}) == ("openai/two", {"temperature": 1.0})
    assert follow(one, model="openai/one") == ("openai/one", {"temperature": 1.0})
    assert follow(one, settings={}) == ("openai/one", {})


def test_a_message_without_a_parent_begins_another_path(send: Send, get: Get, alice: User) -> None:
    one = send()
    again = models.send(
        alice.pk, uuid4(), conversation=one.conversation, parent=None, text="Else", model=None
    )
    roots = Message.objects.filter(parent=None).order_by("pk")
    assert [(row.uid, row.depth) for row in roots] == [(one.message, 0), (again.message, 0)]
    assert get(again).depth == 1
    chat = Conversation.objects.get()
    assert (chat.leaf_id, chat.message_count) == (get(again).pk, 4)


def test_a_refusal_changes_nothing(send: Send, get: Get, alice: User) -> None:
    one = send()
    before = changes_since(alice.pk, 0).seq
    for given in (
        {"conversation": one.conversation, "parent": one.message},
        {"conversation": None, "parent": one.reply},
        {"conversation": one.conversation, "parent": one.reply, "model": "openai/three"},
        {"conversation": one.conversation, "parent": one.reply, "temporary": True},
    ):
        with pytest.raises((NotAllowed, NoModel)):
            models.send(
                alice.pk, uuid4(), text="No", settings={"top_p": 1.0}, **{"model": None} | given
            )
    assert changes_since(alice.pk, 0).seq == before
    assert (Message.objects.count(), Conversation.objects.get().settings) == (2, {})


def test_nothing_can_be_said_in_a_conversation_that_is_removed(
    send: Send, get: Get, process: Process, alice: User
) -> None:
    one = send()
    finish(get, one, process, "half", Outcome(Status.STOPPED))
    Conversation.objects.get().remove()
    with pytest.raises(ObjectDoesNotExist):
        send(below=one)
    with pytest.raises(ObjectDoesNotExist):
        models.continue_(alice.pk, uuid4(), reply=one.reply, model=None)
