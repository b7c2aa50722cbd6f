"""A process is killed, stopped or told to end in the middle of a reply, which goes on elsewhere."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack

import pytest

from chat.tests.cluster.cluster import Cluster, all_follow
from chat.tests.live.client import client, eventually
from chat.tests.live.server import ENDLESS, HALF, LONG, SHORT
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio


async def test_reply_of_a_killed_process_goes_on_before_the_eyes_of_who_watches(
    pair: Cluster,
) -> None:
    """One kill, and replies in every state in which it can meet them."""
    alice, bob = pair.database.add_person("alice"), pair.database.add_person("bob")
    async with AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(client(node, alice)) for node in pair.webs]
        long = await pages[0].send("A long one", LONG)
        behind = await pages[0].send(
            "Behind it", SHORT, conversation=long["conversation"], parent=long["reply"]
        )
        victim = await pair.producer(long["reply"])
        safe = pair.other(victim)
        dying, watching = pages if victim is pair.webs[0] else reversed(pages)
        await all_follow([dying, watching], long["reply"])
        await watching.follow(behind["reply"])
        his = await stack.enter_async_context(client(safe, bob))
        stuck = await his.send("Stuck", HALF)
        await his.has(stuck["reply"], 5)
        just = await dying.send("Just accepted", SHORT)
        victim.kill()
        assert await dying.closed() == 1006
        end, text = await watching.end(long["reply"])
        assert (end["status"], end["attempt"], text) == ("complete", 2, expected_text(LONG))
        for item in (behind, just):
            await watching.follow(item["reply"])
            end, text = await watching.end(item["reply"])
            assert (end["status"], text) == ("complete", expected_text(SHORT))
        # Who had it from the dead process shows it from where that left it.
        shown = dying.shown[long["reply"]]
        again = await stack.enter_async_context(client(safe, alice))
        await again.follow(long["reply"], shown)
        assert (await again.end(long["reply"]))[1] == expected_text(LONG)
        await his.say("stop", reply=stuck["reply"])
        assert (await his.end(stuck["reply"]))[0]["status"] == "stopped"
    await pair.holds(long, behind, just, stuck)
    assert pair.database.reply(long["reply"])["faults"] == 1


async def test_process_that_comes_back_late_writes_nothing(pair: Cluster) -> None:
    """Stopped beyond its lease, and continued while another one produces its replies."""
    alice = pair.database.add_person("alice")
    async with AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(client(node, alice)) for node in pair.webs]
        accepted = [await pages[0].send("One", ENDLESS), await pages[1].send("Two", LONG)]
        late = await pair.producer(accepted[0]["reply"])
        stale, watching = pages if late is pair.webs[0] else reversed(pages)
        await all_follow(pages, *(item["reply"] for item in accepted))
        late.freeze()
        reply = accepted[0]["reply"]
        await eventually(lambda: pair.database.reply(reply)["attempt"] == 2)
        await eventually(lambda: pair.owner(reply) is pair.other(late))
        mark = len(watching.frames)
        await watching.has(reply, 20)
        late.thaw()
        # Followers in both processes are moved on to the one attempt that counts.
        await stale.until(lambda: stale.shown[reply].attempt == 2 or None)
        await stale.has(reply, 20)
        await eventually(lambda: late.metric("parley_replies_live") == 0)
        await watching.say("stop", reply=reply)
        ends = [await page.end(reply) for page in (stale, watching)]
        assert ends[0] == ends[1]
        assert ends[0][0]["attempt"] == 2
        assert ends[0][1] == pair.database.text(reply)
        assert expected_text(ENDLESS).startswith(ends[0][1])
        attempts = {frame["attempt"] for frame in watching.frames[mark:] if "attempt" in frame}
        assert attempts <= {1, 2}
        for page in (stale, watching):
            assert (await page.end(accepted[1]["reply"]))[1] == expected_text(LONG)
        # The lease it has now is as good as any.
        new = await stale.send("Still here", SHORT)
        await stale.end(new["reply"])
    await pair.holds(*accepted, new)
    assert len(pair.database.rows("SELECT * FROM chat_process")) == 2


async def test_process_that_ends_hands_over_at_once(pair: Cluster) -> None:
    """No lease is waited for, and nothing counts as a fault."""
    alice = pair.database.add_person("alice")
    async with AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(client(node, alice)) for node in pair.webs]
        accepted = await pages[0].send("A long one", LONG)
        reply = accepted["reply"]
        leaving = await pair.producer(reply)
        told, watching = pages if leaving is pair.webs[0] else reversed(pages)
        await all_follow(pages, reply)
        before = leaving.row
        assert before is not None
        leaving.signal(signal.SIGTERM)
        assert await told.closed() == 4412
        assert await asyncio.to_thread(leaving.wait) == 0
        end, text = await watching.end(reply)
        assert (end["status"], end["attempt"], text) == ("complete", 2, expected_text(LONG))
        reasons = {frame["reason"] for frame in watching.shown[reply].statuses}
        assert reasons <= {"restart", None}
    await pair.holds(accepted)
    row = pair.database.reply(reply)
    assert row["faults"] == 0
    first = pair.database.rows(
        "SELECT status FROM chat_attempt WHERE reply_id = ? AND number = 1", row["id"]
    )
    assert first == [{"status": "restart"}]
    assert not pair.database.rows("SELECT * FROM chat_process WHERE uid = ?", before["uid"])
