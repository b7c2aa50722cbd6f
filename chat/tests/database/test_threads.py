"""The threads of the database: order per user, nobody behind another, an answer in any case."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
from django.db import OperationalError

from chat.database import waiting
from chat.database.locks import waiting_for
from chat.database.threads import Lane
from chat.database.waiting import Breaker

ALICE, BOB, CAROL = 1, 2, 3


class Held:
    """Something that lasts until the test lets it go on."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self._go = threading.Event()

    def __call__(self) -> None:
        self.begun.set()
        assert self._go.wait(20)

    def go_on(self) -> None:
        self._go.set()


@pytest.mark.asyncio
async def test_calls_of_one_user_run_one_at_a_time_and_in_order() -> None:
    lane = Lane("test", 2)
    done: list[int] = []
    at_once: set[int] = set()

    def note(number: int) -> None:
        assert not at_once
        at_once.add(number)
        done.append(number)
        at_once.discard(number)

    await asyncio.gather(*(lane.run_for(ALICE, note, number) for number in range(200)))
    assert done == list(range(200))


@pytest.mark.asyncio
async def test_user_who_waits_keeps_one_thread_and_nobody_else() -> None:
    lane, held = Lane("test", 2), Held()
    first = asyncio.create_task(lane.run_for(ALICE, held))
    more = [asyncio.create_task(lane.run_for(ALICE, len, "abc")) for _ in range(20)]
    while not held.begun.is_set():
        await asyncio.sleep(0)
    assert await asyncio.wait_for(lane.run_for(BOB, len, "ab"), 10) == 2
    assert await asyncio.wait_for(lane.run(len, "a"), 10) == 1
    assert not any(one.done() for one in more)
    held.go_on()
    await first
    assert set(await asyncio.gather(*more)) == {3}


@pytest.mark.asyncio
async def test_call_whose_caller_left_before_its_turn_is_not_carried_out() -> None:
    lane, held = Lane("test"), Held()
    done: list[str] = []
    first = asyncio.create_task(lane.run(held))
    left = asyncio.create_task(lane.run(done.append, "left"))
    stayed = asyncio.create_task(lane.run(done.append, "stayed"))
    while not held.begun.is_set():
        await asyncio.sleep(0)
    left.cancel()
    await asyncio.wait([left])
    held.go_on()
    await asyncio.gather(first, stayed)
    assert done == ["stayed"]


@pytest.mark.asyncio
async def test_whoever_waits_is_told_in_time_whatever_keeps_the_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "CALLER_SECONDS", 0.05)
    lane, held = Lane("test", 2, hurried=True), [Held(), Held(), Held()]
    done: list[int] = []
    asked: list[asyncio.Task[None]] = [
        asyncio.create_task(lane.run_for(user, one))
        for user, one in zip((ALICE, BOB, CAROL), held, strict=True)
    ]
    asked += [asyncio.create_task(lane.run_for(ALICE, done.append, n)) for n in range(5)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(one) for one in found} == {OperationalError}
    for one in held:
        one.go_on()
    await asyncio.sleep(0.02)
    assert done == []
    assert not held[2].begun.is_set(), "what nobody waits for any more was begun"


def test_breaker_lets_one_try_and_the_others_only_when_it_was_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    breaker = Breaker()
    assert breaker.may_try()
    breaker.failed()
    assert [breaker.may_try() for _ in range(3)] == [False] * 3
    monkeypatch.setattr(waiting, "PAUSE_SECONDS", 0)
    assert [breaker.may_try() for _ in range(3)] == [True, False, False]
    breaker.answered()
    assert [breaker.may_try() for _ in range(3)] == [True] * 3


def test_pool_that_is_full_is_no_sign_that_the_database_is_away() -> None:
    breaker = Breaker()
    breaker.answered()
    breaker.failed(since=0)
    assert breaker.may_try()


def test_user_whose_lock_was_waited_for_in_vain_is_refused_at_once() -> None:
    class LockNotAvailable(Exception):
        sqlstate = "55P03"

    def fail(problem: Exception) -> None:
        with waiting_for(ALICE):
            raise OperationalError("lock timeout") from problem

    tried: list[Callable[[], None]] = []
    with pytest.raises(OperationalError, match="lock timeout"):
        fail(LockNotAvailable())
    with pytest.raises(OperationalError, match="locked by somebody else"), waiting_for(ALICE):
        tried.append(print)
    with waiting_for(BOB):
        pass
    with pytest.raises(OperationalError, match="lock timeout"), waiting_for(CAROL):
        raise OperationalError("lock timeout")
    with waiting_for(CAROL):  # for another reason than a lock
        pass
    assert not tried
