"""The endpoint as an asyncio server: connections, requests, and the timer behind all streams.

In a test:

    async with FakeEndpoint() as endpoint:
        client = OpenAI(base_url=endpoint.url, api_key="key")
        ...
        assert len(endpoint.requests) == 1

A stream is a generator of bytes to send, seconds to wait and marks. One timer drives all of them.
`docs/fake-endpoint.md` describes paths, models and remote control.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, unquote

from fake_endpoint.conventions import CONVENTIONS
from fake_endpoint.faults import FAULTS
from fake_endpoint.flaky import flaky
from fake_endpoint.listing import Listing
from fake_endpoint.oddities import ODDITIES
from fake_endpoint.scenarios import (
    CLOSE,
    HANG,
    RESET,
    TEXTS,
    Call,
    Item,
    Script,
    json_reply,
    parse_model,
    scripted,
)

GROUPS = {
    "Texts": TEXTS,
    "Conventions": CONVENTIONS,
    "Oddities": ODDITIES,
    "Faults": FAULTS | {"flaky": flaky},
}
"""All scenarios by the name of their model, as the table of the documentation has them."""

SCENARIOS = {name: play for group in GROUPS.values() for name, play in group.items()}

BURST = 64
"""Packets one stream may send before the others get their turn, when nothing throttles it."""

TICK = 0.001
"""Seconds: streams due within one tick are sent together."""


@dataclass
class Request:
    """One request as the endpoint saw it. Times are seconds of `time.monotonic()`.

    The path is as it was sent, with its query; names of headers are in small letters.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    started: float
    ended: float | None = None
    closed_by_client: float | None = None
    packets: int = 0
    bytes: int = 0

    @property
    def route(self) -> str:
        """The path without its query."""
        return self.path.partition("?")[0]

    @property
    def open(self) -> bool:
        """True while the answer is being sent or held back."""
        return self.ended is None and self.closed_by_client is None


@dataclass(order=True)
class _Stream:
    due: float
    number: int
    connection: _Connection = field(compare=False)
    request: Request = field(compare=False)
    script: Script = field(compare=False)


