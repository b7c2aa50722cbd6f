"""Deleted calls: what goes with them, and what stays because something else needs it."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User

from chat import models
from chat.models import (
    ApiCall,
    Attempt,
    Conversation,
    Counter,
    Deletion,
    Message,
    Reply,
    Status,
    changes_since,
)
from chat.models.commands.call_deletion import StillAnswered, delete_call
from chat.tests.models.commands.test_openai_calls import Answer, Call, answer, call, claimed, said

__all__ = ["answer", "call", "claimed"]


def texts(conversation: UUID) -> list[str]:
    rows = Message.objects.filter(conversation__uid=conversation).order_by("pk")
    return [row.text for row in rows]


def test_a_call_alone_goes_with_its_conversation(call: Call, answer: Answer, alice: User) -> None:
    made = call(said("Brought", "along", "Asked", system="Be brief."), seed=7)
    answer(made)
    delete_call(alice.pk, made.reply)
    for rows in (Conversation, Message, ApiCall, Attempt):
        assert not rows.objects.exists()
    assert [row.uid for row in Deletion.objects.all()] == [made.conversation]


def test_a_call_that_goes_on_leaves_what_the_earlier_one_needs(
    call: Call, answer: Answer, alice: User
) -> None:
    first = call(said("One"))
    text = answer(first)
    second = call(said("One", text, "Two"))
    answer(second, "Two!")
    before = Counter.objects.current(alice.pk)
    delete_call(alice.pk, second.reply)
    assert texts(first.conversation) == ["One", text]
    chat = Conversation.objects.get()
    assert (chat.message_count, chat.leaf and chat.leaf.uid) == (2, first.reply)
    found = changes_since(alice.pk, before)
    assert set(found.deleted_messages) == {second.message, second.reply}
    delete_call(alice.pk, first.reply)
    assert not Message.objects.exists()


def test_what_something_follows_on_stays_as_long_as_that(
    call: Call, answer: Answer, alice: User
) -> None:
    first = call(said("One"), seed=7)
    text = answer(first)
    second = call(said("One", text, "Two"))
    answer(second)
    delete_call(alice.pk, first.reply)
    assert ApiCall.objects.get().reply_id == Reply.objects.get(uid=second.reply).pk
    assert len(texts(first.conversation)) == 4
    # Nothing goes on with a call that is deleted.
    third = call(said("One", text, "Three"))
    assert third.conversation != first.conversation
    delete_call(alice.pk, second.reply)
    assert not Conversation.objects.filter(uid=first.conversation).exists()


def test_what_was_asked_in_the_chat_stays_with_all_before_it(
    call: Call, answer: Answer, alice: User
) -> None:
    made = call(said("One"))
    answer(made)
    models.send(
        alice.pk, uuid4(), conversation=made.conversation, parent=made.reply, text="And?",
        model=None,
    )  # fmt: skip
    delete_call(alice.pk, made.reply)
    assert texts(made.conversation) == ["One", "Yes.", "And?", ""]


def test_another_reply_to_the_same_message_stays(call: Call, answer: Answer, alice: User) -> None:
    made = call(said("One"))
    answer(made)
    other = models.regenerate(alice.pk, uuid4(), reply=made.reply, model=None)
    answer(other, "In the chat.")
    delete_call(alice.pk, made.reply)
    assert texts(made.conversation) == ["One", "In the chat."]
    assert Conversation.objects.get().leaf == Message.objects.get(uid=other.reply)


@pytest.mark.parametrize("status", [Status.FAILED, Status.INTERRUPTED])
def test_earlier_tries_of_the_same_call_go_with_it(
    call: Call, answer: Answer, alice: User, status: Status
) -> None:
    answer(call(said("One")), "Half" if status == Status.INTERRUPTED else "", status)
    made = call(said("One"))
    answer(made)
    assert len(texts(made.conversation)) == 3
    delete_call(alice.pk, made.reply)
    assert not Message.objects.exists()


def test_a_failed_call_can_be_deleted_alone(call: Call, answer: Answer, alice: User) -> None:
    made = call(said("One"))
    answer(made, "", Status.FAILED)
    delete_call(alice.pk, made.reply)
    assert not Message.objects.exists()


def test_others_unknown_unstored_and_running_calls_are_not_deleted(
    call: Call, answer: Answer, alice: User, bob: User
) -> None:
    made, passing, waiting = call(said("One")), call(said("Two"), store=False), call(said("Three"))
    answer(made)
    answer(passing)
    for user, reply in ((bob, made.reply), (alice, uuid4()), (alice, passing.reply)):
        with pytest.raises(ApiCall.DoesNotExist):
            delete_call(user.pk, reply)
    with pytest.raises(StillAnswered):
        delete_call(alice.pk, waiting.reply)
    assert Message.objects.count() == 6
    delete_call(alice.pk, made.reply)
    with pytest.raises(ApiCall.DoesNotExist):
        delete_call(alice.pk, made.reply)


def test_the_key_of_a_deleted_call_makes_a_new_one(call: Call, answer: Answer, alice: User) -> None:
    key = uuid4()
    made = call(said("One"), key=key, body="b")
    answer(made)
    delete_call(alice.pk, made.reply)
    assert call(said("One"), key=key, body="b").reply != made.reply
