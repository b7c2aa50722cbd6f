"""A blocked event loop is a line in the log: how long, where, and not too often."""

from __future__ import annotations

import asyncio
import sys
import threading
import time

import pytest
from structlog.testing import capture_logs

from chat.watchdog import BEAT_SECONDS, LIMIT_SECONDS, QUIET_SECONDS, Watchdog, place


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_only_a_loop_that_was_blocked_for_longer_than_the_limit_is_told() -> None:
    clock = Clock()
    dog = Watchdog(clock)
    with capture_logs() as lines:
        for blocked in (0.0, 0.1, LIMIT_SECONDS - 0.01, LIMIT_SECONDS + 0.01):
            clock.now += BEAT_SECONDS + blocked
            dog.look()
            dog.beat()
    assert [line["ms"] for line in lines] == [260]


def test_many_blocks_are_one_line_that_counts_the_others() -> None:
    clock = Clock()
    dog = Watchdog(clock)
    with capture_logs() as lines:
        for _ in range(5):
            clock.now += 1
            dog.beat()
        clock.now += QUIET_SECONDS
        dog.beat()
    assert [(line["ms"], line.get("others")) for line in lines] == [(950, None), (9950, 4)]


def test_a_place_is_our_innermost_line_and_what_it_calls_without_any_value() -> None:
    assert place(sys._getframe()).startswith("chat/tests/test_watchdog.py:")
    found = []
    secret = "a prompt nobody may read"

    def called(_: str) -> bool:
        found.append(place(sys._getframe()))
        return True

    list(filter(called, [secret]))
    assert found[0].endswith(" called")
    assert secret not in found[0]


@pytest.mark.asyncio
async def test_it_watches_the_loop_from_start_to_stop_and_says_where_it_was_blocked() -> None:
    dog = Watchdog()
    with capture_logs() as lines:
        dog.start()
        await asyncio.sleep(0)
        time.sleep(LIMIT_SECONDS * 3)
        while not lines:
            await asyncio.sleep(0.01)
        dog.stop()
    (line,) = lines
    assert line["log_level"] == "warning"
    assert "chat/tests/test_watchdog.py" in line["at"]
    assert "it_watches_the_loop" in line["at"]
    for _ in range(200):
        if not any(thread.name == "parley-watchdog" for thread in threading.enumerate()):
            break
        await asyncio.sleep(0.02)
    else:
        raise AssertionError("its thread goes on")
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "watchdog"]
