"""A process is killed, stopped or told to end at each step of moving shown text to the thoughts.

The text is shown as the answer until the tag comes that ends the thoughts. Then the owner stores
both texts anew as its next attempt, and shows them. Followers sit where the reply is produced and
elsewhere.
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from signal import SIGKILL, SIGSTOP, SIGTERM

import psycopg
import pytest

from chat.tests.cluster.cluster import Cluster, Node
from chat.tests.cluster.conftest import MakeCluster
from chat.tests.cluster.rows import Rows
from chat.tests.cluster.test_steps import Scene
from chat.tests.live.client import Client, Frame, client, eventually
from chat.tests.live.server import LONG, MODELS, Upstream

pytestmark = pytest.mark.asyncio

THOUGHTS, ANSWER = "I greet back, and say so at some length. " * 3 + "So be it.", "Hello!"
SAID = f"{THOUGHTS}</think>\n\n{ANSWER}"

GATE = 4711
"""The lock for which a commit waits that moves a text."""


@pytest.fixture(autouse=True)
def _nothing_left(upstream: Upstream) -> Iterator[None]:
    """Drop answers of the endpoint that a test has left for the next one."""
    yield
    upstream.stop_playing()


def plays(upstream: Upstream) -> None:
    """The endpoint answers the next request so: thoughts that the template has opened."""
    upstream.play(SAID, splits=list(range(4, len(SAID), 4)), rate=12)


@contextmanager
def gate(rows: Rows) -> Iterator[None]:
    """A commit that raises the attempt of a running reply waits while this is held.

    Postgres carries it out once the lock is free, whatever has become of the process by then.
    """
    rows.change(
        "CREATE OR REPLACE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN PERFORM pg_advisory_xact_lock({GATE}); RETURN NULL; END $$"
    )
    rows.change(
        "CREATE CONSTRAINT TRIGGER gate AFTER UPDATE ON chat_message"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        " WHEN (NEW.attempt > OLD.attempt AND OLD.status = 'running')"
        " EXECUTE FUNCTION wait_at_gate()"
    )
    try:
        with psycopg.connect(rows.url) as connection:
            connection.execute(f"SELECT pg_advisory_lock({GATE})".encode())
            yield
    finally:
        rows.change("DROP TRIGGER IF EXISTS gate ON chat_message")


async def shown_as_answer(scene: Scene, model: str) -> tuple[Frame, Node]:
    """The thoughts are shown as the answer on both pages, and some of them are stored."""
    plays(scene.upstream)
    accepted, victim = await scene.produced(model)
    reply = accepted["reply"]
    for node in scene.cluster.webs:
        await (await scene.page(node)).has(reply, 8)
    await eventually(lambda: scene.rows.text(reply), "a checkpoint")
    return accepted, victim


async def until_sent(scene: Scene) -> None:
    """The endpoint has sent all of it, so the tag, too."""
    await eventually(
        lambda: all(one["ended"] for one in scene.upstream.requests(scene.about)), "all is sent"
    )


type Hit = tuple[Frame, Node]


@asynccontextmanager
async def before_the_commit(scene: Scene, model: str) -> AsyncIterator[Hit]:
    """The tag has come, and the row is locked by somebody else."""
    accepted, victim = await shown_as_answer(scene, model)
    reply = accepted["reply"]
    with scene.rows.locked("chat_message", "uid = ?", reply):
        await until_sent(scene)
        await eventually(lambda: scene.rows.waits(victim), "the move waits")
        victim.freeze()
        assert scene.rows.reply(reply)["attempt"] == 1
        yield accepted, victim


@asynccontextmanager
async def before_it_is_shown(scene: Scene, model: str) -> AsyncIterator[Hit]:
    """Both texts are stored, and the process does not know it yet."""
    with ExitStack() as release:
        release.enter_context(gate(scene.rows))
        accepted, victim = await shown_as_answer(scene, model)
        await eventually(lambda: scene.rows.waits(victim), "the commit waits")
        victim.freeze()
        release.close()
        reply = accepted["reply"]
        await eventually(lambda: scene.rows.reply(reply)["attempt"] == 2, "the commit")
        assert scene.rows.reply(reply)["status"] == "running"
        yield accepted, victim


@asynccontextmanager
async def just_after_it_is_shown(scene: Scene, model: str) -> AsyncIterator[Hit]:
    """Followers in the producing process have both texts, and the end is not stored."""
    rows = scene.rows
    accepted, victim = await shown_as_answer(scene, model)
    with rows.locked("chat_counter", "user_id = ?", scene.alice.id):
        page, reply = await scene.page(victim), accepted["reply"]
        await page.until(lambda: page.shown[reply].attempt == 2 or None, "both texts")
        await eventually(lambda: rows.waits(victim), "the end waits")
        victim.freeze()
        yield accepted, victim


STEPS = {
    step.__name__: step for step in (before_the_commit, before_it_is_shown, just_after_it_is_shown)
}


def model_of(step: str, how: signal.Signals) -> str:
    """A model of its own: one that is known to begin in its thoughts has nothing to move."""
    return MODELS[8 + 3 * list(STEPS).index(step) + [SIGKILL, SIGSTOP, SIGTERM].index(how)]


async def right(page: Client, rows: Rows, reply: str) -> Frame:
    """Check that the page shows the stored texts in the end, each once and in its place."""
    end, text = await page.end(reply)
    assert (end["status"], text, page.shown[reply].reasoning) == ("complete", ANSWER, THOUGHTS)
    row = rows.reply(reply)
    assert (row["text"], row["reasoning"]) == (ANSWER, THOUGHTS)
    assert row["sha256"] == end["sha256"] == hashlib.sha256(ANSWER.encode()).hexdigest()
    assert row["attempt"] == end["attempt"]
    numbers = rows.rows("SELECT number FROM chat_attempt WHERE reply_id = ?", row["id"])
    assert max(one["number"] for one in numbers) == row["attempt"]
    return end


async def outlives(cluster: Cluster, upstream: Upstream, step: str, how: signal.Signals) -> None:
    """Hit the process at this step, and see the reply end rightly for everybody."""
    rows = cluster.database
    async with AsyncExitStack() as stack:
        scene = Scene(cluster, upstream, stack)
        async with STEPS[step](scene, model_of(step, how)) as (accepted, victim):
            reply = accepted["reply"]
            plays(upstream)  # whoever takes it up begins anew
            stale, watching = await scene.page(victim), await scene.page(cluster.other(victim))
            match how:
                case signal.SIGKILL:
                    victim.kill()
                case signal.SIGTERM:
                    victim.signal(SIGTERM)
                    victim.thaw()
        if how is SIGTERM:
            assert await asyncio.to_thread(victim.wait) == 0
        end = await right(watching, rows, reply)
        assert rows.reply(reply)["faults"] == int(how is not SIGTERM)
        if how is not SIGSTOP:
            victim.begin()
            victim.until_it_answers()
        again = await stack.enter_async_context(client(cluster.other(victim), scene.alice))
        await again.follow(reply, stale.shown.get(reply))
        assert await right(again, rows, reply) == end
        if how is SIGSTOP:
            before = rows.all_of(reply)
            lease = victim.row
            victim.thaw()
            assert await right(stale, rows, reply) == end
            await eventually(lambda: victim.row and victim.row != lease, "a new lease")
            await eventually(lambda: victim.metric("parley_replies_live") == 0)
            assert rows.all_of(reply) == before
    await cluster.holds(accepted)


@pytest.mark.parametrize("how", [SIGKILL, SIGSTOP, SIGTERM], ids=lambda how: how.name)
@pytest.mark.parametrize("step", STEPS)
async def test_a_moved_text_outlives_its_process(
    pair: Cluster, upstream: Upstream, step: str, how: signal.Signals
) -> None:
    await outlives(pair, upstream, step, how)


async def test_a_moved_text_outlives_its_process_without_redis(
    make_cluster: MakeCluster, upstream: Upstream
) -> None:
    cluster = make_cluster(2, redis=False)
    for step in STEPS:
        await outlives(cluster, upstream, step, SIGKILL)


@pytest.mark.parametrize("redis", [True, False], ids=["redis", "rows"])
async def test_everybody_sees_the_move_and_a_stop_in_its_middle(
    make_cluster: MakeCluster, upstream: Upstream, redis: bool
) -> None:
    cluster = make_cluster(2, redis=redis)
    rows = cluster.database
    async with AsyncExitStack() as stack:
        scene = Scene(cluster, upstream, stack)
        accepted, _ = await shown_as_answer(scene, LONG)
        for node in cluster.webs:
            page = await scene.page(node)
            await right(page, rows, accepted["reply"])
            moved = [one for one in page.of("snapshot") if one["attempt"] == 2]
            assert moved
            assert all(ANSWER.startswith(one["text"]) for one in moved)
    await cluster.holds(accepted)
    async with AsyncExitStack() as stack:
        scene = Scene(cluster, upstream, stack)
        with ExitStack() as release:
            release.enter_context(gate(rows))
            accepted, producer = await shown_as_answer(scene, MODELS[8])
            reply = accepted["reply"]
            await eventually(lambda: rows.waits(producer), "the commit waits")
            elsewhere = await scene.page(cluster.other(producer))
            await elsewhere.say("stop", reply=reply)
        for node in cluster.webs:
            page = await scene.page(node)
            end, text = await page.end(reply)
            row = rows.reply(reply)
            assert end["status"] == row["status"]
            assert (row["text"], row["reasoning"]) == (text, page.shown[reply].reasoning)
            # Told apart or, where the stop came first, not: never lost, doubled or mixed.
            if row["reasoning"]:
                assert ANSWER.startswith(text)
                assert row["reasoning"] == THOUGHTS
            else:
                assert SAID.startswith(text)
    await cluster.holds(accepted)
