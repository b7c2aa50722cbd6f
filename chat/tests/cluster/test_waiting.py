"""The database holds somebody up, hangs, or is away: who waits is answered."""

from __future__ import annotations

import asyncio
import os
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any
from uuid import uuid4

import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from chat.tests.cluster.cluster import Cluster, Node
from chat.tests.live.client import Client, client
from chat.tests.live.database import Person
from chat.tests.live.server import ENDLESS, SHORT
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio

PATIENCE = 15
"""For all answers together; three seconds are promised, on a machine that does nothing else."""


@contextmanager
def hanging(cluster: Cluster) -> Iterator[None]:
    """Postgres takes connections and answers nothing: all its processes are stopped."""
    postmaster = int((cluster.postgres.directory / "postmaster.pid").read_text().split()[0])
    parent = psutil.Process(postmaster)
    stopped = [parent, *parent.children(recursive=True)]
    for one in stopped:
        one.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for one in stopped:
            os.kill(one.pid, signal.SIGCONT)


@contextmanager
def away(cluster: Cluster) -> Iterator[None]:
    cluster.postgres.stop("immediate")
    try:
        yield
    finally:
        cluster.postgres.start()


def get(node: Node, person: Person, path: str) -> int:
    request = urllib.request.Request(node.origin + path, headers={"Cookie": person.cookie})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        refused.read()
        return refused.code


async def refused_send(page: Client) -> dict[str, Any]:
    key = str(uuid4())
    return await page.refused("send", id=key, conversation=None, parent=None, text="Not now")


async def socket_code(node: Node, person: Person) -> int | None:
    """The close code of a new socket that got nothing else."""
    headers = {"Cookie": person.cookie, "Origin": node.origin}
    async with connect(
        node.origin.replace("http", "ws") + "/ws/chat/", additional_headers=headers
    ) as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        return socket.close_code


PATHS = (
    "/",
    "/admin/",
    "/accounts/login/",
    "/api/v1/conversations",
    "/api/v1/conversations?q=word",
    "/api/v1/changes?since=0",
)


@pytest.mark.parametrize("fault", [away, hanging])
async def test_whoever_waits_is_answered_while_the_database_does_not(
    pair: Cluster, fault: Any
) -> None:
    node, rows = pair.webs[0], pair.database
    people = [rows.add_person(f"alice{n}") for n in range(6)]
    root = rows.add_person("root", staff=True, superuser=True)
    async with AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(client(node, one)) for one in people]
        for path in PATHS:
            assert await asyncio.to_thread(get, node, root, path) == 200, path
        with fault(pair):
            sends = [refused_send(page) for page in pages for _ in range(3)]
            asked = [asyncio.to_thread(get, node, root, path) for path in PATHS for _ in range(3)]
            sockets = [socket_code(node, root) for _ in range(4)]
            async with asyncio.timeout(PATIENCE):  # none of them outlasts the fault
                errors, statuses, codes = await asyncio.gather(
                    asyncio.gather(*sends), asyncio.gather(*asked), asyncio.gather(*sockets)
                )
            assert {error["code"] for error in errors} == {"unavailable"}
            assert set(statuses) == {503}
            assert set(codes) == {4412}
            told = await asyncio.to_thread(get, node, root, "/readyz")
            assert told == 503
        for page in pages:
            for _ in range(40):
                try:
                    accepted = await page.send("Again", SHORT)
                    break
                except AssertionError:
                    await asyncio.sleep(0.25)
            assert (await page.end(accepted["reply"]))[1] == expected_text(SHORT)


async def test_lock_on_one_user_holds_up_nobody_else(pair: Cluster) -> None:
    node, rows = pair.webs[0], pair.database
    alice, bob = rows.add_person("alice"), rows.add_person("bob")
    async with AsyncExitStack() as stack:
        hers = [await stack.enter_async_context(client(node, alice)) for _ in range(3)]
        his = await stack.enter_async_context(client(node, bob))
        running = await his.send("Go on", ENDLESS)
        await his.has(running["reply"], 20)
        mine = await hers[0].send("First", SHORT)
        await hers[0].end(mine["reply"])
        with rows.locked("chat_counter", "user_id = ?", alice.id):
            waits = [asyncio.create_task(refused_send(page)) for page in hers]
            await asyncio.sleep(0.3)
            sent = await his.send("Meanwhile", SHORT)
            assert not all(one.done() for one in waits), "they were refused before he was served"
            assert (await his.end(sent["reply"]))[1] == expected_text(SHORT)
            stored = len(rows.text(running["reply"]))
            await his.has(running["reply"], stored + 200)
            assert {(await one)["code"] for one in waits} == {"unavailable"}
            for _ in range(100):
                if len(rows.text(running["reply"])) > stored:
                    break
                await asyncio.sleep(0.1)
            assert len(rows.text(running["reply"])) > stored, "checkpoints stopped"
        await his.say("stop", reply=running["reply"])
        await his.end(running["reply"])
        await asyncio.sleep(2.1)
        again = await hers[0].send("Now", SHORT)
        await hers[0].end(again["reply"])
