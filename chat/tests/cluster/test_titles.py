"""Titles by a model on Postgres: by jobs, which any process takes that produces."""

from __future__ import annotations

from typing import Any

import pytest

from chat.tests.cluster.cluster import Cluster
from chat.tests.cluster.conftest import MakeCluster
from chat.tests.live.client import Client, Frame, client, eventually
from chat.tests.live.titled import ANSWER, asked, model, titled
from fake_endpoint import SCENARIOS, FakeEndpoint

pytestmark = pytest.mark.asyncio

QUESTION = "Write a haiku about a frog"


@pytest.fixture(autouse=True)
def _scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCENARIOS, "titled", titled)


async def sent(page: Client, name: str, below: Frame | None = None) -> Frame:
    """A message whose reply has ended, complete."""
    place = {"conversation": below["conversation"], "parent": below["reply"]} if below else {}
    accepted = await page.send(QUESTION, name, **place)
    end, text = await page.end(accepted["reply"])
    assert (end["status"], text) == ("complete", ANSWER)
    return accepted


async def has_title(page: Client, title: str) -> None:
    """Wait until the page hears of the title."""

    def told() -> Frame | None:
        rows = [frame for frame in page.frames if frame["type"] == "conversation"]
        return next((one for one in rows if one["conversation"]["title"] == title), None)

    await page.until(told, title)


def jobs(cluster: Cluster) -> list[dict[str, Any]]:
    """The titles that wait as jobs, or are being taken."""
    return cluster.database.rows("SELECT * FROM procrastinate_jobs WHERE queue_name = 'titles'")


async def test_worker_titles_what_it_has_produced(make_cluster: MakeCluster) -> None:
    name = model("Frogs")
    async with FakeEndpoint() as endpoint:
        cluster = make_cluster(
            2, 1, WORKERS="separate", TITLES="model", CHAT_MODEL=name, OPENAI_BASE_URL=endpoint.url
        )
        one, two = cluster.webs
        alice = cluster.database.add_person("alice")
        async with client(one, alice) as page, client(two, alice) as other:
            accepted = await sent(page, name)
            await has_title(page, "Frogs")
            await has_title(other, "Frogs")
            await sent(page, name, below=accepted)
            assert len(asked(endpoint)) == 1
        await eventually(lambda: not jobs(cluster))
        (row,) = cluster.database.rows("SELECT * FROM chat_conversation")
        assert (row["title"], row["title_origin"]) == ("Frogs", "model")


async def test_job_waits_for_a_process_and_one_in_hand_dies_with_it(
    make_cluster: MakeCluster,
) -> None:
    slow, quick = model("Slow frogs", wait=600), model("Frogs")
    async with FakeEndpoint() as endpoint:
        cluster = make_cluster(
            1, TITLES="model", CHAT_MODEL=f"{slow},{quick}", OPENAI_BASE_URL=endpoint.url
        )
        (web,) = cluster.webs
        alice = cluster.database.add_person("alice")
        async with client(web, alice) as page:
            accepted = await sent(page, slow)
            await eventually(lambda: asked(endpoint))
            web.kill()
        cluster.heal()
        async with client(web, alice) as page:
            (row,) = cluster.database.rows("SELECT * FROM chat_conversation")
            assert (row["title"], row["title_origin"], row["running"]) == (QUESTION, "", False)
            await sent(page, quick, below=accepted)
            await has_title(page, "Frogs")

            # A job that nobody has taken yet is as good as new.
            second = await sent(page, quick)
            await eventually(lambda: len(asked(endpoint)) == 3)
            place = second["conversation"]
            cluster.database.change(
                "UPDATE chat_conversation SET title = ?, title_origin = '' WHERE uid = ?",
                QUESTION, place,
            )  # fmt: skip
            reply = cluster.database.reply(second["reply"])["id"]
            web.kill()
            cluster.database.change(
                "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('titles', 'chat.title', -1, NULL,"
                f" NULL, '{{\"reply\": {reply}}}'::jsonb, NULL)::procrastinate_job_to_defer_v1])"
            )
        cluster.heal()
        await eventually(lambda: len(asked(endpoint)) == 4)
        await eventually(
            lambda: cluster.database.rows(
                "SELECT 1 FROM chat_conversation WHERE uid = ? AND title = 'Frogs'", place
            )
        )
        await eventually(lambda: not jobs(cluster))


async def test_endpoint_that_fails_gets_no_second_job(make_cluster: MakeCluster) -> None:
    name = model("Frogs", how="status?code=500")
    async with FakeEndpoint() as endpoint:
        cluster = make_cluster(1, TITLES="model", CHAT_MODEL=name, OPENAI_BASE_URL=endpoint.url)
        (web,) = cluster.webs
        alice = cluster.database.add_person("alice")
        async with client(web, alice) as page:
            accepted = await sent(page, name)
            await eventually(lambda: web.metric("parley_titles_total") == 1)
            await sent(page, name, below=accepted)
            await eventually(lambda: web.metric("parley_titles_total") == 2)
        assert len(asked(endpoint)) == 1
        assert not jobs(cluster)
