"""A proxy between a page and its server, as unkind as proxies are."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from chat.tests.live.server import free_port

REFUSAL = b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

type Upgrades = Literal["pass", "refuse", "hang"]


class Proxy:
    """Passes bytes on from a port of its own to the server's."""

    def __init__(self, to: int) -> None:
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.upgrades: Upgrades = "pass"
        self.asked = 0
        """Number of times that a WebSocket was asked for."""
        self._to = to
        self._cut = False
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()

    def cut(self) -> None:
        """The network is gone, until `mend`."""
        self._cut = True
        self.drop()

    def mend(self) -> None:
        self._cut = False

    def drop(self) -> None:
        """End every connection there is."""
        asyncio.run_coroutine_threadsafe(self._drop(), self._loop).result()

    async def _drop(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, started: threading.Event, ended: asyncio.Event) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        started.set()
        await ended.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            if self._cut:
                return
            head = await reader.readuntil(b"\r\n\r\n")
            if b"upgrade: websocket" in head.lower():
                self.asked += 1
                if self.upgrades == "hang":
                    await reader.read()
                    return
                if self.upgrades == "refuse":
                    writer.write(REFUSAL)
                    return
            await self._pass_on(head, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # one of the two has left
        finally:
            self._open.discard(writer)
            writer.close()

    async def _pass_on(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._to)
        self._open.add(to_server)
        to_server.write(head)
        pipes = [
            asyncio.create_task(_pipe(reader, to_server), name="to-server"),
            asyncio.create_task(_pipe(from_server, writer), name="to-page"),
        ]
        try:
            await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pipe in pipes:
                pipe.cancel()
            self._open.discard(to_server)
            to_server.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass


@contextmanager
def proxy(to: int) -> Iterator[Proxy]:
    """A proxy that runs as long as the block."""
    made = Proxy(to)
    ended = asyncio.Event()
    started = threading.Event()
    thread = threading.Thread(
        target=made._loop.run_until_complete, args=(made._serve(started, ended),), name="proxy"
    )
    thread.start()
    assert started.wait(10)
    try:
        yield made
    finally:
        made._loop.call_soon_threadsafe(ended.set)
        thread.join(10)
        made._loop.close()
