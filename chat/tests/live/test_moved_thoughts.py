"""Text that was shown and proves to be thoughts is moved: for the page, the row and the record."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import pytest

from chat.tests.live.client import client, eventually
from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import Server, Upstream

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def _nothing_left(upstream: Upstream) -> Iterator[None]:
    """Drop answers of the endpoint that a test has left for the next one."""
    yield
    upstream.stop_playing()


THOUGHTS, ANSWER = "I greet back, and say so at some length.", "Hello!"


async def test_shown_text_becomes_thoughts_by_a_snapshot(site: Server, upstream: Upstream) -> None:
    said = f"{THOUGHTS}</think>{ANSWER}"
    upstream.play(said, splits=list(range(4, len(said), 4)), rate=20)
    about = f"Greet me {uuid4()}"
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        fields = {"id": str(uuid4()), "conversation": None, "parent": None}
        accepted = await page.ask("accepted", "send", **fields, text=about)
        reply = str(accepted["reply"])
        await page.has(reply, 8)
        end, text = await page.end(reply)
        assert (end["status"], end["attempt"], text) == ("complete", 2, ANSWER)
        assert end["reasoning_length"] == len(THOUGHTS)
        moved = [one for one in page.of("snapshot") if one["attempt"] == 2]
        assert len(moved) == 1
        assert moved[0]["reasoning"] == THOUGHTS
    assert len(upstream.requests(about)) == 1


@pytest.mark.parametrize("step", ["before the commit", "after it", "shown"])
async def test_a_move_outlives_a_kill_at_each_step(
    make_server: MakeServer, upstream: Upstream, step: str
) -> None:
    server = make_server()
    server.start()
    rows, alice = server.database, server.database.add_person("alice")
    answer = ANSWER * 20  # it is not at its end when the kill comes
    said, about = f"{THOUGHTS}</think>{answer}", f"Greet me {uuid4()}"

    def play() -> None:
        upstream.play(said, splits=list(range(4, len(said), 4)), rate=12)

    play()
    async with client(server, alice) as page:
        accepted = await page.send(about)
        reply = str(accepted["reply"])
        await page.has(reply, 8)
        await eventually(lambda: rows.text(reply), "a checkpoint")
        match step:
            case "before the commit":
                with closing(sqlite3.connect(rows.path, isolation_level=None)) as lock:
                    lock.execute("BEGIN IMMEDIATE")
                    await eventually(
                        lambda: all(one["ended"] for one in upstream.requests(about)),
                        "all is sent",
                    )
                    server.signal(signal.SIGSTOP)
                    lock.execute("ROLLBACK")
                    assert rows.reply(reply)["attempt"] == 1
            case "after it":
                await eventually(lambda: rows.reply(reply)["attempt"] == 2, "the commit")
            case "shown":
                await page.until(lambda: page.shown[reply].attempt == 2 or None, "both texts")
        play()
        server.kill()
        stale = page.shown[reply]
    server.start()
    async with client(server, alice) as page:
        await page.follow(reply, stale)
        end, text = await page.end(reply)
        assert (end["status"], text, page.shown[reply].reasoning) == ("complete", answer, THOUGHTS)
        row = rows.reply(reply)
        assert (row["text"], row["reasoning"], row["sha256"]) == (answer, THOUGHTS, end["sha256"])
