"""A process is killed, stopped beyond its lease or told to end, at each step of a reply's life.

It is stopped first in every case, so that it is hit at the step that is meant, whatever the clock
says.
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from signal import SIGKILL, SIGSTOP, SIGTERM
from uuid import uuid4

import pytest

from chat.tests.cluster.cluster import Cluster, Node
from chat.tests.live.client import Client, Frame, client, eventually
from chat.tests.live.database import Person
from chat.tests.live.server import LONG, SHORT, SILENT, SLOW, Upstream
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio

ANSWER = "The second one answers. " * 20


@dataclass
class Hit:
    """The process that is stopped at a step, and what keeps it there."""

    victim: Node
    accepted: Frame
    text: str
    release: ExitStack


class Scene:
    """Somebody who sends, in a conversation of their own, and their open pages."""

    def __init__(self, cluster: Cluster, upstream: Upstream, stack: AsyncExitStack) -> None:
        self.cluster = cluster
        self.upstream = upstream
        self.rows = cluster.database
        self.alice: Person = cluster.database.add_person("alice")
        self.about = f"About {uuid4()}"
        self._stack = stack
        self._pages: dict[Node, Client] = {}

    async def page(self, node: Node) -> Client:
        """Alice's page in this process."""
        if node not in self._pages:
            node.until_it_answers()
            self._pages[node] = await self._stack.enter_async_context(client(node, self.alice))
        return self._pages[node]

    async def produced(self, model: str) -> tuple[Frame, Node]:
        """A reply that somebody produces, with a page there and one elsewhere that follow it."""
        sender = await self.page(self.cluster.webs[0])
        accepted = await sender.send(self.about, model)
        producer = await self.cluster.producer(accepted["reply"])
        for node in (producer, self.cluster.other(producer)):
            page = await self.page(node)
            if page is not sender:  # who has sent it follows it already
                await page.follow(accepted["reply"])
        return accepted, producer


@asynccontextmanager
async def before_the_claim(scene: Scene) -> AsyncIterator[Hit]:
    """The message is stored, and the claim waits for a lock that somebody else has."""
    rows, alice = scene.rows, scene.alice
    rows.change("INSERT INTO chat_counter (user_id, value, forgotten) VALUES (?, 0, 0)", alice.id)
    counter = "chat_counter", "user_id = ?", alice.id
    victim, *others = scene.cluster.webs
    page = await scene.page(victim)
    watching = await scene.page(others[0])
    for node in others:
        node.freeze()  # the job is for the victim
    with ExitStack() as release:
        with rows.locked(*counter):
            sent = asyncio.create_task(page.send(scene.about, SLOW))
            await eventually(lambda: rows.waiting() == 1, "the message waits")
            # Whoever waits in this line comes before the claim.
            locked = asyncio.to_thread(release.enter_context, rows.locked(*counter))
            next_in_line = asyncio.create_task(locked)
            await eventually(lambda: rows.waiting() == 2, "the test waits")
        await next_in_line
        accepted = await sent
        await eventually(lambda: rows.waits(victim), "the claim waits")
        victim.freeze()
        for node in others:
            node.thaw()
        row = rows.reply(accepted["reply"])
        assert (row["status"], row["attempt"]) == ("queued", 0)
        await watching.follow(accepted["reply"])
        yield Hit(victim, accepted, expected_text(SLOW), release)


@asynccontextmanager
async def after_the_claim(scene: Scene) -> AsyncIterator[Hit]:
    """It runs, and the endpoint does not know of it yet."""
    with ExitStack() as release:
        release.enter_context(scene.upstream.asleep())
        accepted, victim = await scene.produced(SLOW)
        victim.freeze()
        row = scene.rows.reply(accepted["reply"])
        assert (row["status"], row["attempt"]) == ("running", 1)
        yield Hit(victim, accepted, expected_text(SLOW), release)


@asynccontextmanager
async def before_the_first_token(scene: Scene) -> AsyncIterator[Hit]:
    """The endpoint has the request and thinks about it."""
    accepted, victim = await scene.produced(SILENT)
    await eventually(lambda: scene.upstream.requests(scene.about), "the request")
    victim.freeze()
    scene.upstream.play(ANSWER)
    yield Hit(victim, accepted, ANSWER, ExitStack())


