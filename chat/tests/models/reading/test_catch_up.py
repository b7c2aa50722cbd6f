"""Changes that a client missed."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from chat.models import (
    Accepted,
    Conversation,
    Counter,
    Folder,
    Outcome,
    Process,
    Reply,
    Status,
    changes_since,
)
from chat.models.commands.removal import remove
from chat.models.reading.catch_up import Changes

type Send = Callable[..., Accepted]


type Get = Callable[[Accepted], Reply]


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


def test_the_text_of_a_message_is_sent_and_that_of_a_reply_is_followed(
    send: Send, get: Get, process: Process, alice: User
) -> None:
    one = send("Hello")
    held = Reply.objects.claim(get(one).pk, process.pk)
    assert held is not None
    Reply.objects.finish(held, "The answer", "Thoughts", Outcome(Status.COMPLETE))
    message, reply = changes_since(alice.pk, 0).messages
    assert (message.text, reply.text) == ("Hello", "")
    assert "reasoning" in reply.get_deferred_fields()


def test_nothing_is_read_for_a_client_that_has_all(send: Send, alice: User) -> None:
    send()
    seq = changes_since(alice.pk, 0).seq
    with CaptureQueriesContext(connection) as seen:
        assert changes_since(alice.pk, seq) == Changes(seq)
    assert len(seen) == 1


def test_a_stranger_hears_nothing_of_it(send: Send, bob: User) -> None:
    send()
    assert changes_since(bob.pk, 0) == Changes(0)


def test_what_is_removed_is_not_sent_as_changed_too(
    send: Send, alice: User, settings: Settings
) -> None:
    settings.UNDO_SECONDS = 30  # its rows stay for so long
    one, two = send(), send()
    remove(alice.pk, one.conversation)
    changes = changes_since(alice.pk, 0)
    assert changes.deleted_conversations == [one.conversation]
    assert [row.uid for row in changes.conversations] == [two.conversation]
    assert {row.uid for row in changes.messages} == {two.message, two.reply}


def test_objects_are_counted_over_all_kinds(send: Send, alice: User, settings: Settings) -> None:
    send()  # a conversation, a message and a reply
    Folder.objects.create(owner=alice, name="Plans", seq=4)
    Counter.objects.filter(user=alice).update(value=9)
    settings.CHANGES_OBJECTS = 4
    assert not changes_since(alice.pk, 0).reset
    settings.CHANGES_OBJECTS = 3
    assert changes_since(alice.pk, 0).reset
    assert not changes_since(alice.pk, 6).reset, "few numbers need no count"


def test_from_before_the_oldest_tombstone_lists_are_read_anew(send: Send, alice: User) -> None:
    send()
    Counter.objects.filter(user=alice).update(forgotten=2)
    assert changes_since(alice.pk, 1).reset
    assert not changes_since(alice.pk, 2).reset
