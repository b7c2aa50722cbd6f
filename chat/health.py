"""What monitors ask: alive, ready, and how much. Answered before Django sees the request.

So neither the host's name nor HTTPS nor a session matters, and nothing waits for a thread that
serves people.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any

import structlog
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from chat import metrics
from chat.handshake import header
from chat.models import Process
from chat.replies import leases, process
from chat.replies.database import LEASE

log = structlog.stdlib.get_logger(__name__)

DATABASE_SECONDS = 2.0
LAYER_SECONDS = 1.0
KEPT_SECONDS = 1.0
"""How long one look answers everybody: asking often must not cost much."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


# --- alive --------------------------------------------------------------------------------


async def alive(scope: Any) -> Answer:
    """While the event loop turns."""
    return Answer(200, b"ok\n")


# --- ready --------------------------------------------------------------------------------


class Readiness:
    """Whether this process can do its work, and what is missing."""

    def __init__(self) -> None:
        self._migrated = False
        self._look: asyncio.Task[dict[str, str]] | None = None
        self._looked_at = 0.0
        self._query: asyncio.Future[tuple[bool, bool]] | None = None
        self._known: list[str] = []

    async def problems(self) -> dict[str, str]:
        """What is not ready, each with a word on how; empty when all is."""
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
        database, layer = await asyncio.gather(self._database(), _layer())
        return database | layer

    async def _database(self) -> dict[str, str]:
        # On the lease's own connection, which never waits for the pool: who cannot reach the
        # database by it will be thought dead. One question at a time, however long it hangs.
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


def _ask(owner: int, migrated: bool) -> tuple[bool, bool]:
    """Whether this process has its lease, and whether all migrations are applied."""
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


async def ready(scope: Any) -> Answer:
    """While it should be sent work: 503 names what is missing."""
    problems = await readiness.problems()
    body = json.dumps({"ready": not problems, "missing": problems}).encode()
    return Answer(503 if problems else 200, body, "application/json")


# --- how much -----------------------------------------------------------------------------


async def counts(scope: Any) -> Answer:
    """For whoever has `METRICS_TOKEN`; without the setting there is nothing here."""
    if not settings.METRICS_TOKEN:
        return Answer(404, b"")
    given = header(scope, b"authorization").encode("latin-1")
    if not compare_digest(given, f"Bearer {settings.METRICS_TOKEN}".encode()):
        return Answer(401, b"", headers={"WWW-Authenticate": "Bearer"})
    return Answer(200, metrics.page(process, leases.name()), metrics.CONTENT_TYPE)


# --- their addresses ----------------------------------------------------------------------

PAGES: dict[str, Callable[[Any], Awaitable[Answer]]] = {
    "/healthz": alive,
    "/readyz": ready,
    "/metrics": counts,
}


async def answer(scope: Any, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """Answer a request for one of `PAGES`."""
    if scope["method"] in {"GET", "HEAD"}:
        found = await PAGES[scope["path"]](scope)
    else:
        found = Answer(405, b"", headers={"Allow": "GET, HEAD"})
    headers = {
        "Content-Type": found.type,
        "Content-Length": str(len(found.body)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        **found.headers,
    }
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": found.status, "headers": raw})
    body = b"" if scope["method"] == "HEAD" else found.body
    await send({"type": "http.response.body", "body": body})