class FakeEndpoint:
    """The endpoint. Start it with `async with`, or with `start()` and `stop()`."""

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.requests: list[Request] = []
        self.listing = Listing(list(SCENARIOS))
        self._host, self._port, self._tls = host, port, tls
        self._next: deque[dict[str, Any]] = deque()
        self._connections: set[_Connection] = set()
        self._due: list[_Stream] = []
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; `url` is known afterwards."""
        self._loop = asyncio.get_running_loop()
        self._server = await self._loop.create_server(
            lambda: _Connection(self), self._host, self._port, ssl=self._tls, backlog=1024
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut what is still open."""
        if self._server is not None:
            self._server.close()
        if self._timer is not None:
            self._timer.cancel()
        for connection in list(self._connections):
            connection.transport.abort()
        if self._server is not None:
            await self._server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http{'s' if self._tls else ''}://{self._host}:{self._port}"

    @property
    def url(self) -> str:
        """The base URL to configure as an endpoint."""
        return f"{self.origin}/v1"

    @property
    def chats(self) -> list[Request]:
        """The requests for a completion, oldest first."""
        return [r for r in self.requests if r.route.endswith("/completions")]

    @property
    def open_streams(self) -> int:
        """Number of answers that are being sent or held back now."""
        return sum(r.open for r in self.chats)

    def play(self, text: str, splits: list[int] | None = None, rate: float = 0) -> None:
        """Answer the next completion with `text`, cut at the code points `splits`.

        Without splits each character is a token; `rate` is tokens a second, 0 at once.
        """
        self._next.append({"text": text, "splits": splits, "rate": rate})

    def state(self) -> dict[str, Any]:
        """The answer to `GET /control`."""
        return {
            "requests": [asdict(r) | {"open": r.open} for r in self.chats],
            "models": [asdict(r) for r in self.requests if r.route.endswith("/models")],
            "open": self.open_streams,
            "bytes": sum(r.bytes for r in self.chats),
        }

    # From here on: what the connections call.

    def answer(self, connection: _Connection, request: Request) -> None:
        """Begin the answer to one request."""
        path = request.route
        if path == "/control":
            script = self._control(request)
        else:
            self.requests.append(request)
            if path.endswith("/completions") and isinstance(request.body, dict):
                script = self._completion(request)
            elif path.endswith("/models"):
                script = self.listing.answer(path)
            else:
                script = iter(json_reply({"error": {"message": "no such page"}}, status=404))
        self._count += 1
        stream = _Stream(time.monotonic(), self._count, connection, request, script)
        connection.stream = stream
        self._advance(stream, time.monotonic())

    def resume(self, stream: _Stream) -> None:
        """Go on with a stream whose client has read what it was sent."""
        stream.due = time.monotonic()
        self._schedule(stream)

    def _control(self, request: Request) -> Iterator[Item]:
        if isinstance(request.body, dict):
            if request.body.get("forget"):
                self.requests = [r for r in self.requests if r.open]
            if "plays" in request.body:
                self._next.clear()
            if "models" in request.body:
                self.listing.want(request.body["models"])
            if "text" in request.body:
                wanted = {k: request.body[k] for k in ("splits", "rate") if k in request.body}
                self.play(request.body["text"], **wanted)
        return iter(json_reply(self.state()))

    def _completion(self, request: Request) -> Script:
        name, options = parse_model(str(request.body.get("model", "")))
        path, _, query = request.path.partition("?")
        query_pairs = dict(parse_qsl(query)) if query else {}
        call = Call(request.headers, request.body, options, unquote(path), query_pairs)
        if self._next:
            return scripted(call, **self._next.popleft())
        scenario = SCENARIOS.get(name)
        if scenario is None:
            refusal = {"message": f"The model `{name}` does not exist", "code": "model_not_found"}
            return iter(json_reply({"error": refusal}, status=404))
        return scenario(call)

    def _schedule(self, stream: _Stream) -> None:
        heapq.heappush(self._due, stream)
        self._arm()

    def _arm(self) -> None:
        if self._timer is None and self._due:
            wait = max(self._due[0].due - time.monotonic(), TICK)
            self._timer = self._loop.call_later(wait, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now, due = time.monotonic(), self._due
        ready = []
        while due and due[0].due <= now:
            ready.append(heapq.heappop(due))
        for stream in ready:
            if not stream.connection.lost:
                self._advance(stream, now)
        self._arm()

    def _advance(self, stream: _Stream, now: float) -> None:
        connection, request = stream.connection, stream.request
        transport = connection.transport
        burst = 0
        for item in stream.script:
            if type(item) is bytes:
                if transport.is_closing():
                    return
                transport.write(item)
                request.packets += 1
                request.bytes += len(item)
                burst += 1
                if connection.full:
                    return
                if burst >= BURST:
                    stream.due = now
                    self._schedule(stream)
                    return
            elif type(item) is float:
                stream.due += item
                if stream.due > now:
                    self._schedule(stream)
                    return
            elif item is HANG:
                return
            else:
                request.ended = time.monotonic()
                connection.stream = None
                if item is RESET:
                    connection.reset()
                elif item is CLOSE:
                    transport.close()
                return
        request.ended = time.monotonic()
        connection.stream = None


class _Connection(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, upstream: FakeEndpoint) -> None:
        self.stream: _Stream | None = None
        self.full = False
        self.lost = False
        self._upstream = upstream
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._upstream._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self._upstream._connections.discard(self)
        if self.stream is not None:
            self.stream.request.closed_by_client = time.monotonic()
            self.stream = None

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        if self.stream is not None:
            self._upstream.resume(self.stream)

    def reset(self) -> None:
        """End with a TCP reset instead of an orderly end."""
        self.transport.set_write_buffer_limits(0)
        sock = self.transport.get_extra_info("socket")
        # l_onoff=1, l_linger=0: close() discards what is unsent and sends RST.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._buffer[0] == 0x16:
            # The first byte of TLS, spoken to a server that has none: answered as servers do.
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            self.transport.close()
            return
        while self._buffer and self.stream is None and not self.lost:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            lines = head.decode("latin-1").split("\r\n")
            method, path, _ = lines[0].split(" ", 2)
            pairs = (line.partition(":")[::2] for line in lines[1:])
            headers = {name.strip().lower(): value.strip() for name, value in pairs}
            length = int(headers.get("content-length", "0"))
            if len(rest) < length:
                return
            self._buffer = rest[length:]
            try:
                body = json.loads(rest[:length]) if length else None
            except ValueError:
                body = None
            request = Request(method, path, headers, body, time.monotonic())
            self._upstream.answer(self, request)
