"""Notifications: sent when the layer takes them, heard when it delivers, and never waited for."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from random import Random
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import msgpack  # type: ignore[import-untyped]
import pytest

from chat.replies import notifications as module
from chat.replies.notifications import (
    CHANGED_BYTES,
    OUTBOX,
    FirstTime,
    Notifications,
    changed,
    process_group,
)
from chat.replies.process import ReplyProcess

pytestmark = pytest.mark.asyncio


class Hub:
    """Stands for Redis: loses, repeats and reorders by a seed, and can be away."""

    def __init__(self, seed: int = 0, loss: float = 0, repeat: float = 0, delay: float = 0) -> None:
        self.away = False
        self.deaf = False
        """Takes messages and delivers none, as over a connection that is only half there."""
        self.groups: defaultdict[str, set[asyncio.Queue[bytes]]] = defaultdict(set)
        self.published: list[dict[str, Any]] = []
        self.loss, self.repeat, self.delay = loss, repeat, delay
        self._random = Random(seed)

    def publish(self, group: str, message: dict[str, Any]) -> None:
        self._check()
        self.published.append(message)
        if self.deaf or self._random.random() < self.loss:
            return
        raw = msgpack.packb(message)
        for _ in range(2 if self._random.random() < self.repeat else 1):
            for queue in self.groups[group]:
                pause = self._random.random() * self.delay
                asyncio.get_running_loop().call_later(pause, queue.put_nowait, raw)

    def of(self, type: str) -> list[dict[str, Any]]:
        return [message for message in self.published if message["type"] == type]

    def subscribed(self) -> set[str]:
        return {group for group, queues in self.groups.items() if queues}

    def _check(self) -> None:
        if self.away:
            raise ConnectionError("away")


class Layer:
    """A channel layer as one process has it."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._queues: dict[str, asyncio.Queue[bytes]] = {}

    async def new_channel(self) -> str:
        self._hub._check()
        name = uuid4().hex
        self._queues[name] = asyncio.Queue()
        return name

    async def receive(self, channel: str) -> dict[str, Any]:
        message: dict[str, Any] = msgpack.unpackb(await self._queues[channel].get())
        return message

    async def group_add(self, group: str, channel: str) -> None:
        self._hub._check()
        self._hub.groups[group].add(self._queues[channel])

    async def group_discard(self, group: str, channel: str) -> None:
        self._hub._check()
        self._hub.groups[group].discard(self._queues[channel])

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        self._hub.publish(group, message)

    async def flush(self) -> None:
        for queue in self._queues.values():
            for group in self._hub.groups.values():
                group.discard(queue)
        self._queues.clear()


async def until(ready: Callable[[], object]) -> None:
    """Wait until this is true; a test that waits in vain fails."""
    async with asyncio.timeout(20):
        while not ready():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(hub: Hub) -> AsyncIterator[Notifications]:
    notifications = Notifications()
    notifications.rename(uuid4().hex)
    notifications.start(Layer(hub))
    try:
        yield notifications
    finally:
        await notifications.close()
        assert not hub.subscribed() & {process_group(notifications.me)}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ECHO_SECONDS", 0.05)
    monkeypatch.setattr(module, "FIRST_ECHOES", ())
    monkeypatch.setattr(module, "BACK_OFF", (0.01,))


async def test_who_joins_a_group_hears_what_others_send_to_it_and_not_itself() -> None:
    hub = Hub()
    heard: list[tuple[str, int]] = []

    def heard_by(who: str, message: dict[str, Any]) -> None:
        heard.append((who, message["n"]))

    async with running(hub) as one, running(hub) as other:
        for notifications in (one, other):
            notifications.on("news", partial(heard_by, notifications.me))
            notifications.join("here")
        await until(lambda: one.up and other.up and len(hub.groups["here"]) == 2)
        one.send("here", {"type": "news", "n": 1})
        await until(lambda: heard)
        one.leave("here")
        await until(lambda: len(hub.groups["here"]) == 1)
        other.send("here", {"type": "news", "n": 2})
        await until(lambda: hub.of("news")[1:])
    assert heard == [(other.me, 1)]


async def test_nothing_is_sent_or_started_without_a_layer() -> None:
    notifications, tasks = Notifications(), len(asyncio.all_tasks())
    notifications.rename("me")
    notifications.join("here")
    notifications.send("here", {"type": "news"})
    notifications.publish(Endless())
    await notifications.close()
    assert (notifications.sent, notifications.dropped, len(asyncio.all_tasks())) == (0, 0, tasks)


async def test_a_layer_that_is_down_at_the_start_is_found_when_it_comes() -> None:
    hub, ups = Hub(), []
    hub.away = True
    async with running(hub) as notifications:
        notifications.on_up = lambda: ups.append(notifications.me)
        notifications.join("here")
        await until(lambda: notifications.sessions > 2)
        notifications.send("here", {"type": "news"})
        assert notifications.dropped == 1
        hub.away = False
        await until(lambda: ups)
        assert hub.subscribed() == {"here", process_group(notifications.me)}


