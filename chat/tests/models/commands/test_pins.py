"""Pinned conversations: first in the list, in their user's order."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings

from chat.models import Conversation, Counter, TooMany
from chat.models.commands.pins import order_pins

type Make = Callable[..., Conversation]


def listed(user: User) -> list[str]:
    return [row.title for row in Conversation.objects.for_user(user).in_order()]


def test_the_newest_pin_comes_first_and_activity_changes_nothing(
    alice: User, make_conversation: Make
) -> None:
    one, two, three = (make_conversation(alice, title) for title in ("One", "Two", "Three"))
    assert listed(alice) == ["Three", "Two", "One"]
    one.change(pinned=True)
    two.change(pinned=True)
    assert listed(alice) == ["Two", "One", "Three"]
    Conversation.objects.filter(pk=one.pk).update(updated=timezone.now())
    one.change(pinned=True)
    assert listed(alice) == ["Two", "One", "Three"]
    two.change(pinned=False)
    assert listed(alice) == ["One", "Three", "Two"]
    assert three.pinned == 0


def test_an_order_is_kept_and_others_follow(alice: User, make_conversation: Make) -> None:
    chats = [make_conversation(alice, title) for title in ("A", "B", "C", "D")]
    for chat in chats[:3]:
        chat.change(pinned=True)
    assert listed(alice) == ["C", "B", "A", "D"]
    rows = order_pins(alice.pk, [chats[0].uid, chats[3].uid])
    assert [row.title for row in rows] == listed(alice) == ["A", "D", "C", "B"]
    before = Counter.objects.current(alice.pk)
    order_pins(alice.pk, [chats[0].uid, chats[3].uid])
    assert Counter.objects.current(alice.pk) == before, "a repetition changes nothing"


def test_each_place_follows_the_one_before_it(alice: User, make_conversation: Make) -> None:
    chats = [make_conversation(alice, f"No. {at}") for at in range(6)]
    order_pins(alice.pk, [chats[2].uid, chats[4].uid])
    rows = Conversation.objects.for_user(alice)
    whole = list(rows.in_order())
    for at, row in enumerate(whole):
        rest = rows.after(row.pinned, row.updated, row.pk).in_order()
        assert list(rest) == whole[at + 1 :]


def test_pins_are_limited(alice: User, make_conversation: Make, settings: Settings) -> None:
    settings.PINS_PER_USER = 2
    chats = [make_conversation(alice, f"No. {at}") for at in range(3)]
    for chat in chats[:2]:
        chat.change(pinned=True)
    with pytest.raises(TooMany, match="PINS_PER_USER"):
        chats[2].change(pinned=True)
    with pytest.raises(TooMany, match="PINS_PER_USER"):
        order_pins(alice.pk, [chats[2].uid])
    assert listed(alice) == ["No. 1", "No. 0", "No. 2"]


def test_a_stranger_pins_nothing(alice: User, bob: User, make_conversation: Make) -> None:
    hers, his = make_conversation(alice, "Hers"), make_conversation(bob, "His")
    for uid in (hers.uid, uuid4()):
        with pytest.raises(Conversation.DoesNotExist):
            order_pins(bob.pk, [his.uid, uid])
    assert not Conversation.objects.filter(pinned__gt=0).exists()
