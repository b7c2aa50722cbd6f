"""A reply is claimed by the transaction that stores it: what an end at each step leaves of it."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, ExitStack
from signal import SIGTERM
from typing import Any
from uuid import uuid4

import pytest

from chat.tests.live.client import Frame, client, eventually
from chat.tests.live.conftest import MakeServer
from chat.tests.live.database import Person
from chat.tests.live.ended_at import BEGUN
from chat.tests.live.http_client import ask
from chat.tests.live.server import ENDLESS, SHORT, Server, Upstream
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio

ARMED, PLAIN = "chat.tests.live.ended_at:application", "chatproject.asgi:application"


def armed(make_server: MakeServer, **settings: str) -> Server:
    """A server that tells when a message begins to be stored; it never doubts its lease."""
    server = make_server(LEASE_SECONDS="60", **settings)
    server.application = ARMED
    server.start()
    return server


def message() -> Frame:
    """The fields of a `send` for a short answer."""
    model, about = f"openai/{SHORT}", f"About {uuid4()}"
    place = {"conversation": None, "parent": None}
    return {"id": str(uuid4()), "text": about, "model": model} | place


async def begun(server: Server) -> None:
    """Wait until a message is being stored."""
    await eventually(lambda: BEGUN in server.log, "a store")


async def is_answered_once(
    server: Server, alice: Person, fields: Frame, *, attempts: int = 1, faults: int = 0
) -> None:
    """The same id again has one answer, however often the reply was begun."""
    async with client(server, alice) as page:
        accepted = await page.ask("accepted", "send", **fields)
        end, text = await page.end(accepted["reply"])
    assert (end["status"], text) == ("complete", expected_text(SHORT))
    row = server.database.reply(accepted["reply"])
    assert (row["attempt"], row["faults"]) == (attempts, faults)
    assert len(server.database.messages(alice)) == 2


@pytest.mark.parametrize("step", ["committed", "handed-over", "produced"])
async def test_a_kill_right_after_the_commit_leaves_a_reply_that_is_taken_up(
    make_server: MakeServer, step: str
) -> None:
    server = armed(make_server, DIES=step)
    alice, fields = server.database.add_person("alice"), message()
    async with client(server, alice) as page:
        await page.say("send", **fields)
        await page.closed()
    (_, stored) = server.database.messages(alice)
    assert (stored["status"], stored["attempt"]) == ("running", 1)
    await again(server)
    # It never heard of it.
    await is_answered_once(server, alice, fields, attempts=2, faults=1)


async def again(server: Server) -> None:
    """Start it as it is."""
    server.application = PLAIN
    await asyncio.to_thread(server.start)


async def test_a_kill_before_the_commit_leaves_nothing(make_server: MakeServer) -> None:
    server = armed(make_server, DIES="claimed")
    alice, fields = server.database.add_person("alice"), message()
    async with client(server, alice) as page:
        await page.say("send", **fields)
        await page.closed()
    assert BEGUN in server.log
    assert server.database.messages(alice) == []
    assert server.database.counter(alice) == 0
    await again(server)
    await is_answered_once(server, alice, fields)


SEEN_SECONDS = 0.3
"""After which the server has seen somebody leave."""
WAIT_SECONDS = 5
"""Longer than a store waits for a lock."""


async def post_and_leave(server: Server, alice: Person, fields: Frame) -> None:
    """Send a message over HTTP, and hang up while it is being stored."""
    with server.database.being_written():
        asking = asyncio.create_task(ask(server, alice, "POST", "/messages", fields))
        await begun(server)
        asking.cancel()
        await asyncio.sleep(SEEN_SECONDS)


async def say_and_leave(server: Server, alice: Person, fields: Frame) -> None:
    """The same over a socket."""
    async with AsyncExitStack() as page_open:
        page = await page_open.enter_async_context(client(server, alice))
        with server.database.being_written():
            await page.say("send", **fields)
            await begun(server)
            await page_open.aclose()
            await asyncio.sleep(SEEN_SECONDS)


@pytest.mark.parametrize("leaves", [say_and_leave, post_and_leave])
async def test_what_is_stored_is_produced_though_its_sender_has_left(
    make_server: MakeServer, upstream: Upstream, leaves: Any
) -> None:
    server = armed(make_server)
    alice, fields = server.database.add_person("alice"), message()
    await leaves(server, alice, fields)
    begun_at = time.monotonic()

    def settled() -> bool:
        # On a machine that stands still the store may have waited in vain; then there is nothing.
        late = time.monotonic() - begun_at > WAIT_SECONDS
        given_up = late and not server.database.messages(alice)
        return bool(upstream.requests(fields["text"])) or given_up

    await eventually(settled, "a request without its sender")
    await is_answered_once(server, alice, fields)
    assert len(upstream.requests(fields["text"])) == 1


@pytest.mark.parametrize("late", [False, True], ids=["in-time", "too-late"])
async def test_a_store_that_waits_as_the_server_is_told_to_end_is_handed_over_or_never_was(
    make_server: MakeServer, late: bool
) -> None:
    server = armed(make_server)
    alice, fields = server.database.add_person("alice"), message()
    async with client(server, alice) as page:
        with ExitStack() as lock:
            lock.enter_context(server.database.being_written())
            await page.say("send", **fields)
            await begun(server)
            server.signal(SIGTERM)
            assert await page.closed() == 4412
            if not late:
                lock.close()
            assert await asyncio.to_thread(server.wait) == 0
    stored = [(row["status"], row["reason"], row["attempt"], row["faults"], row["owner_id"])
              for row in server.database.messages(alice)[1:]]  # fmt: skip
    assert stored == ([] if late else [("queued", "restart", 1, 0, None)])
    await again(server)
    await is_answered_once(server, alice, fields, attempts=1 if late else 2)


async def test_what_is_stored_after_the_lease_was_released_waits_for_the_next_start(
    make_server: MakeServer, upstream: Upstream
) -> None:
    server = make_server(CHAT_MODEL=SHORT)
    alice = server.database.add_person("alice")
    server = armed(make_server, LATE=str(alice.id), CHAT_MODEL=SHORT)
    async with client(server, alice):
        pass  # it has begun
    server.signal(SIGTERM)
    assert await asyncio.to_thread(server.wait) == 0
    assert BEGUN not in server.log
    assert server.database.rows("SELECT * FROM chat_process") == []
    (_, stored) = server.database.messages(alice)
    assert (stored["status"], stored["attempt"]) == ("queued", 0)
    await again(server)

    def how() -> tuple[object, ...]:
        row = server.database.messages(alice)[1]
        return row["status"], row["attempt"], row["faults"]

    await eventually(lambda: how() == ("complete", 1, 0))


async def test_the_next_attempt_is_not_written_by_who_still_produces_the_one_before(
    make_server: MakeServer,
) -> None:
    """Somebody else has ended a reply, and no checkpoint has shown that to this process yet."""
    server = make_server(CHECKPOINT_SECONDS="30", LEASE_SECONDS="60")
    server.start()
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        reply = (await page.send("Tell me", ENDLESS))["reply"]
        await page.has(reply, 40)
        row = server.database.reply(reply)["id"]
        ended = "status = 'stopped', owner_id = NULL, ended = claimed_at, text = 'Once.'"
        server.database.change(f"UPDATE chat_message SET {ended} WHERE id = ?", row)
        await page.go_on(reply, SHORT)
        end, text = await page.end(reply)
    assert (end["status"], end["attempt"]) == ("complete", 2)
    assert text == "Once." + expected_text(SHORT)
    assert server.database.reply(reply)["text"] == text
