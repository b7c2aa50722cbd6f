"""The client of the tests over HTTP: a stream is read as strictly as a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx2

from chat.tests.live.client import Client, Frame, Shown
from chat.tests.live.database import Person
from chat.tests.live.server import Server

SSE, NDJSON, JSON = "text/event-stream", "application/x-ndjson", "application/json"
CSRF = "t" * 32


class Stream(Client):
    """A response that is read as it comes; `code` is 0 once it has ended, -1 where it was cut."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self.status = response.status_code
        self.headers = response.headers
        self.chunks: list[bytes] = []
        """As they came."""
        self.ids: list[str | None] = []
        """One for each frame."""
        self.retry: int | None = None
        super().__init__(None, acks=False)  # type: ignore[arg-type]

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def problem(self) -> dict[str, Any]:
        """The problem in a refusal."""
        assert self.headers["Content-Type"] == "application/problem+json", self.body
        problem: dict[str, Any] = json.loads(self.body)
        assert problem["status"] == self.status
        return problem

    @property
    def last_id(self) -> str:
        """The id with which an `EventSource` would come back."""
        return next((one for one in reversed(self.ids) if one is not None), "")

    async def ended(self, seconds: float = 30) -> None:
        """Wait until the server has ended the response, in order."""
        code = await self.closed(seconds)
        if self._problem is not None:
            raise self._problem
        assert code == 0, "the response was cut"

    async def leave(self) -> None:
        self._reader.cancel()
        await asyncio.wait({self._reader})

    async def _read(self) -> None:
        code = -1
        kind = self.headers.get("Content-Type", "").partition(";")[0]
        separator = {SSE: b"\n\n", NDJSON: b"\n"}.get(kind)
        rest = b""
        try:
            async for chunk in self.response.aiter_bytes():
                self.chunks.append(chunk)
                if separator is None:
                    continue
                *blocks, rest = (rest + chunk).split(separator)
                for block in blocks:
                    self._block(block.decode(), kind)
                async with self._news:
                    self._news.notify_all()
            assert rest == b"", "the last frame is not whole"
            code = 0
        except httpx2.TransportError:
            pass
        except AssertionError as problem:
            self._problem = problem
        finally:
            self.code = code
            async with self._news:
                self._news.notify_all()

    def _block(self, block: str, kind: str) -> None:
        if kind != SSE:
            self.ids.append(None)
            self._take(json.loads(block))
            return
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        assert fields.keys() <= {"id", "data", "retry"}, block
        if "retry" in fields:
            self.retry = int(fields["retry"])
        if "data" in fields:
            frame = json.loads(fields["data"])
            self.ids.append(fields.get("id"))
            self._take(frame)
            self._check_id(frame, fields.get("id"))

    def _check_id(self, frame: Frame, id: str | None) -> None:
        """It says where a client is that has taken all frames up to this one."""
        if frame["type"] in ("ping", "accepted"):
            assert id is None
        elif (shown := self.shown.get(frame.get("reply", ""))) is not None:
            end = ".end" if frame["type"] == "end" else ""
            assert id == f"{shown.attempt}.{len(shown.text)}.{len(shown.reasoning)}{end}"


@asynccontextmanager
async def stream(
    server: Server | str,
    who: Person | str | None,
    method: str,
    path: str,
    body: object = None,
    **headers: str,
) -> AsyncIterator[Stream]:
    """The answer to a request, which may be a stream; `who` is a person's cookie or a token.

    Names of headers are written with `_`. A string as body is sent as it is.
    """
    origin = server if isinstance(server, str) else server.origin
    sent = {"Accept-Encoding": "identity"}
    if isinstance(who, Person):
        sent |= {"Cookie": f"{who.cookie}; csrftoken={CSRF}", "X-CSRFToken": CSRF}
    elif who is not None:
        sent["Authorization"] = f"Bearer {who}"
    content: Any = None
    if body is not None:
        sent["Content-Type"] = JSON
        content = body if isinstance(body, str | bytes) else json.dumps(body)
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    timeout = httpx2.Timeout(30, read=60)
    async with (
        httpx2.AsyncClient(timeout=timeout, trust_env=False) as http,
        http.stream(method, origin + path, headers=sent, content=content) as response,
    ):
        one = Stream(response)
        try:
            yield one
        finally:
            await one.leave()


@asynccontextmanager
async def events(
    server: Server | str,
    who: Person | str | None,
    reply: str,
    query: str = "",
    has: Shown | None = None,
    **headers: str,
) -> AsyncIterator[Stream]:
    """The stream of a reply; without `Accept` it is SSE. `has` is what the client shows already."""
    path = f"/api/v1/replies/{reply}/events{query}"
    async with stream(server, who, "GET", path, **headers) as one:
        if has is not None:  # before anything is read
            one.shown[reply] = Shown(has.attempt, has.text, has.reasoning)
        yield one


def message(model: str, **fields: object) -> Frame:
    """The body of a new message, in a conversation of its own."""
    body: Frame = {"id": str(uuid4()), "text": "Hi", "conversation": None, "parent": None}
    return body | {"model": f"openai/{model}"} | fields


async def ask(
    server: Server | str,
    who: Person | str | None,
    method: str,
    path: str,
    body: object = None,
    **headers: str,
) -> tuple[int, Any, httpx2.Headers]:
    """Status, JSON (or None) and headers of an answer that ends."""
    async with stream(server, who, method, f"/api/v1{path}", body, **headers) as one:
        await one.ended()
        return one.status, json.loads(one.body) if one.body else None, one.headers
