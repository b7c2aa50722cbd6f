"""Removal: hidden at once from everybody, undone in time, and final after it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist
from django.utils import timezone
from pytest_django import Settings

from chat import models
from chat.models import (
    Accepted,
    Conversation,
    Counter,
    Deletion,
    Folder,
    IdReused,
    Message,
    Outcome,
    Process,
    Reply,
    Status,
    changes_since,
    finish_removals,
)
from chat.models.commands import creation
from chat.models.commands.pins import order_pins
from chat.models.commands.removal import remove, remove_folder, restore, restore_folder
from chat.tests.models.conftest import Heard

type Make = Callable[..., Conversation]
type Send = Callable[..., Accepted]


def age(row: Conversation | Folder, seconds: float) -> None:
    """Let the row be removed so many seconds before now."""
    at = timezone.now() - timedelta(seconds=seconds)
    type(row).objects.filter(pk=row.pk).update(deleted_at=at)


def test_a_removed_conversation_is_there_for_no_command(
    alice: User, send: Send, get: Callable[[Accepted], Reply], process: Process
) -> None:
    accepted = send("Hello")
    chat, reply = get(accepted).conversation, accepted.reply
    remove(alice.pk, chat.uid)
    before = Counter.objects.current(alice.pk)
    named: dict[str, Any] = {"conversation": chat.uid, "model": None}
    for command in (
        lambda: models.send(alice.pk, uuid4(), parent=reply, text="And?", **named),
        lambda: models.send(alice.pk, uuid4(), parent=None, text="And?", **named),
        lambda: models.edit(alice.pk, uuid4(), message=accepted.message, text="So", model=None),
        lambda: models.regenerate(alice.pk, uuid4(), reply=reply, model=None),
        lambda: models.continue_(alice.pk, uuid4(), reply=reply, model=None),
        lambda: models.withdraw(alice.pk, uuid4(), message=accepted.message),
        lambda: Reply.objects.stop(alice.pk, reply),
        lambda: chat.change(title="Mine"),
        lambda: order_pins(alice.pk, [chat.uid]),
        lambda: remove(alice.pk, chat.uid),
    ):
        with pytest.raises(ObjectDoesNotExist):
            command()
    assert Counter.objects.current(alice.pk) == before
    assert Reply.objects.claim(get(accepted).pk, process.pk) is None
    assert not changes_since(alice.pk, 0).conversations
    assert not changes_since(alice.pk, 0).messages


def test_running_and_waiting_replies_are_stopped(
    alice: User, send: Send, get: Callable[[Accepted], Reply], process: Process, heard: Heard
) -> None:
    first = send("Hello")
    claim = Reply.objects.claim(get(first).pk, process.pk)
    assert claim is not None
    second = send("And?", below=first)
    elsewhere = send("Elsewhere")
    remove(alice.pk, first.conversation)
    assert (get(first).status, get(first).stop_requested) == (Status.RUNNING, True)
    assert get(second).status == Status.STOPPED
    assert get(elsewhere).status == Status.QUEUED
    # Its producer ends it; pages are told of nothing but deleted objects.
    heard.changes.clear()
    Reply.objects.finish(claim, "So f", "", Outcome(Status.STOPPED))
    assert {(one.event, one.row) for one in heard.changes} == {("deleted", None)}
    restore(alice.pk, first.conversation)
    assert (get(first).text, get(first).status) == ("So f", Status.STOPPED)


def test_the_removal_is_told_and_so_is_its_undoing(
    alice: User, make_conversation: Make, heard: Heard
) -> None:
    chat = make_conversation(alice, "Mine")
    chat.change(archived=True)
    since = Counter.objects.current(alice.pk)
    heard.changes.clear()
    remove(alice.pk, chat.uid)
    assert changes_since(alice.pk, since).deleted_conversations == [chat.uid]
    row = restore(alice.pk, chat.uid)
    assert [(one.event, one.uid) for one in heard.changes] == [
        ("deleted", chat.uid),
        ("created", chat.uid),
    ]
    found = changes_since(alice.pk, since)
    assert found.deleted_conversations == []
    assert [one.uid for one in found.conversations] == [chat.uid]
    assert (row.archived, row.seq) == (True, since + 2)
    restore(alice.pk, chat.uid)
    assert Counter.objects.current(alice.pk) == since + 2, "repeated, it changes nothing"


def test_after_its_time_it_is_gone(
    alice: User, make_conversation: Make, settings: Settings
) -> None:
    settings.UNDO_SECONDS = 30
    chat, kept = make_conversation(alice, "Mine"), make_conversation(alice, "Kept")
    remove(alice.pk, chat.uid)
    assert finish_removals() == 0
    age(chat, 31)
    with pytest.raises(Conversation.DoesNotExist):
        restore(alice.pk, chat.uid)
    before = Counter.objects.current(alice.pk)
    assert finish_removals() == 1
    assert list(Conversation.objects.all()) == [kept]
    assert Message.objects.count() == 2
    assert Counter.objects.current(alice.pk) == before
    assert Deletion.objects.filter(uid=chat.uid).count() == 1
    assert finish_removals() == 0


def test_many_are_deleted_a_few_at_a_time(alice: User, make_conversation: Make) -> None:
    for at in range(7):
        chat = make_conversation(alice, f"No. {at}")
        remove(alice.pk, chat.uid)
        age(chat, 31)
    assert [finish_removals() for _ in range(3)] == [5, 2, 0]


def test_a_stranger_neither_removes_nor_restores(
    alice: User, bob: User, make_conversation: Make
) -> None:
    chat = make_conversation(alice, "Hers")
    with pytest.raises(Conversation.DoesNotExist):
        remove(bob.pk, chat.uid)
    remove(alice.pk, chat.uid)
    with pytest.raises(Conversation.DoesNotExist):
        restore(bob.pk, chat.uid)
    assert not Conversation.objects.for_user(alice).exists()


def test_an_empty_conversation_is_not_made_again_meanwhile(alice: User) -> None:
    key = uuid4()
    new: dict[str, Any] = {"title": "Plans", "model": None, "settings": None}
    row, _ = creation.make_conversation(alice.pk, key, **new)
    remove(alice.pk, row.uid)
    with pytest.raises(IdReused):
        creation.make_conversation(alice.pk, key, **new)
    restore(alice.pk, row.uid)
    assert creation.make_conversation(alice.pk, key, **new) == (row, False)


def test_a_restored_pin_takes_nobodys_place(alice: User, make_conversation: Make) -> None:
    one, two = make_conversation(alice, "One"), make_conversation(alice, "Two")
    one.change(pinned=True)
    remove(alice.pk, one.uid)
    two.change(pinned=True)
    restore(alice.pk, one.uid)
    rows = Conversation.objects.for_user(alice).in_order()
    assert [(row.title, row.pinned) for row in rows] == [("One", 2), ("Two", 1)]


# --- folders ------------------------------------------------------------------------------


def in_folder(user: User) -> dict[str, UUID | None]:
    return {row.title: row.folder_id for row in Conversation.objects.for_user(user)}


def test_a_restored_folder_gets_its_conversations_back(
    alice: User, make_conversation: Make
) -> None:
    folder, _ = Folder.objects.make(alice.pk, uuid4(), "Travel")
    other, _ = Folder.objects.make(alice.pk, uuid4(), "Other")
    chats = {title: make_conversation(alice, title) for title in ("Stays", "Moved", "Removed")}
    for chat in chats.values():
        chat.change(folder=folder.uid)
    remove_folder(alice.pk, folder.uid)
    chats["Moved"].change(folder=other.uid)
    remove(alice.pk, chats["Removed"].uid)
    since = Counter.objects.current(alice.pk)
    row = restore_folder(alice.pk, folder.uid)
    assert (row.name, row.seq) == ("Travel", since + 1)
    assert in_folder(alice) == {"Stays": folder.uid, "Moved": other.uid}
    assert [one.title for one in changes_since(alice.pk, since).conversations] == ["Stays"]
    restore_folder(alice.pk, folder.uid)
    assert Counter.objects.current(alice.pk) == since + 2


def test_a_removed_folder_takes_nothing_and_goes(
    alice: User, bob: User, make_conversation: Make
) -> None:
    folder, _ = Folder.objects.make(alice.pk, uuid4(), "Travel")
    chat = make_conversation(alice, "Mine")
    with pytest.raises(Folder.DoesNotExist):
        remove_folder(bob.pk, folder.uid)
    remove_folder(alice.pk, folder.uid)
    for attempt in (
        lambda: chat.change(folder=folder.uid),
        lambda: folder.rename("Mine"),
        lambda: restore_folder(bob.pk, folder.uid),
        lambda: remove_folder(alice.pk, folder.uid),
    ):
        with pytest.raises(Folder.DoesNotExist):
            attempt()
    age(folder, 31)
    assert finish_removals() == 1
    assert not Folder.objects.exists()
    with pytest.raises(Folder.DoesNotExist):
        restore_folder(alice.pk, folder.uid)
