"""API tokens at a running server: what they open, for how long, and what is told of them."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Callable

import pytest
from websockets.asyncio.client import connect

from chat.tests.live.client import closing
from chat.tests.live.conftest import MakeServer
from chat.tests.live.database import Database, Person
from chat.tests.live.http_client import NDJSON, SSE, ask, events, message
from chat.tests.live.server import ENDLESS, Server

pytestmark = pytest.mark.asyncio


async def begin(server: Server, who: Person | str) -> str:
    """A reply that is still being written when the test has seen what it wants to see."""
    status, accepted, _ = await ask(server, who, "POST", "/messages", message(ENDLESS))
    assert status == 202, accepted
    reply: str = accepted["reply"]
    return reply


async def stop(server: Server, person: Person, *replies: str) -> None:
    """End them, whatever the test did to the login that asked for them."""
    server.database.change("UPDATE auth_user SET is_active = 1 WHERE id = ?", person.id)
    again = server.database.log_in(person)
    for reply in replies:
        assert (await ask(server, again, "POST", f"/replies/{reply}/stop"))[0] == 200


def _revoke(database: Database, person: Person) -> None:
    database.change("UPDATE chat_token SET revoked = created WHERE user_id = ?", person.id)


def _expire(database: Database, person: Person) -> None:
    database.change("UPDATE chat_token SET expires = created WHERE user_id = ?", person.id)


def _deactivate(database: Database, person: Person) -> None:
    database.change("UPDATE auth_user SET is_active = 0 WHERE id = ?", person.id)


def _log_out(database: Database, person: Person) -> None:
    database.change("DELETE FROM django_session WHERE session_key = ?", person.session)


@pytest.mark.parametrize("accept", [SSE, NDJSON])
@pytest.mark.parametrize("end", [_revoke, _expire, _deactivate])
async def test_what_ends_a_token_ends_its_streams(
    site: Server, accept: str, end: Callable[[Database, Person], None]
) -> None:
    alice, bob = site.database.add_person("alice"), site.database.add_person("bob")
    token = site.database.add_token(alice, "chat")
    his = site.database.add_token(bob, "chat")
    reply, other = await begin(site, token), await begin(site, his)
    async with (
        events(site, token, reply, Accept=accept) as one,
        events(site, his, other, Accept=accept) as two,
    ):
        await one.has(reply, 5)
        end(site.database, alice)
        await one.ended()
        # Deactivation stops the reply, too, and its stream may still tell that.
        stopped = {"stopped"} if end is _deactivate else set()
        assert {told["status"] for told in one.of("end")} <= stopped
        status, answer, headers = await ask(site, token, "GET", f"/replies/{reply}")
        assert (status, answer["code"]) == (401, "bad_token")
        assert headers["WWW-Authenticate"].startswith("Bearer")
        await two.has(other, len(two.shown[other].text) + 5)
        await stop(site, bob, other)
        assert (await two.end(other))[0]["status"] == "stopped"
    await stop(site, alice, reply)


async def test_a_log_out_leaves_the_streams_of_tokens(site: Server) -> None:
    alice = site.database.add_person("alice")
    token = site.database.add_token(alice, "chat")
    reply = await begin(site, token)
    async with events(site, token, reply) as page, events(site, alice, reply) as own:
        _log_out(site.database, alice)
        await own.ended()
        assert own.of("end") == []
        await stop(site, alice, reply)
        assert (await page.end(reply))[0]["status"] == "stopped"


@pytest.mark.parametrize(("by", "end"), [("token", _revoke), ("cookie", _log_out)])
async def test_a_stream_opened_by_ticket_ends_with_the_login_that_made_it(
    site: Server, by: str, end: Callable[[Database, Person], None]
) -> None:
    alice = site.database.add_person("alice")
    who = site.database.add_token(alice, "chat") if by == "token" else alice
    reply = await begin(site, who)
    _, ticket, _ = await ask(site, who, "POST", f"/replies/{reply}/ticket")
    query = f"?ticket={ticket['ticket']}"
    async with events(site, None, reply, query) as page:
        await page.has(reply, 5)
        end(site.database, alice)
        await page.ended()
        assert page.of("end") == []
    async with events(site, None, reply, query) as again:
        await again.ended()
        assert again.status == 401
    assert ticket["ticket"] not in site.log
    await stop(site, alice, reply)


async def test_the_socket_knows_no_tokens(site: Server) -> None:
    alice = site.database.add_person("alice")
    token = site.database.add_token(alice, "chat", "read", "export")
    for path in ("/ws/chat/", f"/ws/chat/?token={token}"):
        async with connect(
            f"ws://127.0.0.1:{site.port}{path}",
            additional_headers={"Authorization": f"Bearer {token}", "Origin": site.origin},
            proxy=None,
        ) as connection:
            assert await closing(connection) == ([], 4401)
    assert token not in site.log


async def test_a_token_in_an_address_is_refused_and_reaches_no_log(make_server: MakeServer) -> None:
    site = make_server(LOG_LEVEL="DEBUG")
    site.start()
    alice = site.database.add_person("alice")
    token = site.database.add_token(alice, "read")
    for name in ("token", "access_token", "api_key", "key"):
        status, answer, _ = await ask(site, None, "GET", f"/models?{name}={token}")
        assert (status, answer["code"]) == (400, "token_in_url")
        assert token not in str(answer)
    for path in (f"/{token}", f"/api/v1/{token}", f"/accounts/tokens/?x={token}", f"/v1/x/{token}"):
        await asyncio.to_thread(_get, site, path, [])
    assert "request" in site.log
    assert token not in site.log
    assert token[8:] not in site.log


async def test_of_two_headers_none_counts(site: Server) -> None:
    alice = site.database.add_person("alice")
    token = site.database.add_token(alice, "read")
    header = ("Authorization", f"Bearer {token}")
    assert await asyncio.to_thread(_get, site, "/api/v1/models", [header]) == 200
    for other in (header, ("Authorization", "Basic eDp5"), ("Authorization", "")):
        for both in ([header, other], [other, header]):
            assert await asyncio.to_thread(_get, site, "/api/v1/models", both) == 401, both


def _get(server: Server, path: str, headers: list[tuple[str, str]]) -> int:
    """The status, with each header sent as often as it is given."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.putrequest("GET", path)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()


