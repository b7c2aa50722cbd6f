"""Folders: made once, renamed, deleted without their conversations."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from chat.models import Conversation, Counter, Folder, IdReused, Message, TooMany, changes_since
from chat.models.commands.removal import remove_folder
from chat.tests.models.conftest import Heard

type Make = Callable[..., Conversation]


def folder(user: User, name: str = "Travel") -> Folder:
    return Folder.objects.make(user.pk, uuid4(), name)[0]


def test_the_same_id_makes_one_folder_per_user(alice: User, bob: User) -> None:
    key = uuid4()
    mine, is_new = Folder.objects.make(alice.pk, key, "Travel")
    assert (is_new, Folder.objects.make(alice.pk, key, "Other")) == (True, (mine, False))
    his, is_his_new = Folder.objects.make(bob.pk, key, "Travel")
    assert (is_his_new, his.uid != mine.uid) == (True, True)
    assert [row.uid for row in Folder.objects.for_user(alice)] == [mine.uid]


def test_a_name_is_cut_at_a_whole_character(alice: User) -> None:
    row = folder(alice, "x" * 79 + "e\u0301")
    assert row.name == "x" * 79
    row.rename("y" * 79 + "\U0001f1eb\U0001f1f7")
    assert Folder.objects.get(pk=row.pk).name == "y" * 79


def test_the_number_of_folders_is_limited(alice: User, settings: Settings) -> None:
    settings.FOLDERS_PER_USER = 2
    first = folder(alice)
    folder(alice)
    before = Counter.objects.current(alice.pk)
    with pytest.raises(TooMany, match="FOLDERS_PER_USER"):
        folder(alice)
    assert Counter.objects.current(alice.pk) == before
    remove_folder(alice.pk, first.uid)
    folder(alice)


def test_a_deleted_folder_leaves_its_conversations(
    alice: User, make_conversation: Make, heard: Heard
) -> None:
    row, key = folder(alice), uuid4()
    inside, beside = make_conversation(alice, "Inside"), make_conversation(alice, "Beside")
    inside.change(folder=row.uid)
    since = Counter.objects.current(alice.pk)
    heard.changes.clear()
    remove_folder(alice.pk, row.uid)
    inside.refresh_from_db()
    assert (inside.folder_id, inside.title) == (None, "Inside")
    assert [(one.kind, one.event, one.uid) for one in heard.changes] == [
        ("conversation", "updated", inside.uid),
        ("folder", "deleted", row.uid),
    ]
    found = changes_since(alice.pk, since)
    assert [one.uid for one in found.conversations] == [inside.uid]
    assert (found.deleted_folders, found.folders) == ([row.uid], [])
    assert beside.seq <= since
    with pytest.raises(Folder.DoesNotExist):
        remove_folder(alice.pk, row.uid)
    made = Folder.objects.make(alice.pk, key, "Again")[0]
    remove_folder(alice.pk, made.uid)
    with pytest.raises(IdReused):
        Folder.objects.make(alice.pk, key, "Again")


def test_many_conversations_leave_a_folder_each_with_a_number(
    alice: User, monkeypatch: pytest.MonkeyPatch, make_conversation: Make
) -> None:
    monkeypatch.setattr("chat.models.folders.MEMBERS_AT_ONCE", 2)
    row = folder(alice)
    chats = [make_conversation(alice, f"No. {at}") for at in range(5)]
    for chat in chats:
        chat.change(folder=row.uid)
    since = Counter.objects.current(alice.pk)
    remove_folder(alice.pk, row.uid)
    stored = list(Conversation.objects.for_user(alice).order_by("seq"))
    assert [chat.folder_id for chat in stored] == [None] * 5
    assert [chat.seq for chat in stored] == list(range(since + 1, since + 6))


def test_a_folder_of_somebody_else_takes_nothing(
    alice: User, bob: User, make_conversation: Make
) -> None:
    his, chat = folder(bob), make_conversation(alice, "Mine")
    with pytest.raises(Folder.DoesNotExist):
        chat.change(folder=his.uid)
    with pytest.raises(Folder.DoesNotExist):
        chat.change(folder=uuid4())
    chat.refresh_from_db()
    assert chat.folder_id is None


def test_folders_go_with_their_user(alice: User, make_conversation: Make) -> None:
    row, chat = folder(alice), make_conversation(alice, "Mine")
    chat.change(folder=row.uid)
    Message.objects.filter(conversation=chat).update(user=alice)
    alice.delete()
    assert not Folder.objects.exists()
    assert not Conversation.objects.exists()
