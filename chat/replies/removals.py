"""Deletion of what users have removed, and of temporary conversations that nobody sees."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Protocol
from uuid import UUID

from chat import sessions
from chat.database.threads import GENERATION
from chat.models import finish_removals
from chat.models.commands.temporary import delete_unseen, note_shown, shown_seconds


class Showing(Protocol):
    """A connection whose client may say what it shows."""

    login: sessions.Login
    shows: UUID | None


class Removals:
    """Upkeep by the rows: of several processes, whichever comes first deletes one."""

    def __init__(self, pages: Callable[[], Iterable[Showing]]) -> None:
        self._pages = pages
        self._noted_at = float("-inf")

    async def work(self) -> None:
        """Delete all that is due, a few rows at a time: the thread has other work in between."""
        now = asyncio.get_running_loop().time()
        if now - self._noted_at >= shown_seconds():
            self._noted_at = now
            await self._note()
        while await GENERATION.run(finish_removals):
            pass
        while await GENERATION.run(delete_unseen):
            pass

    async def _note(self) -> None:
        shown: defaultdict[int, set[UUID]] = defaultdict(set)
        for page in self._pages():
            if page.shows is not None:
                shown[page.login.user_id].add(page.shows)
        for user_id, uids in shown.items():
            await GENERATION.run(note_shown, user_id, uids)
