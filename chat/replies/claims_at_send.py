"""Permission for transactions that store replies to claim them as well, and its end in a drain."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class ClaimsAtSend:
    """Counts the transactions that may claim for this process; they run in any thread."""

    def __init__(self, owner: Callable[[], int | None]) -> None:
        self._owner = owner
        """The row of this process's lease while it may claim, else None; asked in any thread."""
        self._lock = threading.Lock()
        self._begun = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over = asyncio.Event()

    @contextmanager
    def claiming(self) -> Iterator[int | None]:
        """The owner for the replies that the block stores, or None where another must claim."""
        with self._lock:
            owner = self._owner()
            self._begun += owner is not None
        try:
            yield owner
        finally:
            if owner is not None:
                with self._lock:
                    self._begun -= 1
                    if not self._begun and self._loop is not None:
                        self._loop.call_soon_threadsafe(self._over.set)

    async def wait(self) -> None:
        """Wait until all that have begun are over. The owner must not be given any more by then."""
        with self._lock:
            self._loop = asyncio.get_running_loop()
            if not self._begun:
                return
        await self._over.wait()
