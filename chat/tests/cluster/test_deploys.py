"""A new version is started beside the old one, which is then told to end; people chat on."""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections import Counter

import pytest

from bench.soak import Soak, Visitor
from chat.tests.cluster.cluster import Cluster, Node
from chat.tests.cluster.conftest import MakeCluster
from chat.tests.live.client import eventually
from chat.tests.live.database import Person

pytestmark = pytest.mark.asyncio

PEOPLE = 4
SIDE_BY_SIDE_SECONDS = 5
DEPLOYS = 1


async def _look_around(soak: Soak, person: Person, told: Counter[int]) -> None:
    """Ask the API without a pause; who is gone or hangs up is passed over, as a router does."""
    numbers = itertools.count()
    while not soak.over:
        webs = soak.cluster.webs
        node = webs[next(numbers) % len(webs)]
        try:
            status, _ = await asyncio.to_thread(node.ask, person, "GET", "/api/v1/conversations")
        except OSError:
            status = 0
        told[status] += 1
        await asyncio.sleep(0.02)


async def _deploy(cluster: Cluster) -> list[Node]:
    """Two new ones, some seconds of both, and the end of the old ones, which are returned."""
    old = list(cluster.webs)
    await asyncio.to_thread(cluster.add, len(old))
    await asyncio.sleep(SIDE_BY_SIDE_SECONDS)
    for node in old:
        node.signal(signal.SIGTERM)
    codes = await asyncio.gather(*(asyncio.to_thread(node.wait) for node in old))
    cluster.webs = [node for node in cluster.webs if node not in old]
    assert set(codes) == {0}
    return old


async def test_old_and_new_run_side_by_side_and_nobody_loses_a_word(
    make_cluster: MakeCluster,
) -> None:
    cluster = make_cluster(2)
    people = [cluster.database.add_person("visitor") for _ in range(PEOPLE)]
    soak = Soak(cluster, seed=1, seconds=3600)
    told: Counter[int] = Counter()
    gone: list[Node] = []
    async with asyncio.TaskGroup() as tasks:
        for person in people:
            tasks.create_task(Visitor(soak, person).run())
        tasks.create_task(_look_around(soak, people[0], told))
        for _ in range(DEPLOYS):
            await asyncio.sleep(1)
            gone += await _deploy(cluster)
        accepted = len(soak.asked)
        await eventually(lambda: len(soak.asked) > accepted + PEOPLE, "messages to the new ones")
        soak.finish()
    await soak.check()
    assert soak.found == []
    assert set(told) <= {0, 200}, told
    assert told[200] > 20
    for node in gone:
        assert "Traceback" not in node.log, node.log
    # Nobody waited for a lease, and no end of a process counts as a fault.
    assert cluster.database.number("SELECT sum(faults) FROM chat_message") == 0
    assert len(cluster.database.rows("SELECT * FROM chat_process")) == len(cluster.webs)
