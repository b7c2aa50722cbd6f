"""Tells when something blocked the event loop, for how long, and where.

The loop leaves a beat several times a second. A thread looks for it, because the loop itself cannot
report its work meanwhile; the line is written when the loop is free again.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import structlog

logger = structlog.stdlib.get_logger(__name__)

LIMIT_SECONDS = 0.25
BEAT_SECONDS = 0.05
QUIET_SECONDS = 10.0
"""After a line, for which there is no other; those that it would have had are counted."""

CHAT = Path(__file__).resolve().parent


class Watchdog:
    """Watches one loop, from `start` to `stop`, which both run on it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._beat_at = clock()
        self._where = ""
        self._said_at = float("-inf")
        self._unsaid = 0
        self._of: int | None = None
        """The loop's thread."""
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._of = threading.get_ident()
        self._beat_at = self._clock()
        self._over.clear()
        self._task = asyncio.create_task(self._beat_on(), name="watchdog")
        self._thread = threading.Thread(target=self._watch, name="parley-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        if self._task is not None:
            self._task.cancel()
        self._task = self._thread = None

    async def _beat_on(self) -> None:
        while True:
            self.beat()
            await asyncio.sleep(BEAT_SECONDS)

    def _watch(self) -> None:
        while not self._over.wait(BEAT_SECONDS):
            self.look()

    def beat(self) -> None:
        """The loop is free; says so where it was not for too long."""
        now = self._clock()
        late = now - self._beat_at - BEAT_SECONDS
        self._beat_at, where, self._where = now, self._where, ""
        if late <= LIMIT_SECONDS:
            return
        if now - self._said_at < QUIET_SECONDS:
            self._unsaid += 1
            return
        facts = {"others": self._unsaid} if self._unsaid else {}
        self._said_at, self._unsaid = now, 0
        logger.warning("the event loop was blocked", ms=round(late * 1000), at=where, **facts)

    def look(self) -> None:
        """Note once where the loop is, if it is there for too long; called in another thread."""
        if self._where or self._clock() - self._beat_at <= LIMIT_SECONDS:
            return
        frame = sys._current_frames().get(self._of) if self._of is not None else None
        self._where = place(frame) if frame is not None else ""


def place(frame: FrameType) -> str:
    """File, line and function of our innermost code, and of its callee. No values."""
    inner, at = frame, None
    walk: FrameType | None = frame
    while walk is not None:
        path = Path(walk.f_code.co_filename)
        if path.is_relative_to(CHAT):
            at = f"{path.relative_to(CHAT.parent)}:{walk.f_lineno} {walk.f_code.co_name}"
            break
        walk = walk.f_back
    called = f"{Path(inner.f_code.co_filename).name}:{inner.f_lineno} {inner.f_code.co_name}"
    if at is None:
        return called
    return at if walk is inner else f"{at}, in {called}"


watchdog = Watchdog()
