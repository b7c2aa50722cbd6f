"""A running server as its monitors see it: readiness, numbers, and the log of a conversation."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from chat.tests.live.client import client
from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import ENDLESS, SHORT, Server
from chat.tests.monitoring import Told, ask

pytestmark = pytest.mark.asyncio

TOKEN = "the-token-of-the-tests"
FAILS = "status?code=500"
WORDS = ["Kontor", "sacks of pepper"]
PROMPT = "The Kontor has 4711 sacks of pepper"


async def until(look: Callable[[], Told], status: int, seconds: float = 20) -> Told:
    """The answer once it has this status; one look is kept for a second."""
    async with asyncio.timeout(seconds):
        while (told := await asyncio.to_thread(look)).status != status:
            await asyncio.sleep(0.2)
    return told


def ready(server: Server) -> Told:
    return ask(server.origin, "/readyz", Host="monitor.internal")


def numbers(server: Server) -> Told:
    return ask(server.origin, "/metrics", Authorization=f"Bearer {TOKEN}")


async def test_ready_until_it_drains(make_server: MakeServer) -> None:
    server = make_server(DRAIN_SECONDS="5", HTTPS="on")
    server.start()
    told = await until(lambda: ready(server), 200)
    assert told.json == {"ready": True, "missing": {}}
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        long = await page.send("A long one", ENDLESS)
        await page.has(long["reply"], 10)
        server.signal(signal.SIGTERM)
        await page.closed()
        told = await asyncio.to_thread(ready, server)
        assert (told.status, list(told.json["missing"])) == (503, ["draining"])
        alive = await asyncio.to_thread(ask, server.origin, "/healthz")
        assert alive.status == 200  # killing it now would cut the drain short
    assert server.wait() == 0


async def test_not_ready_without_its_database(make_server: MakeServer) -> None:
    server = make_server()
    server.start()
    await until(lambda: ready(server), 200)
    server.database.change("ALTER TABLE chat_process RENAME TO away")
    told = await until(lambda: ready(server), 503)
    assert told.json == {"ready": False, "missing": {"database": "OperationalError"}}
    server.database.change("ALTER TABLE away RENAME TO chat_process")
    await until(lambda: ready(server), 200)


async def test_not_ready_without_its_lease(make_server: MakeServer) -> None:
    server = make_server(LEASE_SECONDS="60")  # renewed, or taken anew, every 15 s
    server.start()
    await until(lambda: ready(server), 200)
    server.database.change("DELETE FROM chat_process")
    told = await until(lambda: ready(server), 503)
    assert told.json["missing"] == {"lease": "not held"}


async def test_not_ready_before_all_migrations(make_server: MakeServer) -> None:
    server = make_server()
    (row,) = server.database.rows(
        "SELECT * FROM django_migrations WHERE app = 'chat' ORDER BY id DESC LIMIT 1"
    )
    server.database.change("DELETE FROM django_migrations WHERE id = ?", row["id"])
    server.start()
    told = await until(lambda: ready(server), 503)
    assert "migrations" in told.json["missing"]
    server.database.change("INSERT INTO django_migrations VALUES (?, ?, ?, ?)", *row.values())
    await until(lambda: ready(server), 200)


async def test_not_ready_without_the_layer_it_is_told_to_use(make_server: MakeServer) -> None:
    server = make_server(REDIS_URL="redis://:hidden@127.0.0.1:9/0")
    server.start()
    told = await until(lambda: ready(server), 503)
    async with asyncio.timeout(20):
        while list(told.json["missing"]) != ["layer"]:
            told = await asyncio.to_thread(ready, server)
    assert "hidden" not in told.body
    assert "127.0.0.1" not in told.body


async def test_numbers_are_those_of_what_happened(make_server: MakeServer) -> None:
    server = make_server(METRICS_TOKEN=TOKEN, UPSTREAM_TRIES="2")
    server.start()
    alice = server.database.add_person("alice")
    async with client(server, alice) as page, client(server, alice) as other:
        for model in (SHORT, SHORT, FAILS):
            await page.end((await page.send("Go", model))["reply"])
        long = await page.send("A long one", ENDLESS)
        await page.has(long["reply"], 10)
        await other.follow(long["reply"])
        await other.has(long["reply"], 10)
        told = await asyncio.to_thread(numbers, server)
        await page.say("stop", reply=long["reply"])
        await page.end(long["reply"])
        await other.end(long["reply"])
    assert told.sample("parley_sockets") == 2
    assert told.sample("parley_replies_live") == 1
    assert told.sample("parley_followers") == 2
    assert told.sample("parley_replies_total") == 3
    assert told.sample("parley_replies_total", state="complete", code="") == 2
    assert told.sample("parley_replies_total", state="failed", code="upstream_error") == 1
    assert told.sample("parley_upstream_errors_total", endpoint="openai") == 2
    assert told.sample("parley_upstream_retries_total") == 1
    assert told.sample("parley_first_token_seconds_count", endpoint="openai") == 2
    usage = [json.loads(row["usage"]) for row in server.database.messages(alice) if row["usage"]]
    for kind in ("prompt", "completion"):
        stored = sum(one[f"{kind}_tokens"] for one in usage if one["completion_tokens"] == 40)
        assert told.sample("parley_tokens_total", kind=kind, model=SHORT) == stored > 0
    assert told.sample("parley_checkpoint_seconds_count") > 0
    assert told.sample("parley_event_loop_lag_seconds_count") > 0
    assert told.sample("parley_takeovers_total") == 0
    after = await asyncio.to_thread(numbers, server)
    assert after.sample("parley_replies_total", state="stopped") == 1
    assert after.sample("parley_replies_live") == after.sample("parley_followers") == 0


async def test_a_take_over_is_counted_by_who_takes_over(make_server: MakeServer) -> None:
    server = make_server(METRICS_TOKEN=TOKEN)
    server.start()
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        long = await page.send("A long one", ENDLESS)
        await page.has(long["reply"], 10)
        server.kill()
    server.start()
    told = await until(lambda: numbers(server), 200)
    async with asyncio.timeout(20):
        while not told.sample("parley_takeovers_total"):
            told = await asyncio.to_thread(numbers, server)
    assert told.sample("parley_takeovers_total") == 1


async def test_the_log_of_a_conversation_has_its_ids_and_none_of_its_words(
    make_server: MakeServer,
) -> None:
    server = make_server(
        METRICS_TOKEN=TOKEN, LOG_LEVEL="INFO", LOG_FORMAT="json", TRUSTED_PROXIES="*"
    )
    server.start()
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        done = await page.send(PROMPT, SHORT)
        _, text = await page.end(done["reply"])
        failed = await page.send(PROMPT, FAILS)
        await page.end(failed["reply"])
    chat = done["conversation"]
    await asyncio.to_thread(
        lambda: ask(
            server.origin,
            f"/api/v1/conversations/{chat}?q={WORDS[0]}",
            Cookie=alice.cookie,
            **{"X-Request-ID": "0c1f-from-the-router"},
        )
    )
    fields = {"id": str(uuid4()), "conversation": None, "parent": None, "text": PROMPT}
    body = fields | {"model": f"openai/{SHORT}"}
    _, posted = await asyncio.to_thread(server.ask, alice, "POST", "/api/v1/messages", body)
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    lines: list[dict[str, Any]] = [json.loads(line) for line in server.log.splitlines()]

    def of(event: str, **facts: object) -> dict[str, Any]:
        (line,) = (one for one in lines if one["event"] == event and facts.items() <= one.items())
        return line

    opened, closed = of("socket opened"), of("socket closed")
    assert opened["user"] == closed["user"] == str(alice.id)
    assert opened["request"] == closed["request"]
    assert closed["code"] == 1000
    about = {"conversation": chat, "reply": str(UUID(done["reply"])), "attempt": 1}
    assert of("reply claimed", **about)["model"] == f"openai/{SHORT}"
    ended = of("reply ended", **about)
    assert (ended["state"], ended["completion_tokens"]) == ("complete", 40)
    assert ended["ms"] >= ended["first_token_ms"] >= 0
    ended = of("reply ended", reply=failed["reply"])
    assert (ended["state"], ended["code"]) == ("failed", "upstream_error")
    (warning,) = (one for one in lines if "upstream upstream_error" in one["event"])
    assert warning["conversation"] == failed["conversation"]
    request = of("request", request="0c1f-from-the-router")
    assert (request["conversation"], request["user"]) == (chat, str(alice.id))

    request = of("request", route="/api/v1/messages", status=202)
    assert request["conversation"] == posted["conversation"]
    assert request["reply"] == posted["reply"]

    secrets = [*WORDS, alice.session, TOKEN, "q=", *text.split("\n")[:2]]
    assert [secret for secret in secrets if secret in server.log] == []