@asynccontextmanager
async def between_checkpoints(scene: Scene) -> AsyncIterator[Hit]:
    """Some text is stored, and more is not."""
    accepted, victim = await scene.produced(LONG)
    reply, rows, page = accepted["reply"], scene.rows, await scene.page(victim)
    while True:
        stored = await eventually(lambda: len(rows.text(reply)), "a checkpoint")
        await page.has(reply, stored + 20)
        victim.freeze()
        await asyncio.sleep(0.1)  # what it has sent is read
        if len(rows.text(reply)) < len(page.shown[reply].text):
            break
        victim.thaw()
        await asyncio.sleep(0.3)  # there was one more just then
    yield Hit(victim, accepted, expected_text(LONG), ExitStack())


@asynccontextmanager
async def at_the_end(scene: Scene) -> AsyncIterator[Hit]:
    """All text is there, and the write of the end waits for a lock that somebody else has."""
    rows = scene.rows
    with ExitStack() as release:
        with scene.upstream.asleep():
            accepted, victim = await scene.produced(SHORT)
            release.enter_context(rows.locked("chat_counter", "user_id = ?", scene.alice.id))
        await eventually(lambda: rows.waits(victim), "the end waits")
        victim.freeze()
        (request,) = scene.upstream.requests(scene.about)
        assert request["ended"]
        assert rows.reply(accepted["reply"])["status"] == "running"
        yield Hit(victim, accepted, expected_text(SHORT), release)


STEPS = {
    step.__name__: step
    for step in (
        before_the_claim,
        after_the_claim,
        before_the_first_token,
        between_checkpoints,
        at_the_end,
    )
}

EXPECTED = {
    ("before_the_claim", SIGKILL): (1, 0),
    ("before_the_claim", SIGSTOP): (1, 0),
    ("before_the_claim", SIGTERM): (2, 0),  # claimed in the drain, and handed over
    ("at_the_end", SIGTERM): (1, 0),  # the drain lets it end
}
"""Attempts and faults, where they are not two and one (none for a hand-over)."""


@pytest.mark.parametrize("how", [SIGKILL, SIGSTOP, SIGTERM], ids=lambda how: how.name)
@pytest.mark.parametrize("step", STEPS)
async def test_reply_outlives_its_process(
    request: pytest.FixtureRequest, upstream: Upstream, step: str, how: signal.Signals
) -> None:
    by_jobs = step == "before_the_claim"  # else it is claimed as it is stored
    cluster: Cluster = request.getfixturevalue("trio_by_jobs" if by_jobs else "trio")
    rows = cluster.database
    async with AsyncExitStack() as stack:
        scene = Scene(cluster, upstream, stack)
        async with STEPS[step](scene) as hit:
            victim, reply = hit.victim, hit.accepted["reply"]
            stale, watching = await scene.page(victim), await scene.page(cluster.other(victim))
            match how:
                case signal.SIGKILL:
                    victim.kill()
                case signal.SIGTERM:
                    victim.signal(SIGTERM)
                    victim.thaw()
                    assert await stale.closed() == 4412
                    if step == "after_the_claim":  # the endpoint does not wake up in time
                        assert await asyncio.to_thread(victim.wait) == 0
            hit.release.close()
        if how is SIGTERM:
            assert await asyncio.to_thread(victim.wait) == 0

        end, text = await watching.end(reply)
        assert (end["status"], text) == ("complete", hit.text)
        row = rows.reply(reply)
        assert row["text"] == text
        assert row["sha256"] == end["sha256"] == hashlib.sha256(text.encode()).hexdigest()
        attempts, faults = EXPECTED.get((step, how), (2, int(how is not SIGTERM)))
        assert (row["attempt"], row["faults"]) == (attempts, faults)
        if how is not SIGSTOP:
            victim.begin()
            cluster.webs.remove(victim)
            cluster.webs.append(victim)  # the next test begins with another one

        again = await stack.enter_async_context(client(cluster.other(victim), scene.alice))
        await again.follow(reply, stale.shown.get(reply))
        assert await again.end(reply) == (end, text)

        if how is SIGSTOP:
            before = rows.all_of(reply)
            lease = victim.row
            victim.thaw()
            if reply in stale.shown:
                assert await stale.end(reply) == (end, text)
            await stale.sync()
            # Its old lease is gone; with a new one it has seen that the reply is not its own.
            await eventually(lambda: victim.row and victim.row != lease, "a new lease")
            await eventually(lambda: victim.metric("parley_replies_live") == 0)
            assert rows.all_of(reply) == before
    await cluster.holds(hit.accepted)
