"""`manage.py worker`: a process that produces replies and serves nobody (`WORKERS=separate`)."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from chat import metrics
from chat.monitor_port import MonitorPort
from chat.replies import process
from chat.watchdog import watchdog

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Command(BaseCommand):
    help = "Produces replies without serving anybody; SIGTERM and SIGINT drain it."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.SQLITE:
            raise CommandError(
                "A worker of its own needs Postgres: with SQLite the server produces the replies."
            )
        asyncio.run(serve())
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # one that comes now finds nothing to end


async def serve() -> None:
    """Produce until a signal comes, then drain as a server does."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()

    def stop(*_: object) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(stopping.set)

    for number in SIGNALS:
        signal.signal(number, stop)  # the loop's own handlers end with the loop
    monitors = await _open_monitor_port()
    try:
        await _start()
        watchdog.start()
        await stopping.wait()
        await process.drain()
    finally:
        watchdog.stop()
        metrics.lag.stop()
        if monitors is not None:
            await monitors.close()


async def _start() -> None:
    try:
        await process.start(sockets=False)
    except DatabaseError as problem:
        raise CommandError(
            f"The worker could not start. Has the database been migrated? {problem}"
        ) from problem
    metrics.lag.start()


async def _open_monitor_port() -> MonitorPort | None:
    """Listen for monitors, where a port for them is set."""
    if settings.METRICS_PORT is None:
        return None
    monitors = MonitorPort(settings.METRICS_HOST, settings.METRICS_PORT)
    try:
        await monitors.open()
    except OSError as problem:
        await monitors.close()
        raise CommandError(
            f"METRICS_PORT is {settings.METRICS_PORT}, METRICS_HOST {settings.METRICS_HOST!r}; "
            f"allowed are a free port and an address of this machine ({problem.strerror})."
        ) from None
    return monitors