@pytest.mark.parametrize("how", ["away", "deaf"])
async def test_after_an_outage_all_groups_are_joined_again_and_it_is_told(how: str) -> None:
    hub, ups = Hub(), []
    async with running(hub) as notifications:
        notifications.on_up = lambda: ups.append(notifications.sessions)
        notifications.join("here")
        await until(lambda: ups)
        setattr(hub, how, True)
        await until(lambda: not notifications.up)
        hub.groups.clear()
        setattr(hub, how, False)
        await until(lambda: len(ups) == 2)
        assert hub.subscribed() == {"here", process_group(notifications.me)}
        assert ups[1] > ups[0]


async def test_a_message_that_cannot_be_understood_ends_nothing() -> None:
    hub, heard = Hub(), []
    async with running(hub) as one, running(hub) as other:
        other.on("news", lambda message: heard.append(message["n"]))
        await until(lambda: one.up and other.up)
        one.send(process_group(other.me), {"type": "of a later version"})
        one.send(process_group(other.me), {"type": "news", "m": 1})
        one.send(process_group(other.me), {"type": "news", "n": 2})
        await until(lambda: heard)
        assert (heard, other.sessions) == ([2], 1)


class Endless:
    group = "growing"

    def __init__(self, at_ten: Callable[[], None] = lambda: None) -> None:
        self.asked = 0
        self._at_ten = at_ten

    def next_message(self) -> dict[str, Any]:
        self.asked += 1
        if self.asked == 10:
            self._at_ten()
        return {"type": "delta"}

    def sent(self, message: dict[str, Any]) -> bool:
        return self.asked < 100


async def test_messages_go_before_what_is_published_and_all_publications_have_their_turn() -> None:
    hub = Hub()
    async with running(hub) as notifications:
        news = {"type": "news"}
        many = [Endless(lambda: notifications.send("here", news)), Endless(), Endless()]
        await until(lambda: notifications.up)
        for publication in many:
            notifications.publish(publication)
        await until(lambda: [one.asked for one in many] == [100] * 3)
        types = [message["type"] for message in hub.published if message["type"] != "echo"]
        assert types[:29] == ["delta"] * 28 + ["news"], "the tenth of one is the 28th of all"


async def test_what_the_layer_does_not_take_is_dropped_and_counted() -> None:
    hub = Hub()
    async with running(hub) as notifications:
        await until(lambda: notifications.up)
        for n in range(OUTBOX + 5):
            notifications.send("here", {"type": "news", "n": n})
        assert notifications.dropped == 5
        await until(lambda: len(hub.of("news")) == OUTBOX)
        assert hub.of("news")[0]["n"] == 5


async def test_what_waits_is_sent_before_it_closes() -> None:
    hub = Hub()
    async with running(hub) as notifications:
        await until(lambda: notifications.up)
        notifications.send("here", {"type": "news"})
    assert hub.of("news")


async def test_a_frame_is_news_once() -> None:
    once = FirstTime(limit=2)
    assert [once.first(1, 5), once.first(1, 5), once.first(2, 5)] == [True, False, True]
    assert once.first(1, 6)
    assert once.first(1, 5), "what is long ago is forgotten"


async def test_frames_that_are_too_large_for_a_hint_stay_out_of_it() -> None:
    assert changed(1, [("{}", 3), ("{}", 4)])["frames"] == [["{}", 3], ["{}", 4]]
    large = changed(1, [("x" * CHANGED_BYTES, 3), ("{}", 4)])
    assert (large["frames"], large["seq"]) == ([], 4)


class Socket:
    """A connection that writes down what it is told."""

    def __init__(self, user_id: int) -> None:
        self.login: Any = SimpleNamespace(user_id=user_id)
        self.frames: list[str] = []
        self.ticks: list[int | None] = []
        self.shows: Any = None

    def changed(self, frame: str, seq: int) -> None:
        self.frames.append(frame)

    async def close(self, code: int) -> None:
        raise AssertionError

    def tick(self, counter: int | None) -> None:
        self.ticks.append(counter)


async def test_changes_reach_the_sockets_of_other_processes_once_however_often_they_come() -> None:
    hub = Hub(seed=1, repeat=0.8, delay=0.01)
    here, there = ReplyProcess(), ReplyProcess()
    for process in (here, there):
        process.notifications.rename(uuid4().hex)
        process.join_others(Layer(hub))
    alice, bob = Socket(1), Socket(2)
    there.enter(alice)
    there.enter(bob)
    await until(lambda: here.notifications.up and {"user.1", "user.2"} <= hub.subscribed())
    for seq in range(1, 30):
        here._notify_others(1, [(f"{seq}", seq)])
    here._notify_others(1, [("x" * (CHANGED_BYTES + 1), 30)])
    await until(lambda: len(alice.frames) >= 29 and alice.ticks)
    await asyncio.sleep(0.05)
    assert sorted(alice.frames, key=int) == [f"{seq}" for seq in range(1, 30)]
    assert set(alice.ticks) == {30}
    assert (bob.frames, bob.ticks) == ([], [])
    there.leave(alice)
    there.leave(bob)
    await until(lambda: not hub.subscribed() & {"user.1", "user.2"})
    await here.notifications.close()
    await there.notifications.close()
