"""Pauses between two reads of an upstream, for all producers of a process."""

from __future__ import annotations

import asyncio

from django.conf import settings

LOAD_AT_FULL_PACE = 20
LOAD_AT_SLOWEST_PACE = 200
LOAD_FOR_SHARED_TURNS = 60
TURN_SECONDS = 0.02


class Pace:
    """Longer pauses under load, so that one read, one frame and one wake-up carry more tokens."""

    def __init__(self) -> None:
        self._fast: float = settings.PACE_SECONDS
        self._slow: float = max(settings.PACE_SECONDS_UNDER_LOAD, self._fast)
        self._turns: dict[int, list[asyncio.Future[None]]] = {}

    def seconds(self, running: int) -> float:
        """The pause while this number of replies is produced."""
        above = running - LOAD_AT_FULL_PACE
        load = min(max(above / (LOAD_AT_SLOWEST_PACE - LOAD_AT_FULL_PACE), 0.0), 1.0)
        return self._fast + (self._slow - self._fast) * load

    async def pause(self, running: int) -> None:
        """Wait for the next read.

        Many wait for a turn of the loop that they share, and for its one timer: a quarter less CPU
        than each in its own.
        """
        if running < LOAD_FOR_SHARED_TURNS:
            await asyncio.sleep(self.seconds(running))
            return
        loop = asyncio.get_running_loop()
        turn = round((loop.time() + self.seconds(running)) / TURN_SECONDS)
        waiting = self._turns.get(turn)
        if waiting is None:
            waiting = self._turns[turn] = []
            loop.call_at(turn * TURN_SECONDS, self._begin, turn)
        mine = loop.create_future()
        waiting.append(mine)
        await mine

    def _begin(self, turn: int) -> None:
        for waiting in self._turns.pop(turn):
            if not waiting.done():  # its reply was stopped meanwhile
                waiting.set_result(None)
