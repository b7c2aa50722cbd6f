"""Searches that take as long as they may keep no message and no text from being stored."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from chat.tests.cluster.cluster import Cluster
from chat.tests.cluster.conftest import MakeCluster
from chat.tests.live.client import client, eventually
from chat.tests.live.database import Person
from chat.tests.live.server import ENDLESS, SHORT
from chat.tests.models.slow_match import SLOW_MATCH
from fake_endpoint import expected_text

RUNNING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = ? AND state = 'active'"
    " AND query LIKE '%FROM chat_messagewords%' AND pid <> pg_backend_pid()"
)
PARALLEL = 4


def search(cluster: Cluster, person: Person) -> int:
    """The status of one."""
    return cluster.webs[0].ask(person, "GET", "/api/v1/conversations?q=pepper")[0]


def has_stored(cluster: Cluster, reply: str, length: int) -> bool:
    return len(cluster.database.text(reply)) >= length


@pytest.mark.asyncio
async def test_slow_searches_keep_nobody_from_sending_and_no_text_from_being_stored(
    make_cluster: MakeCluster,
) -> None:
    cluster = make_cluster(0, redis=False)
    rows = cluster.database
    for statement in SLOW_MATCH:
        rows.change(statement)
    rows.change(f"ALTER DATABASE {rows.name} SET search_path = slow, public, pg_catalog")
    cluster.add(1)
    alice, bob = rows.add_person("alice"), rows.add_person("bob")
    (web,) = cluster.webs
    statuses: list[int] = []
    running: list[int] = []
    over = asyncio.Event()

    async def keep_searching() -> None:
        while not over.is_set():
            statuses.append(await asyncio.to_thread(search, cluster, alice))

    async def keep_counting() -> None:
        while not over.is_set():
            running.append(await asyncio.to_thread(rows.number, RUNNING, rows.name))

    async with client(web, alice) as page, client(web, bob) as his:
        found = await page.send("pepper", SHORT)
        await page.end(found["reply"])
        first = await page.send("pepper", ENDLESS)
        await page.has(first["reply"], 20)
        searches = [asyncio.create_task(keep_searching()) for _ in range(PARALLEL)]
        searches.append(asyncio.create_task(keep_counting()))
        try:
            sent = [first]
            for n in range(3):
                await eventually(lambda: rows.number(RUNNING, rows.name) > 0, "a search")
                length = len(page.shown[first["reply"]].text)
                await eventually(partial(has_stored, cluster, first["reply"], length), "stored")
                for one in (page, his):
                    sent.append(await one.send(f"Number {n}", SHORT))
                    end, text = await one.end(sent[-1]["reply"])
                    assert (end["status"], text) == ("complete", expected_text(SHORT))
        finally:
            over.set()
            await asyncio.gather(*searches)
        await page.say("stop", reply=first["reply"])
        await page.end(first["reply"])
    await cluster.holds(*sent)
    assert set(statuses) == {503}
    # The others wait without a connection; one that was given up may take a moment to end.
    assert running.count(1) > 10 * sum(number > 1 for number in running), running
    assert len(statuses) >= PARALLEL
