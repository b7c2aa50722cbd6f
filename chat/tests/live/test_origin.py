"""Only our own page may open a socket with our cookie."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from chat.tests.live.client import client, socket
from chat.tests.live.server import Server

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "https://127.0.0.1:{port}",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "http://localhost:{port}",
        "http://evil.example",
        "http://evil.example:{port}",
        "http://127.0.0.1:{port}.evil.example",
        "http://127.0.0.1:{port}@evil.example",
        "http://evil.example@127.0.0.1:{port}",
        "http://evil.example#127.0.0.1:{port}",
        "ws://127.0.0.1:{port}",
        "file://",
        "127.0.0.1:{port}",
        "//127.0.0.1:{port}",
        "http://[::1",
        "http://[",
    ],
)
async def test_other_origin_is_refused(site: Server, origin: str | None) -> None:
    alice = site.database.add_person("alice")
    if origin is not None:
        origin = origin.format(port=site.port)
    with pytest.raises(InvalidStatus) as refused:
        async with socket(site, alice, origin=origin):
            pass
    # 400 comes from daphne, which does not pass on what is no origin at all.
    assert refused.value.response.status_code in (400, 403)


async def test_own_origin_may_be_written_in_capitals(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with socket(
        site, alice, host="localhost", origin=f"http://LOCALHOST:{site.port}"
    ) as connection:
        assert "ready" in str(await connection.recv())


async def test_host_that_is_not_ours_is_refused_even_with_its_own_origin(site: Server) -> None:
    """DNS rebinding: a foreign name that leads here."""
    alice = site.database.add_person("alice")
    with pytest.raises(InvalidStatus) as refused:
        async with socket(
            site, alice, host="evil.example", origin=f"http://evil.example:{site.port}"
        ):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("path", ["/", "/ws/", "/ws/chat", "/ws/chat/x", "/ws/chat/%2e%2e/"])
async def test_there_is_one_socket(site: Server, path: str) -> None:
    alice = site.database.add_person("alice")
    with pytest.raises(InvalidStatus) as refused:
        async with socket(site, alice, path=path):
            pass
    assert refused.value.response.status_code == 403


async def test_query_makes_no_difference(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with socket(site, alice, path="/ws/chat/?since=1") as connection:
        assert "ready" in str(await connection.recv())
    async with client(site, alice):
        pass
