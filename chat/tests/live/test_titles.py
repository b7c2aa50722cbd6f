"""Titles by a model, in a running server: after the first reply, and never in the way."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from chat.tests import monitoring
from chat.tests.live.client import Client, Frame, client, eventually
from chat.tests.live.conftest import MakeServer
from chat.tests.live.database import Person
from chat.tests.live.server import Server
from chat.tests.live.titled import ANSWER, asked, model, titled
from fake_endpoint import SCENARIOS, FakeEndpoint

pytestmark = pytest.mark.asyncio

QUESTION = "Write a haiku about a frog"
TOKEN = "the-token-of-the-tests"
RESULTS = ("stored", "late", "refused", "failed", "paused", "yielded", "crowded", "no_model")


@pytest.fixture(autouse=True)
def _scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCENARIOS, "titled", titled)


@asynccontextmanager
async def titling(
    make_server: MakeServer, *models: str, **settings: str
) -> AsyncIterator[tuple[Server, FakeEndpoint, Person]]:
    """A server that offers these models, and titles by them."""
    async with FakeEndpoint() as endpoint:
        server = make_server(
            upstream_url=endpoint.url, TITLES="model", CHAT_MODEL=",".join(models),
            METRICS_TOKEN=TOKEN, **settings,
        )  # fmt: skip
        server.start()
        yield server, endpoint, server.database.add_person("alice")


async def sent(page: Client, name: str, below: Frame | None = None) -> Frame:
    """A message whose reply has ended, complete."""
    place = {"conversation": below["conversation"], "parent": below["reply"]} if below else {}
    accepted = await page.send(QUESTION, name, **place)
    end, text = await page.end(accepted["reply"])
    assert (end["status"], text) == ("complete", ANSWER)
    return accepted


async def has_title(page: Client, accepted: Frame, title: str) -> Frame:
    """The frame with which the page hears of the title."""

    def told() -> Frame | None:
        rows = [frame for frame in page.frames if frame["type"] == "conversation"]
        named = [frame for frame in rows if frame["conversation"].get("title") == title]
        return named[0] if named else None

    frame = await page.until(told, f"title {title}")
    assert frame["conversation"]["id"] == accepted["conversation"]
    return frame


def row(server: Server) -> dict[str, Any]:
    (found,) = server.database.rows("SELECT * FROM chat_conversation")
    return found


async def results(server: Server, *expected: str) -> None:
    """Wait until the titles have had these results, and no other ones."""

    def found() -> bool:
        told = monitoring.ask(server.origin, "/metrics", Authorization=f"Bearer {TOKEN}")
        return all(
            told.sample("parley_titles_total", result=one) == expected.count(one) for one in RESULTS
        )

    await eventually(found, str(expected))


async def test_first_reply_gets_a_title_that_both_tabs_hear_of(make_server: MakeServer) -> None:
    name = model('"**Frösche** im Teich."')
    async with (
        titling(make_server, name) as (server, endpoint, alice),
        client(server, alice) as page,
        client(server, alice) as other,
    ):
        accepted = await sent(page, name)
        for tab in (page, other):
            frame = await has_title(tab, accepted, "Frösche im Teich")
            assert (frame["event"], frame["conversation"]["running"]) == ("updated", False)
        (body,) = asked(endpoint)
        assert (body["max_tokens"], "temperature" in body) == (32, False)
        assert QUESTION in body["messages"][1]["content"]
        assert ANSWER in body["messages"][1]["content"]
        await sent(page, name, below=accepted)
        await results(server, "stored")
        assert len(asked(endpoint)) == 1
        assert row(server)["title_words"] == " frosche im teich "
        status, found = server.ask(alice, "POST", "/api/v1/search", {"q": "frosche"})
        assert (status, len(found["results"])) == (200, 1)
        assert "frog" not in server.log
        assert "Frösche" not in server.log


@pytest.mark.parametrize("act", ["rename", "remove", "kill"])
async def test_what_comes_in_between_wins(make_server: MakeServer, act: str) -> None:
    name = model("Frogs", wait=1)
    async with titling(make_server, name, UNDO_SECONDS="0") as (server, endpoint, alice):
        async with client(server, alice) as page:
            accepted = await sent(page, name)
            await eventually(lambda: asked(endpoint))
            path = f"/api/v1/conversations/{accepted['conversation']}"
            if act == "rename":
                assert server.ask(alice, "PATCH", path, {"title": "Mine"})[0] == 200
            elif act == "remove":
                assert server.ask(alice, "DELETE", path)[0] < 300
            else:
                server.kill()
        if act == "kill":
            server.start()
            assert row(server)["title"] == QUESTION
            async with client(server, alice) as page:
                await sent(page, name, below=accepted)
                await has_title(page, accepted, "Frogs")  # the next reply makes up for it
        else:
            await results(server, "late")
            titles = [
                one["title"] for one in server.database.rows("SELECT * FROM chat_conversation")
            ]
            assert titles == (["Mine"] if act == "rename" else [])


async def test_endpoint_that_fails_is_left_alone(make_server: MakeServer) -> None:
    name = model("Frogs", how="status?code=500")
    async with (
        titling(make_server, name, UPSTREAM_TRIES="3") as (server, endpoint, alice),
        client(server, alice) as page,
    ):
        await sent(page, name)
        await results(server, "failed")
        await sent(page, name)
        await results(server, "failed", "paused")
        assert len(asked(endpoint)) == 1
        titles = {one["title"] for one in server.database.rows("SELECT * FROM chat_conversation")}
        assert titles == {QUESTION}


@pytest.mark.parametrize(
    ("name", "tries"),
    [
        (model("<think>A pond?</think>Frogs"), 1),
        (model("Frogs", thinks=1), 2),
        (model("Frogs", how="no-stream"), 2),
        (model("Frogs", how="refuses?setting=max_tokens"), 2),
    ],
    ids=["tags", "thinks", "no-stream", "no-limit"],
)
async def test_models_of_all_kinds_give_one(make_server: MakeServer, name: str, tries: int) -> None:
    async with (
        titling(make_server, name) as (server, endpoint, alice),
        client(server, alice) as page,
    ):
        accepted = await sent(page, name)
        await results(server, "stored")
        assert len(asked(endpoint)) == tries
        title = row(server)["title"]
        assert title == ("Frogs" if "how" not in name else "Hello, wörld 👍")
        await has_title(page, accepted, title)
        if "thinks" in name:
            await sent(page, name)
            await results(server, "stored", "stored")
            assert [body["max_tokens"] for body in asked(endpoint)] == [32, 2000, 2000]


async def test_answer_that_is_no_title_is_not_asked_for_again(make_server: MakeServer) -> None:
    name = model("I'm sorry, but I can't help with that.")
    async with (
        titling(make_server, name) as (server, endpoint, alice),
        client(server, alice) as page,
    ):
        await sent(page, name)
        await results(server, "refused")
        assert len(asked(endpoint)) == 1
        assert row(server)["title"] == QUESTION


async def test_next_message_does_not_wait_for_the_title(make_server: MakeServer) -> None:
    slow, quick = model("Frogs", wait=600), model("Frogs")
    async with (
        titling(make_server, slow, quick, RUNNING_REPLIES_PER_USER="1") as (
            server,
            endpoint,
            alice,
        ),
        client(server, alice) as page,
    ):
        accepted = await sent(page, slow)
        await eventually(lambda: asked(endpoint))
        await sent(page, quick, below=accepted)
        await results(server, "yielded", "stored")
        await has_title(page, accepted, "Frogs")


async def test_drain_gives_titles_up(make_server: MakeServer) -> None:
    slow = model("Frogs", wait=600)
    async with titling(make_server, slow) as (server, endpoint, alice):
        async with client(server, alice) as page:
            await sent(page, slow)
            await eventually(lambda: asked(endpoint))
            server.signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.wait, 10) == 0


async def test_few_are_asked_for_at_once(make_server: MakeServer) -> None:
    slow = model("Frogs", wait=600)
    async with titling(make_server, slow) as (server, endpoint, alice):
        people = [server.database.add_person(f"person-{n}") for n in range(4)]
        for person in people:
            async with client(server, person) as page:
                await sent(page, slow)
        await eventually(lambda: len(asked(endpoint)) == 2)
        async with client(server, alice) as page:
            await sent(page, slow)
        assert len(asked(endpoint)) == 2


async def test_temporary_conversations_are_not_titled(
    make_server: MakeServer,
) -> None:
    name = model("Frogs")
    async with (
        titling(make_server, name) as (server, endpoint, alice),
        client(server, alice) as page,
    ):
        accepted = await page.ask(
            "accepted", "send", id="4a4a3d50-0d0c-4a57-8d0c-3f1c2b1a0f00", conversation=None,
            parent=None, text=QUESTION, model=f"openai/{name}", temporary=True,
        )  # fmt: skip
        await page.end(accepted["reply"])
        await sent(page, name)
        await results(server, "stored")
        assert len(asked(endpoint)) == 1