async def test_last_use_is_noted_once_for_many_requests(site: Server) -> None:
    alice = site.database.add_person("alice")
    token = site.database.add_token(alice, "read")

    def noted() -> str | None:
        (row,) = site.database.rows("SELECT last_used FROM chat_token WHERE user_id = ?", alice.id)
        found: str | None = row["last_used"]
        return found

    assert noted() is None
    assert (await ask(site, token, "GET", "/models"))[0] == 200
    first = noted()
    assert first is not None
    answers = await asyncio.gather(*(ask(site, token, "GET", "/models") for _ in range(10)))
    assert {status for status, _, _ in answers} == {200}
    assert noted() == first


async def test_a_named_site_follows_a_stream_as_it_comes(make_server: MakeServer) -> None:
    """The middleware for other sites holds no chunk back."""
    origin = "https://app.example"
    site = make_server(CORS_ALLOWED_ORIGINS=origin)
    site.start()
    alice = site.database.add_person("alice")
    token = site.database.add_token(alice, "chat")
    reply = await begin(site, token)
    for accept in (SSE, NDJSON):
        async with events(site, token, reply, Accept=accept, Origin=origin) as page:
            assert page.headers["Access-Control-Allow-Origin"] == origin
            assert "Access-Control-Allow-Credentials" not in page.headers
            await page.has(reply, 5)
            assert site.database.reply(reply)["ended"] is None
        async with events(site, token, reply, Accept=accept, Origin="https://evil.example") as page:
            assert "Access-Control-Allow-Origin" not in page.headers
    await stop(site, alice, reply)
