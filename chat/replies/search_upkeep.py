"""Upkeep of the search index in a server process: it is filled, and deleted words are erased."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from chat.database.threads import LEASE
from chat.models.search import filling

PAUSE_SECONDS = 0.4
"""Time for others between two steps, each of which takes about a tenth of a second."""


class SearchUpkeep:
    """One per process; with several, one at a time fills."""

    def __init__(self) -> None:
        self._is_prepared = False
        self._erasing = filling.Erasing()

    async def work(self) -> None:
        """Do all that there is to do now."""
        if not self._is_prepared:
            await LEASE.run(filling.prepare_file)
            self._is_prepared = True
        await self._all(filling.fill)
        await self._all(self._erasing.step)

    async def _all(self, step: Callable[[], bool]) -> None:
        while await LEASE.run(step):  # noqa: ASYNC110  others work meanwhile
            await asyncio.sleep(PAUSE_SECONDS)
