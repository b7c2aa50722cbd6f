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

from chat import checks, metrics
from chat.database.faults import database_problem
from chat.database.sqlite_file import Unusable, check_file
from chat.database.sqlite_lock import InUse, hold
from chat.database.threads import SOCKETS
from chat.first_account import first_account_path
from chat.replies import process
from chat.watchdog import watchdog

logger = logging.getLogger(__name__)

_lock: IO[str] | None = None


def _hold_database() -> None:
    """With SQLite, wait for the server before this one to end; raises `InUse` and `Unusable`."""
    global _lock
    name = str(settings.DATABASES["default"]["NAME"])
    if connection.vendor == "sqlite" and _lock is None and not name.startswith((":", "file:")):
        check_file(Path(name))
        _lock = hold(Path(name), settings.DRAIN_SECONDS + 5)


def check_settings() -> None:
    """End the process for settings that are wrong together; log unwise ones."""
    errors, warnings = checks.at_start()
    for warning in warnings:
        logger.warning("%s", warning)
    if errors:
        sys.exit(f"Parley does not start: {' '.join(errors)}")


async def _begin() -> None:
    await process.start()
    watchdog.start()
    metrics.lag.start()


async def _end() -> None:
    await process.drain()
    watchdog.stop()
    metrics.lag.stop()


async def _start() -> None:
    try:
        await _begin()
        await SOCKETS.run(_print_first_account)
    except Exception as problem:
        _give_up(_why_no_start(problem))


def _print_first_account() -> None:
    path = first_account_path()
    if path is not None:
        logger.warning("There are no accounts yet. Create the first one at %s", path)


def _why_no_start(problem: Exception) -> str:
    """One sentence; unforeseen errors are logged whole besides."""
    if isinstance(problem, (InUse, Unusable)):
        return f"Parley does not start: {problem}"
    if isinstance(problem, DatabaseError):
        return f"Parley could not start: {database_problem(problem)}"
    logger.error("Parley could not start.", exc_info=problem)
    return "Parley could not start: see the error above."


def _give_up(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
    os._exit(1)  # neither daphne nor other servers have a quiet way to end with an error from here


def hang_on_reactor() -> None:
    """Start when daphne's reactor runs; drain before it shuts down (SIGTERM, SIGINT)."""
    from twisted.internet import asyncioreactor, reactor
    from twisted.internet.defer import Deferred

    if not isinstance(reactor, asyncioreactor.AsyncioSelectorReactor):
        return
    from chat.slow_clients import bound_daphne

    bound_daphne()
    loop: asyncio.AbstractEventLoop = reactor._asyncioEventloop
    kept: list[asyncio.Task[None]] = []

    def start() -> None:
        try:
            _hold_database()
        except Exception as problem:  # the reactor would log it, and go on without us for ever
            _give_up(_why_no_start(problem))
        kept.append(loop.create_task(_start(), name="start"))

    def drain() -> Deferred[Any]:
        # Begun at once: daphne cancels its requests in the same moment, and they look at that.
        task = asyncio.Task(_end(), loop=loop, name="drain", eager_start=True)
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
                await SOCKETS.run(_print_first_account)
            except Exception as problem:
                # Not by `lifespan.startup.failed`: servers log it without paths (see
                # `access_lines`), and hypercorn adds a traceback.
                _give_up(_why_no_start(problem))
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await _end()
            await send({"type": "lifespan.shutdown.complete"})
            return
