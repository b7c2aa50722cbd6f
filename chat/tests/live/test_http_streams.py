"""A reply's stream over HTTP, as `EventSource`, fetch and curl read it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import psutil
import pytest

from chat.tests import monitoring
from chat.tests.live.client import client, closing, eventually, socket
from chat.tests.live.conftest import MakeServer
from chat.tests.live.database import Database, Person
from chat.tests.live.http_client import NDJSON, SSE, ask, events, message
from chat.tests.live.server import (
    ENDLESS,
    HALF,
    LONG,
    SHORT,
    SLOW,
    THOUGHTS,
    TOO_LARGE,
    Server,
    Upstream,
)
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio

TOKEN = "the-token-of-the-tests"

REVOKE = (
    "UPDATE chat_token SET revoked = '2026-01-01 00:00:00'"
    " WHERE user_id = ? AND scopes = '[\"read\"]'"
)

BOTH = pytest.mark.parametrize("accept", [SSE, NDJSON])


async def begin(server: Server, person: Person, model: str, **fields: object) -> str:
    """A message, sent by HTTP too; the id of its reply."""
    body = message(model, **fields)
    status, accepted, _ = await ask(server, person, "POST", "/messages", body)
    assert status == 202, accepted
    reply: str = accepted["reply"]
    return reply


async def stop(server: Server, person: Person, reply: str) -> None:
    status, end, _ = await ask(server, person, "POST", f"/replies/{reply}/stop")
    assert (status, end["type"]) == (200, "end")


def ended(server: Server, reply: str) -> dict[str, Any] | None:
    row = server.database.reply(reply)
    return row if row["ended"] else None


def metric(server: Server, name: str, **labels: str) -> float:
    told = monitoring.ask(server.origin, "/metrics", Authorization=f"Bearer {TOKEN}")
    return told.sample(name, **labels)


# --- the text -----------------------------------------------------------------------------


@BOTH
async def test_a_reply_streams_until_its_end(site: Server, accept: str) -> None:
    alice = site.database.add_person("alice")
    reply = await begin(site, alice, SHORT)
    async with events(site, alice, reply, Accept=accept) as page:
        end, text = await page.end(reply)
        await page.ended()
        assert (end["status"], text) == ("complete", expected_text(SHORT))
        assert page.frames[-1]["type"] == "end"
        assert page.headers["Content-Type"].startswith(accept)
        assert page.headers["X-Accel-Buffering"] == "no"
        assert {"no-cache", "no-transform"} <= set(page.headers["Cache-Control"].split(", "))
        assert "Content-Length" not in page.headers
        assert "Content-Encoding" not in page.headers
        assert (page.retry is not None) == (accept == SSE)


async def test_without_a_wish_it_is_sse(site: Server) -> None:
    alice = site.database.add_person("alice")
    reply = await begin(site, alice, SHORT)
    for accept in ("*/*", "", "text/*", f"{NDJSON};q=0.5, {SSE}"):
        async with events(site, alice, reply, Accept=accept) as page:
            assert page.headers["Content-Type"] == "text/event-stream; charset=utf-8"


@BOTH
async def test_words_are_there_while_the_reply_still_runs(site: Server, accept: str) -> None:
    """The endpoint says half a sentence and then nothing more."""
    alice = site.database.add_person("alice")
    reply = await begin(site, alice, HALF)
    async with events(site, alice, reply, Accept=accept) as page:
        await page.has(reply, 14)
        assert page.shown[reply].end is None
        async with events(site, alice, reply, "?from=1.14.0") as resumed:
            await resumed.get("ping")  # nothing new, and yet it is heard at once
        await stop(site, alice, reply)
        end, _ = await page.end(reply)
        assert end["status"] == "stopped"


@pytest.mark.parametrize("model", [LONG, THOUGHTS])
async def test_every_transport_carries_the_same_frames_to_the_same_text(
    site: Server, model: str
) -> None:
    alice = site.database.add_person("alice")
    async with AsyncExitStack() as stack:
        page = await stack.enter_async_context(client(site, alice))
        reply = (await page.send("Tell me", model))["reply"]
        sse, lines, late = [
            await stack.enter_async_context(events(site, alice, reply, Accept=accept))
            for accept in (SSE, NDJSON, SSE)
        ]
        ends = [await one.end(reply) for one in (page, sse, lines, late)]
        assert all(one == ends[0] for one in ends)
        assert ends[0][0]["status"] == "complete"
        thoughts = {one.shown[reply].reasoning for one in (page, sse, lines, late)}
        assert len(thoughts) == 1
        if model == LONG:  # as it grew, in all of them
            for one in (page, sse, lines):
                assert len(one.of("delta")) > 25


async def test_a_client_may_change_transports_in_the_middle(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        reply = (await page.send("Tell me", LONG))["reply"]
        await page.has(reply, 100)
        has = page.shown[reply]
    for accept in (SSE, NDJSON, SSE):
        start = f"?from={has.attempt}.{len(has.text)}.{len(has.reasoning)}"
        async with events(site, alice, reply, start, has, Accept=accept) as one:
            await one.has(reply, len(has.text) + 100)
            assert one.of("snapshot") == []
            has = one.shown[reply]
    async with client(site, alice) as page:
        await page.follow(reply, has)
        end, text = await page.end(reply)
        assert (end["status"], text) == ("complete", expected_text(LONG))
        assert page.of("snapshot") == []


async def test_last_event_id_wins_over_the_address(site: Server) -> None:
    alice = site.database.add_person("alice")
    reply = await begin(site, alice, SLOW)
    async with events(site, alice, reply) as page:
        await page.has(reply, 100)
        has, last = page.shown[reply], page.last_id
    async with events(site, alice, reply, "?from=0.0.0", has, Last_Event_ID=last) as page:
        assert (await page.end(reply))[1] == expected_text(SLOW)
        assert page.of("snapshot") == []


# --- the end ------------------------------------------------------------------------------


async def test_after_the_end_there_is_nothing_to_come_back_for(site: Server) -> None:
    alice = site.database.add_person("alice")
    reply = await begin(site, alice, HALF)
    async with events(site, alice, reply) as page:
        await page.has(reply, 14)
        await stop(site, alice, reply)
        await page.end(reply)
        has, last = page.shown[reply], page.last_id
        assert last == "1.14.0.end"
    for accept in (SSE, NDJSON):
        for _ in range(2):
            async with events(site, alice, reply, Last_Event_ID=last, Accept=accept) as page:
                await page.ended()
                assert (page.status, page.body) == (204, b"")
    # Who did not hear the end hears it.
    before = last.removesuffix(".end")
    async with events(site, alice, reply, has=has, Last_Event_ID=before) as page:
        await page.ended()
        assert [frame["type"] for frame in page.frames] == ["end"]
    # And when it has gone on since, what is new.
    body = {"id": str(uuid4()), "model": f"openai/{SHORT}"}
    status, _, _ = await ask(site, alice, "POST", f"/replies/{reply}/continue", body)
    assert status == 202
    async with events(site, alice, reply, Last_Event_ID=last) as page:
        end, _ = await page.end(reply)
        assert (end["attempt"], end["status"]) == (2, "complete")


async def test_a_deleted_reply_ends_its_streams(site: Server) -> None:
    alice = site.database.add_person("alice")
    reply = await begin(site, alice, HALF)
    async with events(site, alice, reply) as page, events(site, alice, reply, Accept=NDJSON) as two:
        for one in (page, two):
            await one.has(reply, 14)
        chat = site.database.messages(alice)[0]["conversation_id"]
        (row,) = site.database.rows("SELECT uid FROM chat_conversation WHERE id = ?", chat)
        status, _, _ = await ask(site, alice, "DELETE", f"/conversations/{row['uid']}")
        assert status == 204
        for one in (page, two):
            await one.ended()
            assert one.frames[-1]["type"] == "error"
            assert one.frames[-1]["code"] == "not_found"
    async with events(site, alice, reply, Last_Event_ID="1.14.0") as page:
        assert page.status == 404


# --- who may ------------------------------------------------------------------------------


async def test_stranger_gets_what_an_unknown_id_gets_before_any_byte(site: Server) -> None:
    alice, bob = site.database.add_person("alice"), site.database.add_person("bob")
    reply = await begin(site, alice, HALF)
    question = site.database.messages(alice)[0]["uid"]
    for accept in (SSE, NDJSON):
        bodies = set()
        for uid in (reply, str(uuid4()), question):
            async with events(site, bob, uid, Accept=accept) as page:
                await page.ended()
                assert page.status == 404
                assert page.headers["Content-Type"] == "application/problem+json"
                bodies.add(page.body)
        assert len(bodies) == 1
    assert (await ask(site, bob, "GET", f"/replies/{reply}"))[0] == 404
    await stop(site, alice, reply)


@BOTH
async def test_nobody_who_is_not_logged_in_gets_a_stream(site: Server, accept: str) -> None:
    for uid in (uuid4(), uuid4()):
        async with events(site, None, str(uid), Accept=accept) as page:
            await page.ended()
            assert page.status == 401


def _log_out(database: Database, person: Person) -> None:
    database.change("DELETE FROM django_session WHERE session_key = ?", person.session)


def _change_password(database: Database, person: Person) -> None:
    database.change("UPDATE auth_user SET password = '!new' WHERE id = ?", person.id)


def _deactivate(database: Database, person: Person) -> None:
    database.change("UPDATE auth_user SET is_active = 0 WHERE id = ?", person.id)


@pytest.mark.parametrize("leave", [_log_out, _change_password])
async def test_the_end_of_a_login_ends_its_streams_and_not_the_reply(
    site: Server, leave: Callable[[Database, Person], None]
) -> None:
    alice = site.database.add_person("alice")
    reply = await begin(site, alice, LONG)  # longer than it takes
    async with events(site, alice, reply) as page, events(site, alice, reply, Accept=NDJSON) as two:
        leave(site.database, alice)
        for one in (page, two):
            await one.ended()
            assert one.of("end") == []
        async with events(site, alice, reply, Last_Event_ID=page.last_id) as again:
            assert again.status == 401  # which ends an EventSource for good
    await eventually(lambda: site.database.reply(reply)["status"] == "complete")


async def test_deactivation_ends_streams_and_reply(site: Server) -> None:
    """Chance decides which comes first: a stream may still bring the end of the reply."""
    alice = site.database.add_person("alice")
    reply = await begin(site, alice, SLOW)
    async with events(site, alice, reply) as page, events(site, alice, reply, Accept=NDJSON) as two:
        _deactivate(site.database, alice)
        for one in (page, two):
            await one.ended()
            assert {end["status"] for end in one.of("end")} <= {"stopped"}
        async with events(site, alice, reply, Last_Event_ID=page.last_id) as again:
            assert again.status == 401
    await eventually(lambda: site.database.reply(reply)["status"] == "stopped")


async def test_a_revoked_token_ends_its_streams_and_those_of_its_tickets(site: Server) -> None:
    alice = site.database.add_person("alice")
    tokens = [site.database.add_token(alice, scope) for scope in ("chat", "read")]
    status, accepted, _ = await ask(site, tokens[0], "POST", "/messages", message(LONG))
    assert status == 202
    reply = accepted["reply"]
    assert (await ask(site, tokens[1], "POST", f"/replies/{reply}/stop"))[0] == 403
    _, ticket, _ = await ask(site, tokens[1], "POST", f"/replies/{reply}/ticket")
    query = "?" + ticket["url"].partition("?")[2]
    async with (
        events(site, tokens[0], reply) as stays,
        events(site, tokens[1], reply, Accept=NDJSON) as own,
        events(site, None, reply, query) as by_ticket,
    ):
        await stays.get("snapshot")
        site.database.change(REVOKE, alice.id)
        for one in (own, by_ticket):
            await one.ended()
            assert one.of("end") == []
        async with events(site, None, reply, query) as again:
            assert again.status == 401
        assert (await stays.end(reply))[1] == expected_text(LONG)


async def test_a_ticket_opens_one_stream_for_who_cannot_send_headers(site: Server) -> None:
    alice = site.database.add_person("alice")
    reply, other = await begin(site, alice, SHORT), await begin(site, alice, SHORT)
    status, ticket, _ = await ask(site, alice, "POST", f"/replies/{reply}/ticket")
    assert status == 200
    assert ticket.keys() == {"ticket", "url", "expires"}
    path, _, query = ticket["url"].partition("?")
    assert path == f"/api/v1/replies/{reply}/events"
    async with events(site, None, reply, f"?{query}") as page:
        assert (await page.end(reply))[1] == expected_text(SHORT)
    for uid, told in ((other, query), (reply, query[:-3] + "AAA"), (reply, "ticket=")):
        async with events(site, None, uid, f"?{told}") as page:
            assert page.status == 401
    bob = site.database.add_person("bob")
    for uid in (reply, str(uuid4())):
        assert (await ask(site, bob, "POST", f"/replies/{uid}/ticket"))[0] == 404


# --- what cannot be asked -----------------------------------------------------------------


@pytest.mark.parametrize("value", ["x", "1.2", "1.2.3.4", "-1.0.0", "1.2.99999999999", "1.0.0.END"])
async def test_a_position_that_is_none_is_refused_by_name(site: Server, value: str) -> None:
    alice = site.database.add_person("alice")
    for uid in (str(uuid4()), await begin(site, alice, SHORT)):
        async with events(site, alice, uid, f"?from={value}") as page:
            await page.ended()
            assert (page.status, page.problem["field"]) == (422, "from")
        async with events(site, alice, uid, Last_Event_ID=value, Accept=NDJSON) as page:
            await page.ended()
            assert (page.status, page.problem["field"]) == (422, "Last-Event-ID")


@pytest.mark.parametrize(
    "accept", ["application/json", "image/png", "text/html", f"{SSE};q=0", "?"]
)
async def test_what_there_is_not_cannot_be_had(site: Server, accept: str) -> None:
    alice = site.database.add_person("alice")
    async with events(site, alice, await begin(site, alice, SHORT), Accept=accept) as page:
        await page.ended()
        assert (page.status, page.problem["field"]) == (406, "Accept")
        assert SSE in page.problem["detail"]
        assert NDJSON in page.problem["detail"]


# --- limits -------------------------------------------------------------------------------


async def test_streams_and_sockets_count_together(site: Server) -> None:
    alice, bob = site.database.add_person("alice"), site.database.add_person("bob")
    reply = await begin(site, alice, HALF)
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(client(site, alice))
        pages = [await stack.enter_async_context(events(site, alice, reply)) for _ in range(8)]
        for page in pages:
            await page.has(reply, 14)
        async with socket(site, alice) as late:
            assert await closing(late) == ([], 4429)
        async with events(site, alice, reply, Accept=NDJSON) as page:
            await page.ended()
            assert (page.status, page.problem["code"]) == (429, "too_many")
            assert int(page.headers["Retry-After"]) >= 1
        async with events(site, alice, reply) as page:  # a 429 would end an EventSource
            await page.ended()
            assert (page.status, page.frames) == (200, [])
            assert page.retry is not None
            assert page.retry > 1000
        body = message(SHORT)
        for accept in (SSE, NDJSON):
            status, told, _ = await ask(site, alice, "POST", "/messages", body, Accept=accept)
            assert (status, told["code"]) == (429, "too_many")
        assert len(site.database.messages(alice)) == 2, "what is refused is not stored"
        async with client(site, bob) as his:
            await his.sync()
        await pages[0].leave()
        await stack.pop_all().aclose()
    async with events(site, alice, reply, Accept=NDJSON) as page:
        await page.has(reply, 14)
    await stop(site, alice, reply)


async def test_who_leaves_is_forgotten_and_the_reply_goes_on(make_server: MakeServer) -> None:
    server = make_server(METRICS_TOKEN=TOKEN)
    server.start()
    alice = server.database.add_person("alice")
    reply = await begin(server, alice, LONG)
    async with AsyncExitStack() as stack:
        for accept in (SSE, NDJSON, SSE):
            page = await stack.enter_async_context(events(server, alice, reply, Accept=accept))
            await page.has(reply, 20)
        assert metric(server, "parley_streams", form="sse") == 2
        assert metric(server, "parley_streams", form="ndjson") == 1
        assert metric(server, "parley_followers") == 3
        assert metric(server, "parley_sockets") == 0
    await eventually(lambda: metric(server, "parley_streams") == 0)
    assert metric(server, "parley_followers") == 0
    assert server.database.reply(reply)["ended"] is None
    await eventually(lambda: server.database.reply(reply)["status"] == "complete")
    await eventually(lambda: metric(server, "parley_replies_followed") == 0)


async def test_an_open_stream_keeps_no_thread(site: Server) -> None:
    """Django has one for each request that is being answered; platforms count them."""
    alice = site.database.add_person("alice")
    reply = await begin(site, alice, HALF)
    threads = psutil.Process(site.pid).num_threads
    before = threads()
    async with AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(events(site, alice, reply)) for _ in range(8)]
        for page in pages:
            await page.has(reply, 14)
        await eventually(lambda: threads() <= before + 2)
        await stop(site, alice, reply)
        for page in pages:
            await page.end(reply)
            await page.ended()


# --- silence, and servers that end --------------------------------------------------------


async def test_silence_is_broken_and_a_reply_that_waits_is_let_go(make_server: MakeServer) -> None:
    server = make_server(
        SILENCE_SECONDS="3", SESSION_CHECK_SECONDS="0.3", QUEUED_STREAM_SECONDS="4"
    )
    server.start()
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        first = await page.send("Tell me", HALF)
        behind = await page.send(
            "Behind it", SHORT, conversation=first["conversation"], parent=first["reply"]
        )
    async with (
        events(server, alice, first["reply"]) as runs,
        events(server, alice, behind["reply"], Accept=NDJSON) as waits,
    ):
        for one in (runs, waits):
            await one.get("ping")
        await waits.ended()
        assert waits.of("end") == []
        assert waits.of("status")[-1]["status"] == "queued"
        assert runs.code is None
        await stop(server, alice, first["reply"])
        await runs.end(first["reply"])
    async with events(server, alice, behind["reply"]) as again:
        assert (await again.end(behind["reply"]))[0]["status"] == "complete"


async def test_without_its_database_a_server_cuts_no_stream_and_has_others_come_back(
    site: Server,
) -> None:
    alice = site.database.add_person("alice")
    reply = await begin(site, alice, LONG)
    async with events(site, alice, reply) as page:
        await page.has(reply, 20)
        site.database.change("ALTER TABLE django_session RENAME TO away")
        try:
            async with events(site, alice, reply) as late:  # a 503 would end an EventSource
                await late.ended()
                assert (late.status, late.frames) == (200, [])
                assert late.retry is not None
            async with events(site, alice, reply, Accept=NDJSON) as late:
                await late.ended()
                assert (late.status, late.problem["code"]) == (503, "unavailable")
                assert int(late.headers["Retry-After"]) >= 1
            await page.has(reply, len(page.shown[reply].text) + 100)
        finally:
            site.database.change("ALTER TABLE away RENAME TO django_session")
        end, text = await page.end(reply)
        assert (end["status"], text) == ("complete", expected_text(LONG))


async def test_drain_ends_streams_in_order_and_they_resume_after_it(
    make_server: MakeServer, upstream: Upstream
) -> None:
    server = make_server(DRAIN_SECONDS="5")
    server.start()
    alice = server.database.add_person("alice")
    reply, other = await begin(server, alice, ENDLESS), await begin(server, alice, LONG)
    async with (
        events(server, alice, reply) as page,
        events(server, alice, reply, Accept=NDJSON) as two,
    ):
        for one in (page, two):
            await one.has(reply, 100)
        server.signal(signal.SIGTERM)
        for one in (page, two):
            await one.ended()
            assert one.of("end") == []
        async with events(server, alice, other) as late:
            await late.ended()
            assert (late.status, late.frames) == (200, [])
            assert late.retry is not None
        async with events(server, alice, other, Accept=NDJSON) as late:
            await late.ended()
            assert (late.status, late.problem["code"]) == (503, "draining")
            assert int(late.headers["Retry-After"]) >= 1
        body = message(SHORT)
        for accept in (SSE, "application/json"):
            status, told, headers = await ask(
                server, alice, "POST", "/messages", body, Accept=accept
            )
            assert (status, told["code"]) == (503, "draining")
            assert int(headers["Retry-After"]) >= 1
        has, last = page.shown[reply], page.last_id
    assert await asyncio.to_thread(server.wait) == 0
    upstream.play("All of it 👍")
    server.start()
    async with events(server, alice, reply, has=has, Last_Event_ID=last) as page:
        end, text = await page.end(reply)
        assert (end["status"], end["attempt"], text) == ("complete", 2, "All of it 👍")


async def test_a_killed_server_cuts_streams_and_they_resume(make_server: MakeServer) -> None:
    server = make_server()
    server.start()
    alice = server.database.add_person("alice")
    reply = await begin(server, alice, LONG)
    async with events(server, alice, reply) as page:
        await page.has(reply, 100)
        server.kill()
        assert await page.closed() == -1
        has, last = page.shown[reply], page.last_id
    server.start()
    async with events(server, alice, reply, has=has, Last_Event_ID=last) as page:
        end, text = await page.end(reply)
        assert (end["status"], text) == ("complete", expected_text(LONG))


# --- who does not read --------------------------------------------------------------------


async def test_who_never_reads_costs_the_size_of_the_reply_and_no_more(
    make_server: MakeServer,
) -> None:
    """HTTP has no acknowledgements: all of it waits in the connection."""
    server = make_server(METRICS_TOKEN=TOKEN)
    server.start()
    alice = server.database.add_person("alice")
    reply = await begin(server, alice, TOO_LARGE)
    connections = []
    for _ in range(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        head = f"GET /api/v1/replies/{reply}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        writer.write(f"{head}Accept: {NDJSON}\r\nCookie: {alice.cookie}\r\n\r\n".encode())
        connections.append((reader, writer))
    row = await eventually(lambda: ended(server, reply))
    assert row is not None
    await eventually(lambda: metric(server, "parley_streams") == 0)
    assert metric(server, "parley_followers") == 0
    for reader, writer in connections:
        whole = b""
        while not whole.endswith(b"\r\n0\r\n\r\n"):
            chunk = await asyncio.wait_for(reader.read(65536), 30)
            assert chunk
            whole += chunk
        assert b'"type":"end"' in whole
        assert len(whole) < 1.2 * row["length"], "its text once, and no more"
        writer.close()
