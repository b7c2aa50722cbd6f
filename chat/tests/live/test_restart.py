"""Power cuts: what was accepted is there, and its reply ends whole, whenever the server died."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest

from chat.tests.live.client import Frame, client, eventually
from chat.tests.live.conftest import MakeServer
from chat.tests.live.database import Person
from chat.tests.live.server import ENDLESS, HALF, LONG, SHORT, SILENT, Server, Upstream
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio


async def _end(server: Server, person: Person, reply: str) -> tuple[Frame, str]:
    async with client(server, person) as page:
        await page.follow(reply)
        return await page.end(reply)


async def test_nothing_accepted_is_lost_and_every_reply_ends_whole(
    make_server: MakeServer, upstream: Upstream
) -> None:
    """One cut, and replies in every state in which it can meet them."""
    server = make_server()
    server.start()
    alice, bob = server.database.add_person("alice"), server.database.add_person("bob")
    silent = f"Silent {uuid4()}"
    async with AsyncExitStack() as stack:
        page = await stack.enter_async_context(client(server, alice))
        his = await stack.enter_async_context(client(server, bob))
        middle = await page.send("In the middle of its text", LONG)
        behind = await page.send(
            "Behind it", SHORT, conversation=middle["conversation"], parent=middle["reply"]
        )
        ended = await page.send("Ended", SHORT)
        await page.end(ended["reply"])
        stopped = await page.send("Stopped", HALF)
        await page.has(stopped["reply"], 5)
        await page.say("stop", reply=stopped["reply"])
        await page.end(stopped["reply"])
        before = await his.send(silent, SILENT)  # running, without a token
        await eventually(lambda: upstream.requests(silent))
        # Until a checkpoint has stored a part of it, and there is more that none has.
        await eventually(lambda: server.database.text(middle["reply"]))
        await page.has(middle["reply"], len(page.shown[middle["reply"]].text) + 20)
        claiming = await his.send("Just accepted", SHORT)
        server.kill()
        shown = page.shown[middle["reply"]]
    server.start()
    for person, accepted in (
        (alice, middle),
        (alice, behind),
        (alice, ended),
        (bob, claiming),
    ):
        end, text = await _end(server, person, accepted["reply"])
        row = server.database.reply(accepted["reply"])
        assert end["status"] == row["status"] == "complete"
        assert text == row["text"]
        assert end["sha256"] == hashlib.sha256(row["text"].encode()).hexdigest()
    assert server.database.reply(middle["reply"])["attempt"] == 2
    assert server.database.reply(middle["reply"])["faults"] == 1
    assert server.database.reply(ended["reply"])["attempt"] == 1
    assert server.database.reply(stopped["reply"])["status"] == "stopped"
    assert len(server.database.messages(alice)) == 8
    assert len(server.database.messages(bob)) == 4
    async with client(server, bob) as his:
        await his.follow(before["reply"])
        await his.get("status", reply=before["reply"], status="running", attempt=2)
        await his.say("stop", reply=before["reply"])
        assert (await his.end(before["reply"]))[0]["status"] == "stopped"
    # A page that resumes shows the new attempt from its own snapshot on.
    async with client(server, alice) as page:
        await page.follow(middle["reply"], shown)
        assert (await page.end(middle["reply"]))[1] == server.database.text(middle["reply"])
        assert len(page.shown[middle["reply"]].snapshots) == 1
    assert server.database.rows("SELECT * FROM chat_part") == []


async def test_page_that_reconnects_goes_on_without_a_gap(
    make_server: MakeServer, upstream: Upstream
) -> None:
    server = make_server()
    server.start()
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        reply = (await page.send("Tell me", ENDLESS))["reply"]
        await page.has(reply, 200)
        server.kill()
        assert await page.closed() == 1006
        shown = page.shown[reply]
    upstream.play(expected_text(LONG), rate=1000)
    server.start()
    async with client(server, alice) as page:
        await page.follow(reply, shown)
        end, text = await page.end(reply)
        assert end["attempt"] == 2
        assert text == expected_text(LONG)
        reasons = [frame["reason"] for frame in page.shown[reply].statuses]
        assert set(reasons) <= {"takeover", None}


async def test_message_whose_accepted_was_lost_can_be_sent_again(make_server: MakeServer) -> None:
    server = make_server()
    server.start()
    alice, key = server.database.add_person("alice"), str(uuid4())
    fields = {"id": key, "conversation": None, "parent": None, "text": "Once"}
    async with client(server, alice) as page:
        await page.say("send", **fields)
        await eventually(lambda: server.database.messages(alice))
        server.kill()
    server.start()
    async with client(server, alice) as page:
        accepted = await page.ask("accepted", "send", **fields)
        assert (await page.end(accepted["reply"]))[0]["status"] == "complete"
    assert [row["role"] for row in server.database.messages(alice)] == ["user", "assistant"]


async def test_stop_mark_outlives_the_server(make_server: MakeServer) -> None:
    """The mark is stored and the server dies before it acts: the reply is not begun again."""
    server = make_server()
    server.start()
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        reply = (await page.send("Tell me", HALF))["reply"]
        await page.has(reply, 5)
        await eventually(lambda: server.database.text(reply))
        server.kill()
    server.database.change("UPDATE chat_message SET stop_requested = 1 WHERE status = 'running'")
    server.start()
    end, text = await _end(server, alice, reply)
    assert (end["status"], end["attempt"]) == ("stopped", 1)
    assert text == "Hello, wörld 👍"


async def test_third_crash_ends_the_reply(make_server: MakeServer, upstream: Upstream) -> None:
    """A reply that brings the server down is not tried for ever."""
    server = make_server()
    server.start()
    alice, bob = server.database.add_person("alice"), server.database.add_person("bob")
    about = f"Poison {uuid4()}"
    async with client(server, alice) as hers, client(server, bob) as his:
        spoken = (await hers.send(about, HALF))["reply"]
        silent = (await his.send(about, SILENT))["reply"]
    for crash in range(3):
        await eventually(lambda crash=crash: len(upstream.requests(about)) == 2 * (crash + 1))  # type: ignore[misc]
        await eventually(lambda: server.database.rows("SELECT * FROM chat_part"))
        server.kill()
        server.start()
    end, text = await _end(server, alice, spoken)
    assert (end["status"], end["attempt"]) == ("interrupted", 3)
    assert text == "Hello, wörld 👍"
    assert end["error"]["message"].endswith(".")
    end, _ = await _end(server, bob, silent)
    assert (end["status"], end["attempt"]) == ("failed", 3)
    assert len(upstream.requests(about)) == 6
    async with client(server, alice) as page:  # and the user may still ask for more
        await page.follow(spoken)
        await page.end(spoken)
        await page.go_on(spoken, SHORT)
        end, text = await page.end(spoken)
        assert (end["status"], end["attempt"]) == ("complete", 4)
        assert text == "Hello, wörld 👍" + expected_text(SHORT)


async def test_server_without_its_tables_says_what_to_do(make_server: MakeServer) -> None:
    server = make_server()
    server.database.path.unlink()
    server.begin()
    assert await asyncio.to_thread(server.wait) == 1
    assert "Parley could not start: no such table" in server.log
    assert "migrated?" in server.log
