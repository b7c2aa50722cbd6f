"""HTTP on aiohttp: a body that is read at the caller's pace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import aiohttp
import httpx2
import pytest

from chat.upstream.reach import Guard
from chat.upstream.transport import ERROR_BYTES, EXTENSION, PACKET, TURN, Body, Transport

pytestmark = pytest.mark.asyncio

type Play = Callable[[asyncio.StreamWriter], Awaitable[None]]

HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"


class Server:
    """A server that plays an answer, and keeps what it was asked."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self.heads: list[bytes] = []
        self.lost = asyncio.Event()
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        with suppress(ConnectionError):
            await self._play(writer)
            await reader.read()  # the client closes
        self.lost.set()
        writer.close()


@asynccontextmanager
async def serving(play: Play) -> AsyncIterator[Server]:
    server = Server(play)
    running = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    server.port = running.sockets[0].getsockname()[1]
    async with running:
        yield server


@asynccontextmanager
async def asked(
    server: Server, path: str = "/v1", **query: str
) -> AsyncIterator[tuple[httpx2.Response, Body]]:
    transport = Transport(5, query, Guard(private=True))
    request = httpx2.Request("POST", f"http://127.0.0.1:{server.port}{path}", content=b"{}")
    try:
        response = await transport.handle_async_request(request)
        yield response, response.extensions[EXTENSION]
    finally:
        await transport.aclose()


async def rest(body: Body) -> bytes:
    found = b""
    while data := await body.read():
        found += data
    return found


async def test_the_head_is_there_before_the_body() -> None:
    go = asyncio.Event()

    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        await go.wait()
        writer.write(b"body")
        writer.close()

    async with serving(play) as server, asked(server) as (response, body):
        assert response.status_code == 200
        go.set()
        assert await rest(body) == b"body"


async def test_nothing_is_read_between_two_reads_and_then_all_of_it_at_once() -> None:
    more = asyncio.Event()

    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"one ")
        await more.wait()
        for word in (b"two ", b"three ", b"four"):
            writer.write(word)
            await writer.drain()
            await asyncio.sleep(0.01)

    async with serving(play) as server, asked(server) as (_, body):
        assert await body.read() == b"one "
        more.set()
        await asyncio.sleep(0.2)
        assert not body._content._buffer, "the kernel holds it"
        assert await body.read() == b"two three four"


async def test_bytes_that_are_there_are_taken_without_a_wait() -> None:
    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"one ")
        await asyncio.sleep(0.05)
        writer.write(b"two")

    async with serving(play) as server, asked(server) as (_, body):
        assert await body.read() == b"one "
        assert body.read_at_once() == b"", "nothing has come"
        await asyncio.sleep(0.2)
        assert body.read_at_once() == b"two"


async def test_who_does_not_pause_leaves_turns_to_others() -> None:
    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"one ")
        await asyncio.sleep(0.05)
        writer.write(b"x" * 2 * PACKET)

    async with serving(play) as server, asked(server) as (_, body):
        assert await body.read() == b"one "
        await asyncio.sleep(0.2)
        assert body.read_at_once()
        assert body.read_at_once() == b"", "there is more, which waits for the next turn"
        await asyncio.sleep(2 * TURN)
        assert body.read_at_once()


async def test_bytes_that_came_before_a_failure_are_read_before_it() -> None:
    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"one")

    async with serving(play) as server, asked(server) as (_, body):
        body.fail(TimeoutError("too late"))
        assert await body.read() == b"one"
        with pytest.raises(TimeoutError):
            await body.read()


async def test_bytes_before_a_break_come_before_the_error() -> None:
    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"some of it")
        await writer.drain()
        writer.close()

    async with serving(play) as server, asked(server) as (_, body):
        await asyncio.sleep(0.1)
        assert await body.read() == b"some of it"
        with pytest.raises(aiohttp.ClientError):
            await body.read()


async def test_a_failure_ends_the_read_that_waits_and_all_later_ones() -> None:
    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)

    async with serving(play) as server, asked(server) as (_, body):
        waiting = asyncio.create_task(body.read())
        await asyncio.sleep(0.05)
        body.fail(TimeoutError("too late"))
        for read in (waiting, body.read()):
            with pytest.raises(TimeoutError, match="too late"):
                await read
        assert body.read_at_once() == b""


async def test_closing_closes_the_connection_even_while_reading_is_paused() -> None:
    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"x" * 100)
        await writer.drain()

    async with serving(play) as server, asked(server) as (_, body):
        assert await body.read()
        body.close()
        await asyncio.wait_for(server.lost.wait(), 5)


async def test_of_a_refusal_only_so_much_is_read() -> None:
    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        while True:
            writer.write(b"x" * ERROR_BYTES)
            await writer.drain()

    async with serving(play) as server, asked(server) as (response, _):
        size = 0
        async for data in response.stream:  # type: ignore[union-attr]
            size += len(data)
        assert ERROR_BYTES <= size < 8 * ERROR_BYTES
        await asyncio.wait_for(server.lost.wait(), 5)


async def test_the_query_of_every_request_is_added_to_the_address() -> None:
    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        writer.close()

    async with serving(play) as server:
        async with asked(server, "/v1?x=1", **{"api-version": "2 3"}) as (_, body):
            await rest(body)
        assert server.heads[0].startswith(b"POST /v1?x=1&api-version=2+3 HTTP/1.1\r\n")


async def test_no_redirect_is_followed_and_no_cookie_kept() -> None:
    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 307 See elsewhere\r\nLocation: /elsewhere\r\n"
            b"Set-Cookie: a=b\r\nConnection: close\r\n\r\n"
        )
        writer.close()

    async with serving(play) as server:
        transport = Transport(5, {}, Guard(private=True))
        for _ in range(2):
            request = httpx2.Request("POST", f"http://127.0.0.1:{server.port}/v1", content=b"{}")
            response = await transport.handle_async_request(request)
            assert response.status_code == 307
            await rest(response.extensions[EXTENSION])
        await transport.aclose()
        assert len(server.heads) == 2
        assert not [head for head in server.heads if b"cookie" in head.lower()]


async def test_where_the_guard_forbids_it_nothing_is_asked() -> None:
    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)

    async with serving(play) as server:
        transport = Transport(5, {}, Guard(private=False))
        request = httpx2.Request("POST", f"http://127.0.0.1:{server.port}/v1", content=b"{}")
        with pytest.raises(OSError, match="may not be at this network address"):
            await transport.handle_async_request(request)
        await transport.aclose()
        assert server.heads == []
