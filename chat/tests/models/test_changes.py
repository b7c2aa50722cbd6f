"""Counters of users, and the changes that they number."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from chat.models import (
    Accepted,
    Conversation,
    Counter,
    Reply,
)
from chat.tests.models.conftest import Heard

type Send = Callable[..., Accepted]


type Get = Callable[[Accepted], Reply]


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
