"""Temporary conversations: in no list, kept while a page shows them, then deleted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings

from chat import models
from chat.models import Conversation, Counter, Message, NotAllowed, Reply, Status, changes_since
from chat.models.commands import creation
from chat.models.commands.branching import branch
from chat.models.commands.removal import remove, restore
from chat.models.commands.temporary import delete_unseen, note_shown
from chat.tests.models.conftest import Heard

type Make = Callable[..., Conversation]


def begin(user: User, conversation: UUID | None = None) -> Conversation:
    accepted = models.send(
        user.pk, uuid4(), conversation=conversation, parent=None, text="Psst", model=None,
        temporary=True,
    )  # fmt: skip
    return Conversation.objects.get(uid=accepted.conversation)


def end(chat: Conversation) -> None:
    Reply.objects.stop(chat.owner_id, Reply.objects.get(conversation=chat).uid)


def age(chat: Conversation, seconds: float) -> None:
    """Let it be shown, and changed, so many seconds before now."""
    at = timezone.now() - timedelta(seconds=seconds)
    Conversation.objects.filter(pk=chat.pk).update(shown_at=at, updated=at)


def test_one_is_made_by_a_message_or_empty(alice: User) -> None:
    chat = begin(alice)
    empty, _ = creation.make_conversation(
        alice.pk, uuid4(), title=None, model=None, settings=None, temporary=True
    )
    assert (chat.temporary, empty.temporary) == (True, True)
    assert not Conversation.objects.for_user(alice).listed().exists()
    assert Conversation.objects.for_user(alice).count() == 2


def test_only_a_new_one_can_be_temporary(alice: User, make_conversation: Make) -> None:
    chat = make_conversation(alice)
    with pytest.raises(NotAllowed):
        begin(alice, chat.uid)
    chat.refresh_from_db()
    assert not chat.temporary


def test_the_operator_can_forbid_them(alice: User, settings: Settings) -> None:
    settings.TEMPORARY_CHATS = False
    with pytest.raises(NotAllowed, match="TEMPORARY_CHATS"):
        begin(alice)
    with pytest.raises(NotAllowed, match="TEMPORARY_CHATS"):
        creation.make_conversation(
            alice.pk, uuid4(), title=None, model=None, settings=None, temporary=True
        )
    assert not Conversation.objects.exists()


def test_an_unseen_one_is_deleted_and_that_is_told(
    alice: User, make_conversation: Make, settings: Settings, heard: Heard
) -> None:
    settings.TEMPORARY_SECONDS = 100
    chat, kept = begin(alice), make_conversation(alice, "Kept")
    end(chat)
    Conversation.objects.filter(pk=kept.pk).update(updated=timezone.now() - timedelta(days=9))
    age(chat, 149)
    assert delete_unseen() == 0
    age(chat, 151)
    since = Counter.objects.current(alice.pk)
    heard.changes.clear()
    assert delete_unseen() == 1
    assert [(one.event, one.uid) for one in heard.changes] == [("deleted", chat.uid)]
    assert changes_since(alice.pk, since).deleted_conversations == [chat.uid]
    assert list(Conversation.objects.all()) == [kept]
    assert not Message.objects.exclude(conversation=kept).exists()


def test_a_page_or_a_reply_or_a_change_keeps_it(alice: User, bob: User) -> None:
    shown, growing, lately = begin(alice), begin(alice), begin(alice)
    end(shown)
    end(lately)
    assert Reply.objects.get(conversation=growing).status == Status.QUEUED
    for chat in (shown, growing, lately):
        age(chat, 9999)
    Conversation.objects.filter(pk=lately.pk).update(updated=timezone.now())
    note_shown(bob.pk, [growing.uid, lately.uid])
    note_shown(alice.pk, [shown.uid, uuid4()])
    assert delete_unseen() == 0
    age(shown, 9999)
    assert delete_unseen() == 1
    assert set(Conversation.objects.all()) == {growing, lately}


def test_a_note_makes_no_other_one_temporary(alice: User, make_conversation: Make) -> None:
    chat = make_conversation(alice)
    seq = Counter.objects.current(alice.pk)
    note_shown(alice.pk, [chat.uid])
    chat.refresh_from_db()
    assert (chat.temporary, Counter.objects.current(alice.pk)) == (False, seq)


def test_a_branch_of_one_is_one(alice: User) -> None:
    chat = begin(alice)
    end(chat)
    message = chat.messages.order_by("pk")[0].uid
    assert branch(alice.pk, uuid4(), conversation=chat.uid, message=message)[0].temporary


def test_a_removed_one_can_be_restored(alice: User) -> None:
    chat = begin(alice)
    remove(alice.pk, chat.uid)
    age(chat, 9999)
    assert delete_unseen() == 0
    assert restore(alice.pk, chat.uid).temporary
