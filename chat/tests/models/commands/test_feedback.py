"""Feedback on a reply: one per reply, changed and taken back, told to its owner."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.contrib.auth.models import User

from chat import protocol
from chat.models import Conversation, Counter, NotAllowed, Reply, changes_since
from chat.models.commands.feedback import give_feedback, take_feedback_back
from chat.tests.models.conftest import Heard

type Make = Callable[..., Conversation]


def reply_of(chat: Conversation) -> Reply:
    reply: Reply = Reply.objects.get(conversation=chat)
    return reply


def test_it_is_given_changed_and_taken_back(
    alice: User, make_conversation: Make, heard: Heard
) -> None:
    uid = reply_of(make_conversation(alice)).uid
    give_feedback(alice.pk, uid, "down", ["wrong", "wrong", "style"], "It is in May.")
    row = give_feedback(alice.pk, uid, "up", [], "")
    assert (row.thumb, row.feedback) == (1, {"reasons": [], "words": ""})
    seq = Counter.objects.current(alice.pk)
    give_feedback(alice.pk, uid, "up", [], "")
    assert Counter.objects.current(alice.pk) == seq == 2
    take_feedback_back(alice.pk, uid)
    take_feedback_back(alice.pk, uid)
    assert [(one.kind, one.event, one.seq) for one in heard.changes] == [
        ("message", "updated", number) for number in (1, 2, 3)
    ]
    (changed,) = changes_since(alice.pk, 0).messages
    assert (changed.thumb, changed.feedback) == (0, None)


def test_the_object_of_its_owner_has_it(alice: User, make_conversation: Make) -> None:
    row = reply_of(make_conversation(alice))
    assert protocol.reply_object(row).feedback is None
    give_feedback(alice.pk, row.uid, "down", ["wrong", "wrong", "style"], "It is in May.")
    told = protocol.reply_object(reply_of(row.conversation)).feedback
    assert told is not None
    assert (told.thumb, told.reasons, told.words) == ("down", ["wrong", "style"], "It is in May.")


def test_strangers_and_growing_replies_get_none(
    alice: User, bob: User, make_conversation: Make
) -> None:
    hers = reply_of(make_conversation(alice))
    grows = reply_of(make_conversation(alice, status="running", text=""))
    for uid in (hers.uid, uuid4(), hers.parent.uid if hers.parent else uuid4()):
        with pytest.raises(Reply.DoesNotExist):
            give_feedback(bob.pk, uid, "up", [], "")
        with pytest.raises(Reply.DoesNotExist):
            take_feedback_back(bob.pk, uid)
    with pytest.raises(NotAllowed):
        give_feedback(alice.pk, grows.uid, "up", [], "")
    assert not Reply.objects.exclude(thumb=0).exists()
