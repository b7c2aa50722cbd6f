"""Queueing of replies: room, model, message and reply."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from chat.models import (
    Accepted,
    Message,
    NoModel,
    Reason,
    Reply,
    Status,
    Token,
    TooMany,
)
from chat.models.attempting.turns import Unfinished
from chat.models.commands.queueing import choice_for, make_room
from chat.tests.models.conftest import Heard

type Send = Callable[..., Accepted]


type Get = Callable[[Accepted], Reply]


def test_an_unknown_model_is_refused_and_a_vanished_one_replaced(
    send: Send, get: Get, settings: Settings
) -> None:
    with pytest.raises(NoModel):
        send(model="openai/three")
    one = send(model="openai/two")
    settings.CHAT_MODEL = ["one"]
    assert get(send(below=one)).model == "openai/one"
    settings.OPENAI_API_KEY = settings.EMBEDDED_MODEL_URL = ""
    with pytest.raises(NoModel):
        send()


def test_so_many_replies_may_wait(send: Send, settings: Settings) -> None:
    settings.QUEUED_REPLIES_PER_USER = 2
    send()
    send()
    with pytest.raises(TooMany):
        send()
    assert Message.objects.count() == 4


def rows(*, queued: int, running: int = 0, token: int | None = None) -> list[Unfinished]:
    states = [Status.RUNNING] * running + [Status.QUEUED] * queued
    return [Unfinished(at, at, status, at, token) for at, status in enumerate(states)]


def test_only_waiting_replies_of_a_user_take_room(settings: Settings) -> None:
    settings.QUEUED_REPLIES_PER_USER, settings.RUNNING_REPLIES_PER_USER = 2, 5
    make_room(rows(queued=1, running=5))
    with pytest.raises(TooMany, match="QUEUED_REPLIES_PER_USER"):
        make_room(rows(queued=2))


def test_running_replies_of_a_token_take_room_as_well(alice: User, settings: Settings) -> None:
    """A call is queued for a moment before it runs: waiting ones never fill its room."""
    settings.QUEUED_REPLIES_PER_TOKEN, settings.RUNNING_REPLIES_PER_TOKEN = 1, 2
    token, _ = Token.objects.make(alice, "Script", ["chat"], None)
    for queued, running in ((0, 2), (1, 1), (2, 0)):
        make_room(rows(queued=queued, running=running, token=token.pk), token.pk)
    for queued, running in ((0, 3), (1, 2), (3, 0)):
        with pytest.raises(TooMany, match="QUEUED_REPLIES_PER_TOKEN"):
            make_room(rows(queued=queued, running=running, token=token.pk), token.pk)


def test_replies_of_a_token_take_no_room_of_the_user_or_of_another_token(
    alice: User, settings: Settings
) -> None:
    settings.QUEUED_REPLIES_PER_USER = 1
    settings.QUEUED_REPLIES_PER_TOKEN = settings.RUNNING_REPLIES_PER_TOKEN = 1
    one, _ = Token.objects.make(alice, "One", ["chat"], None)
    two, _ = Token.objects.make(alice, "Two", ["chat"], None)
    full = rows(queued=2, token=one.pk)
    make_room(full)
    make_room(full, two.pk)
    with pytest.raises(TooMany):
        make_room(full, one.pk)


def test_a_name_that_is_not_offered_is_refused_and_no_name_takes_the_default(
    alice: User, settings: Settings
) -> None:
    assert choice_for(alice.pk, None).id == "openai/one"
    assert choice_for(alice.pk, "openai/two").id == "openai/two"
    assert choice_for(alice.pk, "gone/model", fall_back=True).id == "openai/one"
    with pytest.raises(NoModel, match="not offered"):
        choice_for(alice.pk, "gone/model")


def test_message_and_reply_stand_one_below_the_other(send: Send, get: Get) -> None:
    one = send()
    two = send(below=one)
    depths = Message.objects.order_by("pk").values_list("role", "depth")
    assert list(depths) == [("user", 0), ("assistant", 1), ("user", 2), ("assistant", 3)]
    assert get(one).turn < get(two).turn


def test_a_reply_with_a_reason_to_wait_wakes_nobody(send: Send, get: Get, heard: Heard) -> None:
    one = send()
    assert heard.woken == [get(one).pk]
    heard.forget_woken()
    two = send(below=one)
    assert (get(two).reason, heard.woken) == (Reason.BEHIND, [])
