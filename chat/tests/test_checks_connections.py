"""The budget of connections, and what the checks say before it is broken."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest
from django.conf import settings
from django.db import connection
from pytest_django import Settings

from chat import checks, health
from chat.database.threads import LEASE, Lane

on_postgres = pytest.mark.skipif(settings.SQLITE, reason="test_on_postgres.py runs these")


@on_postgres
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("connections", "expected"),
    [(8, []), (150, ["parley.W003"]), (100_000, ["parley.E007"])],
)
def test_a_database_with_fewer_connections_than_needed_is_refused(
    settings: Settings, connections: int, expected: list[str]
) -> None:
    settings.DATABASE_CONNECTIONS = connections
    found = checks.check_connection_limit(databases=["default"])
    assert [message.id for message in found] == expected
    assert checks.check_connection_limit() == [], "without leave to ask the database"


@on_postgres
def test_requests_and_sockets_share_what_the_others_do_not_have(settings: Settings) -> None:
    """The lease has one, generation two, the worker two, and one listens."""
    pool = settings.DATABASES["default"]["OPTIONS"]["pool"]
    assert pool["max_size"] + 1 + 2 + 2 + 1 == settings.DATABASE_CONNECTIONS == 8
    assert pool["timeout"] <= 2


@on_postgres
@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_readiness_says_that_no_connection_is_left_for_requests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def reached() -> dict[str, str]:
        await LEASE.run(health._connect)
        return {}

    async def looked() -> dict[str, str]:
        readiness._looked_at -= 2 * health.KEPT_SECONDS
        return await readiness.problems()

    readiness = health.Readiness()
    monkeypatch.setattr(readiness, "_database", reached)
    pool = connection.settings_dict["OPTIONS"]["pool"]["max_size"]
    holders = [Lane(f"holder-{n}", hurried=True) for n in range(pool)]
    held, enough = threading.Semaphore(0), threading.Event()

    def hold() -> None:
        connection.ensure_connection()
        held.release()
        enough.wait(60)

    assert await looked() == {}
    calls = [asyncio.ensure_future(lane.run(hold)) for lane in holders]
    for _ in calls:
        assert await asyncio.to_thread(held.acquire, timeout=20)
    assert list(await looked()) == ["pool"]
    enough.set()
    await asyncio.gather(*calls, return_exceptions=True)  # told meanwhile that it takes too long
    await ready(looked)


async def ready(looked: Callable[[], Awaitable[dict[str, str]]]) -> None:
    """A connection that was given back may take a moment to come."""
    for _ in range(20):
        if not await looked():
            return
        await asyncio.sleep(0.1)
    raise AssertionError(await looked())
