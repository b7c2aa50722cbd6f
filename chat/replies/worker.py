"""Takes the wake-ups that are stored as jobs of Postgres to this process's dispatch.

The only module of `replies` that knows Procrastinate; with SQLite nothing imports it.
"""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Any

from django.conf import settings
from procrastinate import App, PsycopgConnector
from procrastinate.contrib.django import connector_params
from procrastinate.worker import Worker as Fetcher
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from chat.models.attempting.jobs import AFTER_REPLIES, QUEUE, TITLE, TITLES, WAKE
from chat.replies.dispatch import Dispatch

logger = logging.getLogger(__name__)

JOBS_AT_ONCE = 20
"""A process makes its claims one after the other: the rest is left to others."""
POLL_SECONDS = 1
"""Delay of a lost notification, and of each one where `LISTEN` is not possible."""
CONNECT_SECONDS = 5
CLOSE_SECONDS = 2
BACK_OFF = (0.5, 10.0)
CALM_SECONDS = 30
"""After a run of this length, it begins again with the shortest wait."""


class Worker:
    """Fetches jobs on the process's loop until it is stopped, and survives the database.

    Has a pool of its own of one or two connections, and one more that listens.
    """

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._app = App(connector=PsycopgConnector())
        self._app.task(name=WAKE, queue=QUEUE)(self._wake)
        self._app.task(name=TITLE, queue=TITLES)(self._title)
        self._stopping = asyncio.Event()
        self._fetcher: Fetcher | None = None
        self._task: asyncio.Task[None] | None = None
        for name in ("procrastinate.worker", "procrastinate.utils"):
            logging.getLogger(name).addFilter(_without_traceback)
        logging.getLogger("asyncio").addFilter(_not_of_a_job)

    def start(self) -> None:
        """Begin to fetch; a database that is away is waited for."""
        self._task = asyncio.create_task(self._supervise(), name="worker")

    def stop_fetching(self) -> None:
        """Take no further job; fetched ones are brought to their end."""
        self._stopping.set()
        if self._fetcher is not None:
            self._fetcher.stop()  # type: ignore[no-untyped-call]

    async def close(self, until: float = math.inf) -> None:
        """Stop, give the connections back; never raises.

        Waits `until` then by the loop's clock, or CLOSE_SECONDS if that is less, and a second more
        for jobs that do not end by themselves.
        """
        self.stop_fetching()
        if self._task is None:
            return
        seconds = min(CLOSE_SECONDS, max(until - asyncio.get_running_loop().time(), 0))
        for cancel in (False, True, True):  # cancelled once, it still waits for its jobs
            if cancel:
                self._task.cancel()
            await asyncio.wait({self._task}, timeout=0.5 if cancel else seconds)
            if self._task.done():
                return
        logger.warning("worker: it did not end in time")

    async def _supervise(self) -> None:
        loop = asyncio.get_running_loop()
        wait = BACK_OFF[0]
        while not self._stopping.is_set():
            began = loop.time()
            problem = "it ended"
            try:
                await self._run()
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                problem = "cancelled from within"
            except Exception as error:
                # Most often a database that is away. Its type says so; its text may name a host.
                problem = type(error).__name__
                logger.debug("worker", exc_info=error)
            if self._stopping.is_set():
                return
            if loop.time() - began > CALM_SECONDS:
                wait = BACK_OFF[0]
            logger.warning("worker: %s; it starts again in %g s", problem, wait)
            try:
                await asyncio.wait_for(self._stopping.wait(), wait)
            except TimeoutError:
                wait = min(wait * 2, BACK_OFF[1])

    async def _run(self) -> None:
        """One life of the fetcher, with its connections."""
        pool = AsyncConnectionPool(
            kwargs=connector_params(),
            min_size=1,
            max_size=2,
            num_workers=1,
            timeout=CONNECT_SECONDS,
            configure=_configure,
            check=AsyncConnectionPool.check_connection,
            name="worker",
            open=False,
        )
        connector = PsycopgConnector(configure=_configure)
        try:
            await pool.open(wait=True, timeout=CONNECT_SECONDS)
            await connector.open_async(pool)
            with self._app.replace_connector(connector):
                await self._fetch()
        finally:
            await pool.close(timeout=1)

    async def _fetch(self) -> None:
        if self._stopping.is_set():
            return
        self._fetcher = Fetcher(
            self._app,
            queues=[QUEUE, TITLES],
            name=None,
            concurrency=JOBS_AT_ONCE,
            fetch_job_polling_interval=POLL_SECONDS,
            shutdown_graceful_timeout=CLOSE_SECONDS,
            listen_notify=settings.DATABASE_LISTEN,
            delete_jobs="always",
            install_signal_handlers=False,
        )
        try:
            await self._fetcher.run()  # type: ignore[no-untyped-call]
        finally:
            self._fetcher = None

    async def _wake(self, reply: int) -> None:
        """The job: have the claim tried. It is deleted then; the row knows all the rest."""
        await self._dispatch.take(reply)
        if self._dispatch.draining:  # and so refused it, or puts it back
            self.stop_fetching()
            await self._app.configure_task(WAKE, queue=QUEUE).defer_async(reply=reply)

    async def _title(self, reply: int) -> None:
        """The job of a title: it waits here, and keeps no place of wake-ups."""
        if self._dispatch.draining:
            self.stop_fetching()
            again = self._app.configure_task(TITLE, queue=TITLES, priority=AFTER_REPLIES)
            await again.defer_async(reply=reply)
        else:
            self._dispatch.titler.offer(reply)


async def _configure(connection: AsyncConnection[Any]) -> None:
    """Commit each statement by itself; name connections that listen and that work."""
    use = "listens" if connection.autocommit else "worker"
    name = connection.info.get_parameters().get("application_name", "parley")
    await connection.set_autocommit(True)
    await connection.execute("SELECT set_config('application_name', %s, false)", [f"{name} {use}"])


def _without_traceback(record: logging.LogRecord) -> bool:
    """Drop the traceback of a broken connection, which only shows the library."""
    if not hasattr(record, "job"):
        record.exc_info = record.exc_text = None
    return True


def _not_of_a_job(record: logging.LogRecord) -> bool:
    """Drop errors of a job whose end was not stored: the sweep and the worker handle them."""
    message = str(record.msg)
    return not ("never retrieved" in message and "_process_job" in message)
