"""Pauses between two reads: their length under load, and the turns that many share."""

from __future__ import annotations

import asyncio

import pytest
from pytest_django import Settings

from chat.replies.pace import LOAD_FOR_SHARED_TURNS, Pace


@pytest.fixture
def pace(settings: Settings) -> Pace:
    settings.PACE_SECONDS, settings.PACE_SECONDS_UNDER_LOAD = 0.04, 0.1
    return Pace()


def test_pauses_grow_with_the_load_up_to_a_bound(pace: Pace) -> None:
    assert pace.seconds(1) == pace.seconds(20) == pytest.approx(0.04)
    assert pace.seconds(110) == pytest.approx(0.07)
    assert pace.seconds(200) == pace.seconds(2000) == pytest.approx(0.1)


def test_a_pause_under_load_is_never_shorter_than_one_without(settings: Settings) -> None:
    settings.PACE_SECONDS, settings.PACE_SECONDS_UNDER_LOAD = 0.5, 0.1
    assert Pace().seconds(200) == pytest.approx(0.5)


def test_many_share_turns_and_one_timer_for_each(
    pace: Pace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> int:
        loop = asyncio.get_running_loop()
        timers = []
        call_at = loop.call_at

        def counted(*arguments: object) -> asyncio.TimerHandle:
            timers.append(arguments)
            return call_at(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(loop, "call_at", counted)
        await asyncio.gather(*(pace.pause(LOAD_FOR_SHARED_TURNS) for _ in range(100)))
        return len(timers)

    assert asyncio.run(scenario()) <= 2  # they may begin in two turns


def test_one_that_is_stopped_leaves_the_others_waiting(pace: Pace) -> None:
    async def scenario() -> list[object]:
        many = [asyncio.create_task(pace.pause(LOAD_FOR_SHARED_TURNS)) for _ in range(3)]
        await asyncio.sleep(0)
        many[1].cancel()
        return await asyncio.gather(*many, return_exceptions=True)

    first, stopped, last = asyncio.run(scenario())
    assert (first, last) == (None, None)
    assert isinstance(stopped, asyncio.CancelledError)
