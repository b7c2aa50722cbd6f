"""A socket lives as long as the login it was opened with."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable

import pytest

from chat.tests.live.client import Client, client, closing, socket
from chat.tests.live.database import Database, Person
from chat.tests.live.server import LONG, SHORT, Server

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("session", ["", "x", "a" * 32, "ä;=", "../../x", "\x01"])
async def test_without_a_login_the_socket_is_accepted_and_closed(
    site: Server, session: str
) -> None:
    """Accepted, because a page cannot tell why a handshake was refused."""
    nobody = Person(0, "nobody", session) if session.isascii() and session > " " else None
    async with socket(site, nobody) as connection:
        assert await closing(connection) == ([], 4401)


def _log_out(database: Database, person: Person) -> None:
    database.change("DELETE FROM django_session WHERE session_key = ?", person.session)


def _expire(database: Database, person: Person) -> None:
    database.change(
        "UPDATE django_session SET expire_date = '2020-01-01' WHERE session_key = ?",
        person.session,
    )


def _change_password(database: Database, person: Person) -> None:
    database.change("UPDATE auth_user SET password = '!new' WHERE id = ?", person.id)


def _deactivate(database: Database, person: Person) -> None:
    database.change("UPDATE auth_user SET is_active = 0 WHERE id = ?", person.id)


def _delete(database: Database, person: Person) -> None:
    database.change("DELETE FROM chat_counter WHERE user_id = ?", person.id)
    database.change("DELETE FROM auth_user WHERE id = ?", person.id)


@pytest.mark.parametrize("end", [_log_out, _expire, _change_password, _deactivate, _delete])
async def test_end_of_the_login_closes_its_sockets(
    site: Server, end: Callable[[Database, Person], None]
) -> None:
    alice, bob = site.database.add_person("alice"), site.database.add_person("bob")
    async with client(site, alice) as one, client(site, alice) as two, client(site, bob) as his:
        end(site.database, alice)
        for page in (one, two):
            assert await page.closed() == 4401
        await his.sync()
        assert his.code is None
    async with socket(site, alice) as again:
        assert await closing(again) == ([], 4401)


async def test_other_login_of_the_same_person_stays(site: Server) -> None:
    alice = site.database.add_person("alice")
    phone = site.database.log_in(alice)
    async with client(site, alice) as one, client(site, phone) as two:
        _log_out(site.database, alice)
        assert await one.closed() == 4401
        await two.sync()
        assert two.code is None


async def test_logging_out_on_the_page_closes_the_socket(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        token = "t" * 32
        request = urllib.request.Request(
            f"{site.origin}/accounts/logout/",
            b"",
            {"Cookie": f"{alice.cookie}; csrftoken={token}", "X-CSRFToken": token},
        )
        with urllib.request.urlopen(request) as answer:
            assert answer.url.endswith("/accounts/login/")
        assert await page.closed() == 4401


async def test_reply_goes_on_when_its_owner_logs_out(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        reply = (await page.send("Tell me", LONG))["reply"]
        await page.has(reply, 10)
        _log_out(site.database, alice)
        assert await page.closed() == 4401
    async with client(site, site.database.log_in(alice)) as page:
        await page.follow(reply)
        assert (await page.end(reply))[0]["status"] == "complete"


async def test_eleventh_socket_of_a_person_is_closed_with_4429(site: Server) -> None:
    alice, bob = site.database.add_person("alice"), site.database.add_person("bob")
    open_ones: list[Client] = []
    contexts = [client(site, alice) for _ in range(10)]
    try:
        for context in contexts:
            open_ones.append(await context.__aenter__())
        async with socket(site, alice) as one_too_many:
            assert await closing(one_too_many) == ([], 4429)
        async with client(site, bob):  # others are not counted
            pass
        await open_ones[-1].end((await open_ones[-1].send("Works", SHORT))["reply"])
        await open_ones[0].leave()
        async with client(site, alice) as in_its_place:
            await in_its_place.sync()
    finally:
        for context in contexts[: len(open_ones)]:
            await context.__aexit__(None, None, None)
