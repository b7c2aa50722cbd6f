"""A process is stopped while it holds locks: its machine sleeps, and Postgres does not know."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from chat.tests.cluster.cluster import Cluster, all_follow
from chat.tests.live.client import client, eventually
from chat.tests.live.server import ENDLESS

pytestmark = pytest.mark.asyncio


async def test_locks_of_a_stopped_checkpoint_keep_nobody_from_its_replies(pair: Cluster) -> None:
    rows = pair.database
    alice = rows.add_person("alice")
    async with AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(client(node, alice)) for node in pair.webs]
        accepted = await pages[0].send("Tell me", ENDLESS)
        reply = accepted["reply"]
        await all_follow(pages, reply)
        late = await pair.producer(reply)
        stale, watching = pages if late is pair.webs[0] else reversed(pages)
        with rows.locked("chat_message", "uid = ?", reply):
            await eventually(lambda: rows.waits(late), "its checkpoint waits")
            late.freeze()
        await eventually(lambda: rows.reply(reply)["attempt"] == 2)
        late.thaw()
        await stale.until(lambda: stale.shown[reply].attempt == 2 or None)
        await watching.say("stop", reply=reply)
        ends = [await page.end(reply) for page in (stale, watching)]
        assert ends[0] == ends[1]
        assert ends[0][1] == rows.text(reply)
    await pair.holds(accepted)
