"""Frames count per user: over all sockets of a process, and roughly over processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries, Settings

from chat import admission
from chat.consumers import ChatConsumer
from chat.flow_control import Allowance
from chat.models import Ration
from chat.protocol import BadFrame
from chat.replies import process
from chat.replies.rations import Rations
from chat.sessions import Login
from chat.socket_writer import SocketWriter


@pytest.fixture(autouse=True)
def _nothing_taken(settings: Settings) -> Iterator[None]:
    process.rations = Rations()
    settings.FRAMES_PER_MINUTE = 12
    settings.FLOW_FRAMES_PER_MINUTE = 20
    yield
    process.rations = Rations()


class Socket:
    def __init__(self, user_id: int) -> None:
        self.consumer = ChatConsumer()
        login = Login(user_id, "alice", "session", "hash")
        self.consumer._writer = SocketWriter(login, self.consumer.send)
        self.consumer._bad_frames = self.consumer._refusals = Allowance(1000)
        self.consumer._handle = self._handle  # type: ignore[method-assign]

    async def say(self, type: str, **fields: Any) -> None:
        """A frame that is good in form, whatever it is about."""
        text = json.dumps({"type": type, **fields})
        await self.consumer._received({"text": text})

    async def _handle(self, frame: object) -> None:
        self.consumer.writer.put("good")

    def refused(self) -> int:
        return sum("rate_limited" in frame for frame in self.consumer.writer._outbox)


@pytest.mark.asyncio
async def test_frames_count_over_all_sockets_of_a_user_and_with_requests() -> None:
    sockets, other = [Socket(1) for _ in range(3)], Socket(2)
    for socket in sockets:
        for _ in range(3):
            await socket.say("withdraw", id=str(uuid4()), message=str(uuid4()))
    for _ in range(3):
        admission.ration(1)
    assert not sum(socket.refused() for socket in sockets)
    with pytest.raises(BadFrame):
        admission.ration(1)
    for socket in sockets:
        await socket.say("withdraw", id=str(uuid4()), message=str(uuid4()))
        await socket.say("stop", reply=str(uuid4()))  # never limited
        assert socket.refused() == 1
    await other.say("withdraw", id=str(uuid4()), message=str(uuid4()))
    assert not other.refused()


@pytest.mark.asyncio
async def test_flow_frames_have_an_allowance_of_their_own_over_all_sockets() -> None:
    sockets = [Socket(1) for _ in range(2)]
    for n in range(20):
        await sockets[n % 2].say("ping", n=n)
    await sockets[0].say("withdraw", id=str(uuid4()), message=str(uuid4()))
    assert not sum(socket.refused() for socket in sockets)
    await sockets[1].say("ack", reply=str(uuid4()), attempt=1, text=0, reasoning=0)
    assert sockets[1].refused() == 1
    await asyncio.sleep(0)


@pytest.mark.django_db
def test_what_was_taken_in_one_process_counts_in_the_others_once(alice: User, bob: User) -> None:
    here, there, third = Rations(), Rations(), Rations()
    names = {rations: uuid4() for rations in (here, there, third)}
    seen: dict[Rations, int | None] = dict.fromkeys(names)

    def share(rations: Rations) -> None:
        taken = rations.collect()
        elsewhere, seen[rations] = Ration.objects.share(names[rations], taken, seen[rations])
        rations.learn(elsewhere)

    for _ in range(7):
        assert here.take(alice.pk) is None
    for _ in range(3):
        assert there.take(alice.pk) is None
    for _ in range(2):
        for rations in (here, there):
            share(rations)
    share(third)
    for rations in (here, there, third):
        assert rations.take(alice.pk) is None
        assert rations.take(alice.pk) is None
        assert rations.take(alice.pk) is not None, "seven, three, and two"
        assert rations.take(alice.pk, flow=True) is None
        assert rations.take(bob.pk) is None


@pytest.mark.django_db
def test_sharing_takes_a_fixed_number_of_statements_and_leaves_nothing_behind(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    names = [uuid4(), uuid4()]
    users = [User(username=f"user{n}") for n in range(30)]
    User.objects.bulk_create(users)
    taken = {user.pk: (1, 1) for user in User.objects.all()}
    with django_assert_num_queries(3):
        Ration.objects.share(names[0], taken, None)
    with django_assert_num_queries(2):
        found, last = Ration.objects.share(names[1], {}, None)
    assert dict(found) == taken
    assert Ration.objects.share(names[1], {}, last) == ([], last)
    Ration.objects.update(at="2026-01-01T00:00:00Z")
    assert Ration.objects.share(names[1], {}, None) == ([], None)
    Ration.objects.share(names[0], {}, None)
    assert not Ration.objects.exists()
