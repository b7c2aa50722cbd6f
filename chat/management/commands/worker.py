"""`manage.py worker`: a process that produces replies and serves nobody (`WORKERS=separate`)."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from chat.replies import process

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
    told = asyncio.Event()

    def tell(*_: object) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(told.set)

    for number in SIGNALS:
        signal.signal(number, tell)  # the loop's own handlers end with the loop
    try:
        await process.start(sockets=False)
    except DatabaseError as problem:
        raise CommandError(
            f"The worker could not start. Has the database been migrated? {problem}"
        ) from problem
    await told.wait()
    await process.drain()
