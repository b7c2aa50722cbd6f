"""Requests: carried out once per id."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.contrib.auth.models import User

from chat import models
from chat.models import (
    Accepted,
    Conversation,
    IdReused,
    Message,
)

type Send = Callable[..., Accepted]


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
