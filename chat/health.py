"""Health routes for monitors, answered before Django sees the request.

So neither the host's name nor HTTPS nor a session matters, and nothing waits for a thread that
serves people.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hmac import compare_digest
from platform import python_version
from typing import Any

import django
import structlog
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Min
from django.utils import timezone

from chat import metrics
from chat.database.faults import troubles
from chat.database.threads import LEASE, PROBE
from chat.models import Process, Reply, Status
from chat.replies import process
from chat.websocket_auth import header

log = structlog.stdlib.get_logger(__name__)

DATABASE_SECONDS = 2.0
LAYER_SECONDS = 1.0
QUEUE_SECONDS = 1.0
KEPT_SECONDS = 1.0
"""Seconds for which one result answers everybody, so that frequent requests cost little."""


@dataclass(frozen=True)
class MonitorAnswer:
    status: int
    body: bytes
    type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


# --- alive --------------------------------------------------------------------------------


async def alive(scope: Any) -> MonitorAnswer:
    """While the event loop turns."""
    return MonitorAnswer(200, b"ok\n")


# --- ready --------------------------------------------------------------------------------


class Readiness:
    """The readiness of this process, and its problems."""

    def __init__(self) -> None:
        self._migrated = False
        self._look: asyncio.Task[dict[str, str]] | None = None
        self._looked_at = 0.0
        self._query: asyncio.Future[tuple[bool, bool]] | None = None
        self._try: asyncio.Future[None] | None = None
        self._known: list[str] = []

    async def problems(self) -> dict[str, str]:
        """Parts that are not ready, each with a description; empty if all are."""
        found = {"draining": "it ends"} if process.draining else {}
        found |= await self._others()
        if list(found) != self._known:
            self._known = list(found)
            log.warning("readiness changed", missing=", ".join(found) or "nothing")
        return found

    async def _others(self) -> dict[str, str]:
        """One look at a time, kept for a second."""
        now = asyncio.get_running_loop().time()
        if self._look is None or (
            self._look.done() and not 0 <= now - self._looked_at < KEPT_SECONDS
        ):
            self._looked_at = now
            self._look = asyncio.create_task(self._look_at_all(), name="readiness")
        return await asyncio.shield(self._look)

    async def _look_at_all(self) -> dict[str, str]:
        database, layer = await asyncio.gather(self._database_and_pool(), _layer())
        # Storing may fail while reading works.
        storing = {"storage": said} if (said := troubles.now()) else {}
        return database | layer | storing

    async def _database_and_pool(self) -> dict[str, str]:
        found = await self._database()
        return found if "database" in found else found | await self._pool()

    async def _pool(self) -> dict[str, str]:
        """A try to get a connection as requests do, from a pool that may have none left."""
        if settings.SQLITE or "pool_size" not in connection.pool_stats():  # type: ignore[attr-defined]
            return {}  # nobody here has asked for one
        if self._try is None or self._try.done():
            self._try = asyncio.ensure_future(PROBE.run(_connect))
        done, _ = await asyncio.wait([self._try], timeout=DATABASE_SECONDS)
        if done and not self._try.exception():
            return {}
        return {"pool": "all connections for requests are in use"}

    async def _database(self) -> dict[str, str]:
        # On the lease's own connection, which never waits for the pool: a process that cannot
        # reach the database by it will be thought dead. One query at a time, even if it hangs.
        if self._query is None or self._query.done():
            call = LEASE.run(_ask, process.dispatch.owner, self._migrated)
            self._query = asyncio.ensure_future(call)
        done, _ = await asyncio.wait([self._query], timeout=DATABASE_SECONDS)
        if not done:
            return {"database": f"no answer within {DATABASE_SECONDS:g} s"}
        try:
            held, self._migrated = self._query.result()
        except Exception as problem:
            # Its text may name hosts and users.
            return {"database": type(problem).__name__}
        found = {}
        if not self._migrated:
            found["migrations"] = "not all applied"
        if not (held and process.ready.is_set()):
            found["lease"] = "not held"
        return found


def _connect() -> None:
    connection.ensure_connection()  # this thread's own


def _ask(owner: int, migrated: bool) -> tuple[bool, bool]:
    """Two answers: this process has its lease; all migrations are applied."""
    if not migrated:
        executor = MigrationExecutor(connection)
        migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return migrated and Process.objects.filter(pk=owner).exists(), migrated


async def _layer() -> dict[str, str]:
    """Send to nobody: that takes the same way as a hint."""
    if not settings.REDIS_URL:
        return {}
    try:
        async with asyncio.timeout(LAYER_SECONDS):
            await get_channel_layer().send("health", {"type": "health"})
    except Exception as problem:
        return {"layer": type(problem).__name__}
    return {}


readiness = Readiness()


async def ready(scope: Any) -> MonitorAnswer:
    """Answer 200 while it should be sent work, else 503 with the reasons."""
    problems = await readiness.problems()
    body = json.dumps({"ready": not problems, "missing": problems}).encode()
    return MonitorAnswer(503 if problems else 200, body, "application/json")


# --- how much -----------------------------------------------------------------------------


async def counts(scope: Any) -> MonitorAnswer:
    """Answer with metrics for callers with `METRICS_TOKEN`; without the setting it is a 404."""
    if not settings.METRICS_TOKEN:
        return MonitorAnswer(404, b"")
    given = header(scope, b"authorization").encode("latin-1")
    if not compare_digest(given, f"Bearer {settings.METRICS_TOKEN}".encode()):
        return MonitorAnswer(401, b"", headers={"WWW-Authenticate": "Bearer"})
    page = metrics.page(
        process,
        settings.PROCESS_NAME,
        build={
            "version": settings.VERSION,
            "python": python_version(),
            "django": django.__version__,
        },
        waiting=await queue.look(),
        pool=None if settings.SQLITE else connection.pool_stats(),  # type: ignore[attr-defined]
    )
    return MonitorAnswer(200, page, metrics.CONTENT_TYPE)


class Queue:
    """The queue's length, by one query at a time, however long the database hangs."""

    def __init__(self) -> None:
        self._query: asyncio.Future[metrics.Waiting] | None = None

    async def look(self) -> metrics.Waiting | None:
        """Return None if the database does not answer within a second: the rest is reported."""
        if self._query is None or self._query.done():
            self._query = asyncio.ensure_future(LEASE.run(_count_waiting))
        done, _ = await asyncio.wait([self._query], timeout=QUEUE_SECONDS)
        return self._query.result() if done and not self._query.exception() else None


