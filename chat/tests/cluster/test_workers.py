"""`WORKERS=separate`: web processes serve, workers produce, and each may end without the other."""

from __future__ import annotations

import asyncio
import signal

import pytest

from chat.tests.cluster.cluster import all_follow
from chat.tests.cluster.conftest import MakeCluster
from chat.tests.live.client import client, eventually
from chat.tests.live.server import LONG, SHORT
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio


async def test_workers_produce_what_web_processes_accept_and_show(
    make_cluster: MakeCluster,
) -> None:
    cluster = make_cluster(1, 2, WORKERS="separate")
    (web,) = cluster.webs
    alice = cluster.database.add_person("alice")
    async with client(web, alice) as page:
        first = await page.send("Tell me", LONG)
        victim = await cluster.producer(first["reply"])
        assert victim in cluster.workers
        await all_follow([page], first["reply"])
        victim.kill()
        end, text = await page.end(first["reply"])
        assert (end["status"], end["attempt"], text) == ("complete", 2, expected_text(LONG))

        # The last worker ends: what it had waits for the next one, and no web process takes it.
        second = await page.send("And more", LONG)
        last = await cluster.producer(second["reply"])
        assert last in cluster.workers
        await all_follow([page], second["reply"])
        last.signal(signal.SIGTERM)
        assert await asyncio.to_thread(last.wait) == 0
        queued = await page.send("One more", SHORT)
        await page.get("status", reply=second["reply"], status="queued", reason="restart")
        await asyncio.sleep(2.5)  # longer than a lease, and than several sweeps
        row = cluster.database.reply(second["reply"])
        assert (row["status"], row["attempt"], row["faults"]) == ("queued", 1, 0)
        assert cluster.database.reply(queued["reply"])["attempt"] == 0
        cluster.heal()
        for item, model in ((second, LONG), (queued, SHORT)):
            end, text = await page.end(item["reply"])
            assert (end["status"], text) == ("complete", expected_text(model))
    await eventually(lambda: web.metric("parley_followers") == 0)
    await cluster.holds(first, second, queued)
