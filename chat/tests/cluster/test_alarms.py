"""The alarms have data in both layouts: what happens in a worker is told, too."""

from __future__ import annotations

import asyncio

import pytest

from chat.tests.alarms import Evaluator, Scrape, alarms
from chat.tests.cluster.cluster import TOKEN, Cluster
from chat.tests.cluster.conftest import MakeCluster
from chat.tests.live.client import client
from chat.tests.live.server import SHORT, free_port
from chat.tests.monitoring import Told, ask
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio

FAILS = "status?code=500"


async def scrape(origins: list[str]) -> dict[str, str]:
    pages = {}
    for origin in origins:
        told = await asyncio.to_thread(numbers, origin)
        assert told.status == 200, origin
        pages[origin] = told.body
    return pages


def numbers(origin: str) -> Told:
    return ask(origin, "/metrics", Authorization=f"Bearer {TOKEN}")


async def trouble(cluster: Cluster) -> None:
    """A reply that works, and some that an endpoint fails."""
    alice = cluster.database.add_person("alice")
    async with client(cluster.webs[0], alice) as page:
        _, text = await page.end((await page.send("Fine", SHORT))["reply"])
        assert text == expected_text(SHORT)
        for _ in range(2):
            await page.end((await page.send("Bad", FAILS))["reply"])
    await asyncio.to_thread(ask, cluster.webs[0].origin, "/accounts/login/")


def on(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """The alarms that are on, did all of it happen within ten seconds."""
    evaluator = Evaluator(Scrape(before), Scrape(after), 10)
    return {name for name, expression in alarms().items() if evaluator.value(expression)}


async def check(cluster: Cluster, origins: list[str]) -> dict[str, str]:
    before = await scrape(origins)
    quiet = on(before, before)
    assert quiet == set()
    await trouble(cluster)
    after = await scrape(origins)
    found = on(before, after) - {"ParleyLoopLate", "ParleyCheckpointsSlow", "ParleyRequestsSlow"}
    assert found == {"ParleyUpstreamErrors", "ParleyRepliesFail"}
    return after


async def test_alarms_see_what_happens_where_web_processes_produce(pair: Cluster) -> None:
    after = await check(pair, [web.origin for web in pair.webs])
    routes = Told(200, {}, "\n".join(after.values()))
    assert 'route="/accounts/login/"' in routes.body


async def test_alarms_see_what_happens_where_workers_produce(make_cluster: MakeCluster) -> None:
    port = free_port()
    cluster = make_cluster(1, 1, WORKERS="separate", METRICS_PORT=str(port))
    (web,), (worker,) = cluster.webs, cluster.workers
    monitor = f"http://127.0.0.1:{port}"

    after = await check(cluster, [web.origin, monitor])

    told = Told(200, {}, after[monitor])
    assert told.sample("parley_replies_total", process="worker") == 3
    assert told.sample("parley_first_token_seconds_count", process="worker") == 1
    assert told.sample("parley_upstream_errors_total", process="worker") == 2
    assert told.sample("parley_event_loop_lag_seconds_count") > 0
    assert told.sample("parley_build_info") == 1
    assert told.sample("parley_database_connections_limit") > 0
    assert Told(200, {}, after[web.origin]).sample("parley_replies_total") == 0
    assert (await asyncio.to_thread(ask, monitor, "/metrics")).status == 401
    assert (await asyncio.to_thread(ask, monitor, "/healthz")).status == 200
    assert (await asyncio.to_thread(ask, monitor, "/readyz")).status == 200
    assert (await asyncio.to_thread(ask, monitor, "/")).status == 404

    # What waits for a worker is seen at the others, and a restart begins no new series.
    worker.kill()
    alice = cluster.database.add_person("alice")
    async with client(web, alice) as page:
        reply = (await page.send("Waits", SHORT))["reply"]
        told = await asyncio.to_thread(numbers, web.origin)
        assert told.sample("parley_replies_queued", process="web") == 1
        assert told.sample("parley_queue_oldest_seconds") >= 0
        worker.start()
        await page.end(reply)
    told = await eventually_counted(monitor)
    names = {line.partition('process="')[2].partition('"')[0] for line in told.body.splitlines()}
    assert names - {""} == {"worker"}


async def eventually_counted(monitor: str) -> Told:
    async def look() -> Told | None:
        told = await asyncio.to_thread(numbers, monitor)
        return told if told.sample("parley_replies_total") else None

    for _ in range(100):
        if (told := await look()) is not None:
            return told
        await asyncio.sleep(0.1)
    raise AssertionError("the worker counts nothing after its restart")
