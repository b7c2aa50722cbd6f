"""Further troubles of a server that lives on: sleep, a lost lease, a database that is locked."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import sqlite3
from uuid import uuid4

import pytest

from chat.tests.live.client import client, eventually
from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import ENDLESS, SHORT, SLOW, Server, Upstream
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio


async def test_server_that_slept_goes_on_where_it_was(make_server: MakeServer) -> None:
    """A laptop that was closed: all leases are over when it wakes."""
    server = make_server(LEASE_SECONDS="1")
    server.start()
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        reply = (await page.send("Tell me", SLOW))["reply"]
        await page.has(reply, 20)
        server.signal(signal.SIGSTOP)
        await asyncio.sleep(2.5)
        server.signal(signal.SIGCONT)
        end, text = await page.end(reply)
        assert (end["status"], end["attempt"]) == ("complete", 1)
        assert text == expected_text(SLOW)
        again = await page.send("And now?", SHORT)
        assert (await page.end(again["reply"]))[0]["status"] == "complete"
    assert server.database.reply(reply)["faults"] == 0


async def test_reply_that_was_taken_away_is_written_by_nobody_else(
    site: Server, upstream: Upstream
) -> None:
    """Its producer learns at the next checkpoint, writes nothing more, and lets the upstream go."""
    alice, about = site.database.add_person("alice"), f"Mine {uuid4()}"
    async with client(site, alice) as page:
        reply = (await page.send(about, ENDLESS))["reply"]
        await page.has(reply, 20)
        upstream.play("From the start 👍")
        site.database.change(
            "UPDATE chat_message SET owner_id = NULL WHERE status = 'running' AND user_id = ?",
            alice.id,
        )
        end, text = await page.end(reply)
        assert (end["status"], end["attempt"], text) == ("complete", 2, "From the start 👍")
        assert page.shown[reply].snapshots[-1]["text"] in text
        reasons = [frame["reason"] for frame in page.shown[reply].statuses]
        assert "takeover" in reasons
    first, second = upstream.requests(about)
    assert first["closed_by_client"] is not None
    assert second["ended"] is not None
    row = site.database.reply(reply)
    assert row["text"] == text
    assert row["faults"] == 1


async def test_wake_up_that_was_lost_is_made_up_for(site: Server) -> None:
    """A queued reply that nobody was told of, as a crash between commit and wake-up leaves it."""
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        reply = (await page.send("Fail", "status?code=500"))["reply"]
        await page.end(reply)
        site.database.change(
            "UPDATE chat_message SET status = 'queued', ended = NULL, woken_at = NULL,"
            " created = '2026-01-01', model = ? WHERE user_id = ? AND status = 'failed'",
            f"openai/{SHORT}",
            alice.id,
        )
        await eventually(lambda: site.database.reply(reply)["status"] == "complete")
    assert site.database.text(reply) == expected_text(SHORT)


async def test_locked_database_holds_up_the_end_and_not_the_text(site: Server) -> None:
    """Reading goes on into memory, nothing that is not stored is said to have ended."""
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        reply = (await page.send("Tell me", SLOW))["reply"]
        await page.has(reply, 20)
        lock = sqlite3.connect(site.database.path, isolation_level=None)
        try:
            lock.execute("BEGIN IMMEDIATE")
            await page.has(reply, len(expected_text(SLOW)))
            error = await page.refused(
                "send", id=str(uuid4()), conversation=None, parent=None, text="Not now"
            )
            assert (error["code"], error["retry_after"]) == ("unavailable", 2)
            assert page.shown[reply].end is None
            await page.sync()
        finally:
            lock.rollback()
            lock.close()
        end, text = await page.end(reply)
        assert (end["status"], end["attempt"], text) == ("complete", 1, expected_text(SLOW))
    row = site.database.reply(reply)
    assert row["sha256"] == hashlib.sha256(row["text"].encode()).hexdigest()
    assert len(site.database.messages(alice)) == 2
