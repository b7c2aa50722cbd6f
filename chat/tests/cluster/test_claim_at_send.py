"""A message that waits for a lock while it is stored, and what becomes of it meanwhile.

The process that stores it would claim its reply in the same transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from signal import SIGTERM
from uuid import uuid4

import pytest

from chat.tests.cluster.cluster import Cluster, Node
from chat.tests.live.client import Client, Frame, client, eventually
from chat.tests.live.database import Person
from chat.tests.live.http_client import ask
from chat.tests.live.server import SHORT, Upstream
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio


@dataclass
class Waits:
    """A message that is being stored by the first process, and the lock that it waits for."""

    node: Node
    other: Node
    alice: Person
    page: Client
    fields: Frame
    lock: ExitStack


@asynccontextmanager
async def waiting(cluster: Cluster, *, http: bool = False) -> AsyncIterator[Waits]:
    """Alice sends while somebody else has her counter; over HTTP she hangs up as it waits."""
    rows = cluster.database
    node, other = cluster.webs
    alice = rows.add_person("alice")
    rows.change("INSERT INTO chat_counter (user_id, value, forgotten) VALUES (?, 0, 0)", alice.id)
    model, place = f"openai/{SHORT}", {"conversation": None, "parent": None}
    fields: Frame = {"id": str(uuid4()), "text": f"About {uuid4()}", "model": model} | place
    async with client(node, alice) as page:
        with ExitStack() as lock:
            lock.enter_context(rows.locked("chat_counter", "user_id = ?", alice.id))
            if http:
                asking = asyncio.create_task(ask(node, alice, "POST", "/messages", fields))
            else:
                await page.say("send", **fields)
            await eventually(lambda: rows.waits(node), "the message waits")
            if http:
                asking.cancel()
            yield Waits(node, other, alice, page, fields, lock)


async def is_answered_once(
    cluster: Cluster, sent: Waits, *, attempts: int = 1, faults: int = 0
) -> None:
    """The same id again, to the other process, has one answer, however often it was begun."""
    async with client(sent.other, sent.alice) as page:
        accepted = await page.ask("accepted", "send", **sent.fields)
        end, text = await page.end(accepted["reply"])
    assert (end["status"], text) == ("complete", expected_text(SHORT))
    row = cluster.database.reply(accepted["reply"])
    assert (row["attempt"], row["faults"]) == (attempts, faults)
    assert len(cluster.database.messages(sent.alice)) == 2
    await cluster.holds(accepted)


@pytest.mark.parametrize("http", [False, True], ids=["socket", "http"])
async def test_it_is_produced_though_its_sender_has_left(
    pair: Cluster, upstream: Upstream, http: bool
) -> None:
    async with waiting(pair, http=http) as sent:
        if not http:
            await sent.page.leave()
        sent.lock.close()
        about = sent.fields["text"]
        await eventually(lambda: upstream.requests(about), "a request without its sender")
    await is_answered_once(pair, sent)
    assert len(upstream.requests(about)) == 1


async def test_killed_before_its_commit_it_never_was(pair: Cluster) -> None:
    rows = pair.database
    async with waiting(pair) as sent:
        sent.node.freeze()
        sent.lock.close()
        await eventually(lambda: not rows.waits(sent.node), "it has the lock")
        sent.node.kill()
    await eventually(lambda: rows.connections().get(str(sent.node.pid)) is None)
    assert rows.messages(sent.alice) == []
    await is_answered_once(pair, sent)


@pytest.mark.parametrize("late", [False, True], ids=["in-time", "too-late"])
async def test_as_its_process_is_told_to_end_it_is_handed_over_or_never_was(
    pair: Cluster, late: bool
) -> None:
    async with waiting(pair) as sent:
        sent.node.signal(SIGTERM)
        assert await sent.page.closed() == 4412
        if not late:
            sent.lock.close()
        assert await asyncio.to_thread(sent.node.wait) == 0
        assert bool(pair.database.messages(sent.alice)) is not late
    await is_answered_once(pair, sent, attempts=1 if late else 2)


async def test_where_the_lease_is_swept_away_meanwhile_the_claim_is_left_to_others(
    pair: Cluster, upstream: Upstream
) -> None:
    async with waiting(pair) as sent:
        lease = sent.node.row
        assert lease is not None
        pair.database.change("DELETE FROM chat_process WHERE id = ?", lease["id"])
        sent.lock.close()
        accepted = await sent.page.get("accepted", id=sent.fields["id"])
        assert (await sent.page.end(accepted["reply"]))[0]["attempt"] == 1
    await is_answered_once(pair, sent)
    assert len(upstream.requests(sent.fields["text"])) == 1
