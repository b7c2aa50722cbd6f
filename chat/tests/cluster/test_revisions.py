"""Changes and withdrawals at one process reach the other."""

from __future__ import annotations

from contextlib import AsyncExitStack
from uuid import uuid4

import pytest

from chat.tests.cluster.cluster import Cluster
from chat.tests.cluster.conftest import MakeCluster
from chat.tests.live.client import Client, client
from chat.tests.live.server import HALF, SHORT, Upstream
from chat.tests.live.test_revisions import asked, edit, regenerate, told, withdraw
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio


async def test_revisions_reach_those_who_follow_elsewhere(
    pair: Cluster, upstream: Upstream
) -> None:
    alice, about = pair.database.add_person("alice"), f"Edited {uuid4()}"
    async with AsyncExitStack() as stack:
        here, there = [await stack.enter_async_context(client(web, alice)) for web in pair.webs]
        one = await here.send("One", HALF)
        chat = one["conversation"]
        two = await here.send("Never", SHORT, conversation=chat, parent=one["reply"])
        three = await here.send("Three", SHORT, conversation=chat, parent=two["reply"])
        for sent in (two, three):
            await there.follow(sent["reply"])
            await there.get("status", reply=sent["reply"], status="queued")
        await edit(there, three["message"], about)
        assert (await told(here, "updated", three["message"]))["text"] == about
        await withdraw(here, two["message"])
        await _is_gone(there, two["reply"])
        await _is_gone(here, two["reply"])
        await here.say("stop", reply=one["reply"])
        for page in (here, there):
            assert (await page.end(three["reply"]))[1] == expected_text(SHORT)
        other = await regenerate(there, three["reply"])
        await here.follow(other["reply"])
        for page in (here, there):
            assert (await page.end(other["reply"]))[0]["status"] == "complete"
        half = here.shown[one["reply"]].text
    assert asked(upstream, about) == [["One", half, about]] * 2
    await pair.holds(one, three, other)


async def test_followers_learn_of_a_withdrawn_reply_by_its_row_alone(
    make_cluster: MakeCluster,
) -> None:
    cluster = make_cluster(2, redis=False)
    alice = cluster.database.add_person("alice")
    async with AsyncExitStack() as stack:
        webs = cluster.webs
        here, there = [await stack.enter_async_context(client(web, alice)) for web in webs]
        one = await here.send("One", HALF)
        two = await here.send("Two", SHORT, conversation=one["conversation"], parent=one["reply"])
        await there.follow(two["reply"])
        await there.get("status", reply=two["reply"], status="queued")
        await withdraw(here, two["message"])
        await _is_gone(there, two["reply"])
        await here.say("stop", reply=one["reply"])
        await here.end(one["reply"])


async def _is_gone(page: Client, reply: str) -> None:
    error = await page.get("error", reply=reply)
    assert error["code"] == "not_found"
