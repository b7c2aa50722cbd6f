"""Start and drain of a server process, under daphne and elsewhere."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db import DatabaseError, connection

from chat import metrics
from chat.first_account import first_account_path
from chat.replies import process
from chat.replies.database import SOCKETS
from chat.replies.lock import InUse, hold

logger = logging.getLogger(__name__)

_lock: IO[str] | None = None


def _hold_database() -> None:
    """With SQLite, wait for the server before this one to end; raises `InUse`."""
    global _lock
    name = str(settings.DATABASES["default"]["NAME"])
    if connection.vendor == "sqlite" and _lock is None and not name.startswith((":", "file:")):
        _lock = hold(Path(name), settings.DRAIN_SECONDS + 5)


async def _begin() -> None:
    await process.start()
    if settings.METRICS_TOKEN:
        metrics.lag.start()


async def _end() -> None:
    await process.drain()
    metrics.lag.stop()


async def _start() -> None:
    try:
        await _begin()
        await SOCKETS.run(_tell_first_account)
    except DatabaseError as problem:
        reason = str(problem).partition("\n")[0]
        _give_up(f"Parley could not start: {reason}. Is the database there, and migrated?")
    except Exception:
        logger.exception("Parley could not start.")
        _give_up("Parley could not start: see the error above.")


def _tell_first_account() -> None:
    path = first_account_path()
    if path is not None:
        logger.warning("Nobody has an account yet. The first one is made at %s", path)


def _give_up(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
    os._exit(1)  # daphne has no way to end with an error from here


def hang_on_reactor() -> None:
    """Start when daphne's reactor runs; drain before it shuts down (SIGTERM, SIGINT)."""
    from twisted.internet import asyncioreactor, reactor
    from twisted.internet.defer import Deferred

    if not isinstance(reactor, asyncioreactor.AsyncioSelectorReactor):
        return
    loop: asyncio.AbstractEventLoop = reactor._asyncioEventloop
    kept: list[asyncio.Task[None]] = []

    def start() -> None:
        try:
            _hold_database()
        except InUse as problem:
            _give_up(str(problem))
        kept.append(loop.create_task(_start(), name="start"))

    def drain() -> Deferred[Any]:
        task = loop.create_task(_end(), name="drain")
        kept.append(task)
        return Deferred.fromFuture(task)

    reactor.callWhenRunning(start)
    reactor.addSystemEventTrigger("before", "shutdown", drain)  # type: ignore[arg-type]


async def lifespan(
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """The same for servers that speak ASGI's lifespan protocol."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            try:
                _hold_database()
                await _begin()
            except Exception as problem:
                await send({"type": "lifespan.startup.failed", "message": str(problem)})
                return
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await _end()
            await send({"type": "lifespan.shutdown.complete"})
            return