queue = Queue()


def _count_waiting() -> metrics.Waiting:
    queued = Reply.objects.filter(status=Status.QUEUED)
    found = queued.aggregate(number=Count("pk"), oldest=Min("created"))
    oldest = found["oldest"] or timezone.now()
    return metrics.Waiting(found["number"], max((timezone.now() - oldest).total_seconds(), 0.0))


# --- their addresses ----------------------------------------------------------------------

PAGES: dict[str, Callable[[Any], Awaitable[MonitorAnswer]]] = {
    "/healthz": alive,
    "/readyz": ready,
    "/metrics": counts,
}


async def find(scope: Any) -> MonitorAnswer:
    """The answer to a request for one of `PAGES`, with all of its headers."""
    if scope["method"] in {"GET", "HEAD"}:
        found = await PAGES[scope["path"]](scope)
    else:
        found = MonitorAnswer(405, b"", headers={"Allow": "GET, HEAD"})
    headers = {
        "Content-Type": found.type,
        "Content-Length": str(len(found.body)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        **found.headers,
    }
    body = b"" if scope["method"] == "HEAD" else found.body
    return MonitorAnswer(found.status, body, headers=headers)


async def answer(scope: Any, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """Answer a request for one of `PAGES`."""
    found = await find(scope)
    raw = [(name.lower().encode(), value.encode()) for name, value in found.headers.items()]
    await send({"type": "http.response.start", "status": found.status, "headers": raw})
    await send({"type": "http.response.body", "body": found.body})
