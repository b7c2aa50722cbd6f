"""A client of the protocol, as strict as a client can be: what breaks a rule fails its test."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from chat.tests.live.database import Person
from chat.tests.live.server import Server

type Frame = dict[str, Any]

PATIENCE = 30
"""Seconds after which a frame that has not come is missing."""

ACK_BYTES = 64 * 1024


@dataclass
class Shown:
    """The text that a client shows of one reply, and its history."""

    attempt: int = 0
    text: str = ""
    reasoning: str = ""
    statuses: list[Frame] = field(default_factory=list)
    snapshots: list[Frame] = field(default_factory=list)
    end: Frame | None = None

    @property
    def position(self) -> dict[str, int]:
        return {
            "attempt": self.attempt,
            "text": len(self.text),
            "reasoning": len(self.reasoning),
        }


class Client:
    """One socket. Frames are kept in the order in which they came."""

    def __init__(self, socket: ClientConnection, *, acks: bool = True) -> None:
        self.frames: list[Frame] = []
        self.shown: dict[str, Shown] = {}
        self.code: int | None = None
        """The close code, once the server has closed."""
        self._socket = socket
        self._acks = acks
        self._unacknowledged = 0
        self._news = asyncio.Condition()
        self._problem: AssertionError | None = None
        self._reader = asyncio.create_task(self._read())

    # --- saying something -----------------------------------------------------------------

    async def say(self, type: str, **fields: object) -> None:
        await self.raw(json.dumps({"type": type, **fields}))

    async def raw(self, data: str | bytes) -> None:
        await self._socket.send(data)

    async def send(
        self,
        text: str,
        model: str | None = None,
        *,
        conversation: str | None = None,
        parent: str | None = None,
        id: str | None = None,
        endpoint: str = "openai",
        settings: Frame | None = None,
    ) -> Frame:
        """Send a message; returns its `accepted`."""
        key = id or str(uuid4())
        fields: Frame = {"id": key, "conversation": conversation, "parent": parent, "text": text}
        if model is not None:
            fields["model"] = f"{endpoint}/{model}"
        if settings is not None:
            fields["settings"] = settings
        return await self.ask("accepted", "send", **fields)

    async def go_on(self, reply: str, model: str | None = None) -> Frame:
        """*Retry* or *Continue*; returns its `accepted`."""
        self.shown[reply].end = None
        fields: Frame = {"id": str(uuid4()), "reply": reply}
        if model is not None:
            fields["model"] = f"openai/{model}"
        return await self.ask("accepted", "continue", **fields)

    async def follow(self, reply: str, shown: Shown | None = None) -> None:
        """Follow from the start, or from what another client shows."""
        own = Shown(shown.attempt, shown.text, shown.reasoning) if shown else Shown()
        self.shown[reply] = own
        await self.say("follow", reply=reply, **own.position)

    async def ask(self, answer: str, type: str, **fields: object) -> Frame:
        """Say something and wait for the answer of this type, or for an `error`."""
        mark = len(self.frames)
        await self.say(type, **fields)
        key = "id" if "id" in fields else "reply"
        about = {key: fields[key]}
        frame = await self.until(
            lambda: next(
                (
                    frame
                    for frame in self.frames[mark:]
                    if frame["type"] in (answer, "error") and _matches(frame, about)
                ),
                None,
            )
        )
        assert frame["type"] == answer, frame
        return frame

    async def refused(self, type: str, **fields: object) -> Frame:
        """Say something that is answered with an `error`."""
        return await self.ask("error", type, **fields)

    async def sync(self) -> None:
        """Wait until everything said so far has been handled and its answers are here."""
        n = len(self.frames)
        await self.say("ping", n=n)
        await self.get("pong", after=n, n=n)

    # --- hearing --------------------------------------------------------------------------

    async def get(self, type: str, *, after: int = 0, **fields: object) -> Frame:
        """The first frame like this among those that came after the first `after`."""
        return await self.until(
            lambda: next(
                (
                    frame
                    for frame in self.frames[after:]
                    if frame["type"] == type and _matches(frame, fields)
                ),
                None,
            ),
            f"{type} {fields}",
        )

    async def end(self, reply: str) -> tuple[Frame, str]:
        """The end of a reply and its text, which has the promised length and hash."""
        shown = self.shown.setdefault(reply, Shown())
        end = await self.until(lambda: shown.end, f"end of {reply}")
        assert end["length"] == len(shown.text)
        assert end["reasoning_length"] == len(shown.reasoning)
        assert end["sha256"] == hashlib.sha256(shown.text.encode()).hexdigest()
        assert end["attempt"] == shown.attempt
        return end, shown.text

    async def has(self, reply: str, length: int) -> str:
        """The shown text, once it has at least so many code points."""
        shown = self.shown.setdefault(reply, Shown())
        await self.until(lambda: len(shown.text) >= length or None, f"{length} of {reply}")
        return shown.text

    async def until[T](
        self, ready: Callable[[], T | None], what: str = "", seconds: float = PATIENCE
    ) -> T:
        """Wait until `ready` gives something."""
        try:
            async with asyncio.timeout(seconds), self._news:
                while True:
                    if self._problem is not None:
                        raise self._problem
                    if (found := ready()) is not None:
                        return found
                    assert self.code is None, f"closed with {self.code}, no {what}"
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"missing: {what}; last: {self.frames[-3:]}") from None

    async def closed(self, seconds: float = PATIENCE) -> int:
        """The code with which the server closes."""
        await asyncio.wait_for(asyncio.shield(self._reader), seconds)
        assert self.code is not None
        return self.code

    async def leave(self) -> None:
        await self._socket.close()
        self._reader.cancel()

    def of(self, type: str) -> list[Frame]:
        return [frame for frame in self.frames if frame["type"] == type]

    @property
    def changes(self) -> list[Frame]:
        return [frame for frame in self.frames if frame["type"] in ("message", "conversation")]

    async def _read(self) -> None:
        try:
            async for raw in self._socket:
                assert isinstance(raw, str)
                frame = json.loads(raw)
                try:
                    self._take(frame)
                except AssertionError as problem:
                    self._problem = problem
                async with self._news:
                    self._news.notify_all()
                await self._acknowledge(frame)
        except ConnectionClosed:
            pass
        finally:
            self.code = self._socket.close_code
            async with self._news:
                self._news.notify_all()

    def _take(self, frame: Frame) -> None:
        self.frames.append(frame)
        kind, reply = frame["type"], frame.get("reply")
        if not isinstance(reply, str) or kind in ("accepted", "error"):
            return
        shown = self.shown.setdefault(reply, Shown())
        if kind == "status":
            shown.statuses.append(frame)
        elif kind == "snapshot":
            assert frame["attempt"] >= shown.attempt, frame
            shown.attempt = frame["attempt"]
            shown.text, shown.reasoning = frame["text"], frame["reasoning"]
            shown.snapshots.append(frame)
        elif kind == "delta":
            assert frame["attempt"] == shown.attempt, frame
            assert frame["text"], frame
            assert len(frame["text"].encode()) <= 64 * 1024
            known = getattr(shown, frame["track"])
            assert frame["at"] == len(known), (frame, len(known))
            setattr(shown, frame["track"], known + frame["text"])
        elif kind == "end":
            shown.end = frame

    async def _acknowledge(self, frame: Frame) -> None:
        if frame["type"] in ("delta", "snapshot"):
            self._unacknowledged += len(frame["text"].encode())
            if self._acks and self._unacknowledged >= ACK_BYTES:
                self._unacknowledged = 0
                reply = frame["reply"]
                await self.say("ack", reply=reply, **self.shown[reply].position)


async def eventually[T](ready: Callable[[], T], what: str = "") -> T:
    """Look again and again, until this is true of the database or of the endpoint."""
    for _ in range(PATIENCE * 20):
        if found := ready():
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"never: {what}")


def _matches(frame: Frame, fields: Frame) -> bool:
    return all(frame.get(key) == value for key, value in fields.items())


@asynccontextmanager
async def socket(
    server: Server,
    person: Person | None,
    *,
    origin: str | None = "",
    host: str | None = None,
    path: str = "/ws/chat/",
) -> AsyncIterator[ClientConnection]:
    """A bare socket; `origin` None sends no such header."""
    headers = {"Cookie": person.cookie} if person else {}
    if origin == "":
        origin = server.origin
    if origin is not None:
        headers["Origin"] = origin
    name = host or "127.0.0.1"
    async with connect(
        f"ws://{name}:{server.port}{path}",
        host="127.0.0.1",
        port=server.port,
        additional_headers=headers,
        max_size=None,
        close_timeout=5,
        compression=None,
        proxy=None,
    ) as connection:
        yield connection


async def closing(connection: ClientConnection) -> tuple[list[str], int | None]:
    """Frames on a bare socket until the server closes it, and the close code."""
    frames: list[str] = []
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                frames.append(str(await connection.recv()))
    except ConnectionClosed:
        return frames, connection.close_code


@asynccontextmanager
async def client(
    server: Server, person: Person, *, acks: bool = True, ready: bool = True
) -> AsyncIterator[Client]:
    """A client that is connected and has its `ready`."""
    async with socket(server, person) as connection:
        one = Client(connection, acks=acks)
        try:
            if ready:
                await one.get("ready")
            yield one
        finally:
            await one.leave()
