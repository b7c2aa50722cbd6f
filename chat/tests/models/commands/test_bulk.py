"""Actions on many conversations: of each is said what became of it, once per id."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.contrib.auth.models import User

from chat import models
from chat.models import Conversation, Counter, Folder, IdReused
from chat.models.commands.bulk import Action, act_on

type Make = Callable[..., Conversation]


def test_each_action_is_done_and_undone(alice: User, make_conversation: Make) -> None:
    chats = [make_conversation(alice, f"No. {at}") for at in range(3)]
    uids = [chat.uid for chat in chats]
    folder, _ = Folder.objects.make(alice.pk, uuid4(), "Travel")
    done = [(uid, "done") for uid in uids]
    mine = Conversation.objects.for_user(alice)
    assert act_on(alice.pk, uuid4(), "archive", uids) == done
    assert mine.filter(archived=True).count() == 3
    assert act_on(alice.pk, uuid4(), "unarchive", uids) == done
    assert mine.filter(archived=True).count() == 0
    assert act_on(alice.pk, uuid4(), "move", uids, folder.uid) == done
    assert mine.filter(folder=folder).count() == 3
    assert act_on(alice.pk, uuid4(), "move", uids) == done
    assert mine.filter(folder=None).count() == 3
    assert act_on(alice.pk, uuid4(), "delete", uids) == done
    assert mine.count() == 0
    assert act_on(alice.pk, uuid4(), "restore", uids) == done
    assert mine.count() == 3
    seqs = list(mine.values_list("seq", flat=True))
    assert len(set(seqs)) == 3
    assert max(seqs) == Counter.objects.current(alice.pk)


@pytest.mark.parametrize("action", ["archive", "unarchive", "move", "delete", "restore"])
def test_foreign_and_unknown_ids_are_the_same(
    alice: User, bob: User, make_conversation: Make, action: Action
) -> None:
    mine, hers, unknown = make_conversation(bob), make_conversation(alice), uuid4()
    before = Conversation.objects.filter(pk=hers.pk).values().get()
    found = act_on(bob.pk, uuid4(), action, [hers.uid, mine.uid, unknown, mine.uid])
    assert found == [(hers.uid, "not_found"), (mine.uid, "done"), (unknown, "not_found")]
    assert Conversation.objects.filter(pk=hers.pk).values().get() == before


def test_a_repeated_request_gets_its_first_answer(alice: User, make_conversation: Make) -> None:
    chat, key = make_conversation(alice, "Mine"), uuid4()
    found = act_on(alice.pk, key, "delete", [chat.uid])
    act_on(alice.pk, uuid4(), "restore", [chat.uid])
    before = Counter.objects.current(alice.pk)
    assert act_on(alice.pk, key, "delete", [chat.uid]) == found
    assert Conversation.objects.for_user(alice).exists()
    assert Counter.objects.current(alice.pk) == before
    with pytest.raises(IdReused):
        act_on(alice.pk, key, "archive", [chat.uid])
    with pytest.raises(IdReused):
        models.withdraw(alice.pk, key, message=chat.messages.order_by("pk")[0].uid)


def test_a_folder_of_somebody_else_moves_nothing(
    alice: User, bob: User, make_conversation: Make
) -> None:
    chat, key = make_conversation(alice, "Mine"), uuid4()
    his, _ = Folder.objects.make(bob.pk, uuid4(), "His")
    for folder in (his.uid, uuid4()):
        with pytest.raises(Folder.DoesNotExist):
            act_on(alice.pk, key, "move", [chat.uid], folder)
    chat.refresh_from_db()
    assert chat.folder_id is None
    assert act_on(alice.pk, key, "archive", [chat.uid]) == [(chat.uid, "done")]


def test_what_is_so_already_takes_no_number(alice: User, make_conversation: Make) -> None:
    chat = make_conversation(alice, "Mine")
    before = Counter.objects.current(alice.pk)
    assert act_on(alice.pk, uuid4(), "unarchive", [chat.uid]) == [(chat.uid, "done")]
    assert act_on(alice.pk, uuid4(), "move", [chat.uid]) == [(chat.uid, "done")]
    assert act_on(alice.pk, uuid4(), "restore", [chat.uid]) == [(chat.uid, "done")]
    assert Counter.objects.current(alice.pk) == before
