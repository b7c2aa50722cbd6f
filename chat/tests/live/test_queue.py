"""One running reply per conversation, and a few per person: what is more waits, visibly."""

from __future__ import annotations

from uuid import uuid4

import pytest

from chat.tests.live.client import client, eventually
from chat.tests.live.server import HALF, SHORT, SLOW, Server, Upstream
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio


async def test_what_is_sent_meanwhile_waits_behind(site: Server, upstream: Upstream) -> None:
    alice, about = site.database.add_person("alice"), f"About {uuid4()}"
    async with client(site, alice) as page:
        one = await page.send(about, SLOW)
        chat = one["conversation"]
        await page.has(one["reply"], 10)
        two = await page.send("Two", SLOW, conversation=chat, parent=one["reply"])
        three = await page.send("Three", SHORT, conversation=chat, parent=two["reply"])
        await page.get("status", reply=two["reply"], reason="behind", position=1)
        await page.get("status", reply=three["reply"], reason="behind", position=2)
        await page.get("status", reply=three["reply"], reason="behind", position=1)
        for sent in (one, two, three):
            assert (await page.end(sent["reply"]))[0]["status"] == "complete"
        ends = [frame["reply"] for frame in page.of("end")]
        assert ends == [one["reply"], two["reply"], three["reply"]]
        for sent in (one, two, three):
            statuses = [frame["status"] for frame in page.shown[sent["reply"]].statuses]
            assert statuses == sorted(statuses)  # "queued" before "running"
    # Each was asked with the replies before it as its prompt.
    prompts = [request["body"]["messages"] for request in upstream.requests(about)]
    assert [len(messages) for messages in prompts] == [1, 3, 5]
    assert [message["content"] for message in prompts[2]] == [
        about,
        expected_text(SLOW),
        "Two",
        expected_text(SLOW),
        "Three",
    ]


async def test_queue_goes_on_after_a_stop_and_after_a_failure(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        one = await page.send("One", HALF)
        chat = one["conversation"]
        two = await page.send("Two", "status?code=500", conversation=chat, parent=one["reply"])
        three = await page.send("Three", SHORT, conversation=chat, parent=two["reply"])
        await page.has(one["reply"], 5)
        await page.say("stop", reply=one["reply"])
        statuses = [(await page.end(sent["reply"]))[0]["status"] for sent in (one, two, three)]
        assert statuses == ["stopped", "failed", "complete"]


async def test_fourth_running_reply_of_a_person_waits_for_one_of_them(site: Server) -> None:
    alice, bob = site.database.add_person("alice"), site.database.add_person("bob")
    async with client(site, alice) as page, client(site, bob) as his:
        running = [(await page.send(f"Number {n}", HALF))["reply"] for n in range(3)]
        for reply in running:
            await page.has(reply, 5)
        waiting = [(await page.send(f"More {n}", SHORT))["reply"] for n in range(2)]
        for reply in waiting:
            await page.get("status", reply=reply, status="queued", reason="user_limit")
        assert (await his.end((await his.send("Mine", SHORT))["reply"]))[0]["status"] == "complete"
        await page.sync()
        assert all(page.shown[reply].end is None for reply in (*running, *waiting))
        await page.say("stop", reply=running[1])
        for reply in waiting:
            assert (await page.end(reply))[0]["status"] == "complete"
        assert [page.shown[reply].end for reply in (running[0], running[2])] == [None, None]
        for reply in running:
            await page.say("stop", reply=reply)
            await page.end(reply)


async def test_deleted_conversation_ends_its_replies_and_tells_their_followers(
    site: Server, upstream: Upstream
) -> None:
    alice, about = site.database.add_person("alice"), f"Forget {uuid4()}"
    async with client(site, alice) as page:
        one = await page.send(about, HALF)
        two = await page.send("Two", SHORT, conversation=one["conversation"], parent=one["reply"])
        await page.has(one["reply"], 5)
        status, _ = site.ask(alice, "DELETE", f"/api/v1/conversations/{one['conversation']}")
        assert status == 204
        for sent in (one, two):
            error = await page.get("error", reply=sent["reply"])
            assert error["code"] == "not_found"
        told = await page.get("conversation", event="deleted")
        assert told["conversation"] == {"id": one["conversation"]}
        await eventually(lambda: not upstream.requests(about)[0]["open"])
    replies = [row for row in site.database.messages(alice) if row["role"] == "assistant"]
    assert [row["status"] for row in replies] == ["stopped"] * 2, "until it is deleted for good"
