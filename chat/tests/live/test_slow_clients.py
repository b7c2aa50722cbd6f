"""Clients that read or write as slowly as they like, against a real daphne: they cost little, and
end. In-process tests cannot prove it: what is tested is how we hang on Twisted."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chat.tests.live.client import client
from chat.tests.live.server import SHORT, Server, Upstream

HEAD = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
MINUTE = 60
"""Seconds for which a test waits for an event."""


@pytest.fixture(scope="module")
def hasty(
    tmp_path_factory: pytest.TempPathFactory, template: Path, upstream: Upstream
) -> Iterator[Server]:
    """A server that waits for nobody as long as ours do."""
    hurry = {"REQUEST_SECONDS": "1", "SLOW_CLIENT_SECONDS": "1", "LOG_LEVEL": "INFO"}
    server = Server(tmp_path_factory.mktemp("hasty"), template, upstream.url, **hurry)
    server.start()
    yield server
    server.kill()
    assert "Traceback" not in server.log, server.log


def _connect(server: Server, buffer: int = 0) -> socket.socket:
    connection = socket.socket()
    if buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.settimeout(MINUTE)
    connection.connect(("127.0.0.1", server.port))
    return connection


def _drip(connection: socket.socket, text: Iterator[bytes]) -> bytes:
    """The answer to a client that sends a byte now and then, until the server hangs up."""
    connection.settimeout(0.1)
    said = b""
    for byte in text:
        try:
            connection.sendall(byte)
            piece = connection.recv(4096)
        except TimeoutError:
            continue
        except OSError:
            return said
        if not piece:
            return said
        said += piece
    raise AssertionError(f"It was let go on: {said!r}")


def _endless() -> Iterator[bytes]:
    for _ in range(MINUTE * 10):
        yield b"a"


@pytest.mark.parametrize(
    "first",
    [
        b"G",
        HEAD + b"X-Long: ",
        b"POST /api/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000\r\n\r\n",
        b"POST /api/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ids=["request line", "headers", "body", "chunks"],
)
def test_a_request_that_drips_ends_and_so_does_the_next_on_its_connection(
    hasty: Server, first: bytes
) -> None:
    with closing(_connect(hasty)) as connection:
        for _ in range(2):  # whole requests are answered, at any distance within the idle time
            connection.sendall(HEAD + b"\r\n")
            assert b" 200 " in connection.recv(4096).partition(b"\r\n")[0]
        connection.sendall(first)
        assert _drip(connection, _endless()).startswith(b"HTTP/1.1 408 ")
    assert "a request did not arrive in time" in hasty.log


def test_a_body_that_comes_at_a_pace_may_take_longer_than_the_headers(hasty: Server) -> None:
    with closing(_connect(hasty)) as connection:
        connection.sendall(HEAD.replace(b"GET", b"POST") + b"Content-Length: 60000\r\n\r\n")
        said = b""
        for _ in range(30):  # three seconds, and sixty thousand bytes
            connection.sendall(b"x" * 2000)
            connection.settimeout(0.1)
            try:
                said += connection.recv(4096)
            except TimeoutError:
                continue
        connection.settimeout(MINUTE)
        said = said or connection.recv(4096)
    assert b" 408 " not in said.partition(b"\r\n")[0]


@pytest.mark.asyncio
async def test_an_open_socket_is_no_slow_request(hasty: Server) -> None:
    alice = hasty.database.add_person("alice")
    async with client(hasty, alice) as page:
        reply = (await page.send("Words", SHORT))["reply"]
        await page.end(reply)
        await asyncio.sleep(2)
        await page.sync()


def test_an_export_waits_for_a_slow_client_and_a_client_that_stalls_is_cut_off(
    hasty: Server,
) -> None:
    alice = hasty.database.add_person("alice")
    texts = [f"{number:03} " + "x" * 99_996 for number in range(120)]
    chat = hasty.database.add_conversation(alice, texts)
    ask = (
        f"GET /api/v1/conversations/{chat}/export HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Connection: close\r\nCookie: {alice.cookie}\r\n\r\n"
    ).encode()
    with closing(_connect(hasty, 4096)) as slow, closing(_connect(hasty, 4096)) as stalled:
        slow.sendall(ask)
        stalled.sendall(ask)
        found = bytearray()
        while piece := slow.recv(65536):
            found += piece
        body = bytes(found).partition(b"\r\n\r\n")[2]
        whole = json.loads(_unchunked(body))
        assert [message["text"] for message in whole["messages"]] == texts
        got = 0
        try:
            while "took nothing for long" not in hasty.log:
                time.sleep(0.2)
                _somebody_else_is_served(hasty)
            stalled.settimeout(MINUTE)
            while piece := stalled.recv(65536):
                got += len(piece)
        except ConnectionResetError:
            pass
        assert got < len(body), "not all of it was kept for it"


def _somebody_else_is_served(server: Server) -> None:
    with closing(_connect(server)) as other:
        other.sendall(HEAD + b"\r\n")
        assert b" 200 " in other.recv(4096)


def _unchunked(body: bytes) -> bytes:
    found = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            break
        found, body = found + rest[:length], rest[length + 2 :]
    return found
