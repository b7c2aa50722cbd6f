"""HTTP for the `openai` client on aiohttp, with a body that is read at the caller's pace.

The transport that the SDK brings reads a body as fast as it comes: at one packet per token that is
one wake-up per token. Here reading is paused between two reads, so that the kernel joins packets
meanwhile. Differences beside that: no proxy or credentials from the environment (but certificate
authorities from `SSL_CERT_FILE` and `SSL_CERT_DIR`, beside the system's), one connection per
request, and aiohttp's own exceptions reach the caller.
"""

from __future__ import annotations

import asyncio
import os
import time
from asyncio.trsock import TransportSocket
from collections.abc import AsyncIterator
from functools import partial

import aiohttp
import httpx2
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from chat.upstream.reach import Guard

EXTENSION = "parley_body"
"""Name of the response's extension that carries its `Body`."""

ERROR_BYTES = 64 * 1024
"""The most bytes that are read of a body that only explains a refusal."""


PACKET = 64 * 1024
"""Bytes taken from the kernel at once."""

TURN = 0.001
"""Seconds between two steps below which the event loop gets a turn in between."""


class Body(httpx2.AsyncByteStream):
    """The raw body of one response."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._content = response.content
        # None when the whole answer came with its head: nothing is left to read or pause then.
        connection = response.connection
        self._protocol = connection.protocol if connection else None
        self._transport = connection.transport if connection else None
        self._socket: TransportSocket | None = None
        self._taken_at = 0.0
        if self._transport is not None and self._transport.get_extra_info("sslcontext") is None:
            self._socket = self._transport.get_extra_info("socket")
        if self._protocol is not None and (closed := self._protocol.closed) is not None:
            closed.add_done_callback(self._closed)
        self._pause()

    async def read(self) -> bytes:
        """Wait for bytes and return all that arrived since the last read; b"" is the end.

        Raises aiohttp's errors when the connection breaks, after the bytes before the break.
        """
        if self._content.exception() is not None:
            return self._rest()
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.resume_reading()
        data = await self._content.readany()
        self._pause()
        return data

    def read_at_once(self) -> bytes:
        """Return the bytes that arrived while reading was paused; b"" if it takes a wait.

        Saves a turn through the event loop and two system calls, 12 of 55 µs a step. Anything but
        bytes (the end, a reset) is left for the transport to find.
        """
        transport, now = self._transport, time.monotonic()
        if self._socket is None or self._protocol is None or self._content.exception() is not None:
            return b""
        # A caller who does not pause must not keep the loop for itself.
        if transport is None or transport.is_closing() or now - self._taken_at < TURN:
            return b""
        self._taken_at = now
        try:
            packet = os.read(self._socket.fileno(), PACKET)
        except OSError:
            return b""
        if not packet:
            return b""
        self._protocol.data_received(packet)
        return b"" if self._content.exception() else self._content.read_nowait()

    def fail(self, error: Exception) -> None:
        """Make the read that waits now, and all later ones, raise `error`."""
        self._content.set_exception(error)

    def close(self) -> None:
        """Close the connection, at once and whatever its state."""
        self._response.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        # Only the SDK iterates, over the body of a refusal, and does not close it when cancelled.
        size = 0
        try:
            while size < ERROR_BYTES and (data := await self.read()):
                size += len(data)
                yield data
        finally:
            self.close()

    async def aclose(self) -> None:
        self.close()

    def _closed(self, closed: asyncio.Future[None]) -> None:
        """Report a lost connection to the reader where aiohttp does not (after bad framing)."""
        error = None if closed.cancelled() else closed.exception()
        if not self._content.is_eof() and self._content.exception() is None:
            self._content.set_exception(aiohttp.ClientPayloadError("The connection is closed."))
        del error

    def _pause(self) -> None:
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.pause_reading()

    def _rest(self) -> bytes:
        """Return the bytes that arrived before the connection broke; then raise the error.

        aiohttp raises it first and offers no public way to the rest, hence `_buffer`.
        """
        buffer = self._content._buffer
        if not buffer:
            error = self._content.exception()
            assert error is not None
            raise error
        data = b"".join(buffer)
        buffer.clear()
        return data


class _Handler(ResponseHandler):
    """aiohttp's protocol, which resumes only after a pause.

    aiohttp calls `resume_reading` for every chunk it hands out, and that goes through its parser:
    2 of 14 µs a token, where every token is a chunk.
    """

    _held = False

    def pause_reading(self) -> None:
        self._held = True
        super().pause_reading()

    def resume_reading(self, resume_parser: bool = True) -> None:
        if self._held:
            self._held = False
            super().resume_reading(resume_parser)


class Transport(httpx2.AsyncBaseTransport):
    """Sends requests through one aiohttp session, each with the given query, where `guard` lets it.

    `connect_timeout` is seconds.
    """

    def __init__(self, connect_timeout: float, query: dict[str, str], guard: Guard) -> None:
        self._query = query
        self._urls: dict[httpx2.URL, URL] = {}
        self._guard = guard
        self._timeout = aiohttp.ClientTimeout(
            total=None, connect=connect_timeout, sock_connect=connect_timeout
        )
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return as soon as the head of the answer is there."""
        if self._session is None:
            self._session = self._new_session(secure=request.url.scheme == "https")
        response = await self._session.request(
            request.method,
            self._url(request.url),
            headers=request.headers.multi_items(),
            data=await request.aread(),
            allow_redirects=False,
        )
        body = Body(response)
        return httpx2.Response(
            status_code=response.status,
            headers=list(response.raw_headers),
            stream=body,
            extensions={EXTENSION: body},
        )

    def _url(self, url: httpx2.URL) -> URL:
        """The URL with the query of every request; parsed once."""
        known = self._urls.get(url)
        if known is None:
            self._urls[url] = known = URL(str(url.copy_merge_params(self._query)), encoded=True)
        return known

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _new_session(self, *, secure: bool) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            # A POST that meets a kept connection which the other side is just closing cannot be
            # sent again safely, so no connection is kept.
            force_close=True,
            limit=0,
            socket_factory=self._guard.socket,
            ssl=httpx2.create_ssl_context() if secure else True,
        )
        # The one private name here; without it the stock protocol does the same, slower.
        loop = asyncio.get_running_loop()
        connector._factory = partial(_Handler, loop=loop)  # type: ignore[assignment]
        return aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )
