"""A load of many clients in one process: received frames, their delays, and losses.

`python -m bench.load` reads one JSON object, the `Job`, from standard input and prints JSON lines:
`{"event": "begin"}` when every stream runs and the measured window starts, `{"event": "end"}` when
it is over, and `{"event": "result", …}` when all streams have ended. With `kind` "idle" it prints
"begin" once all sockets are ready, and keeps them until its standard input closes.

Tokens are the fake endpoint's `stamps`: each says when it was sent, by the clock that all
processes of a machine share.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import re
import struct
import sys
import time
import uuid
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import msgspec

ACK_BYTES = 64 * 1024

STAMP = re.compile(rb"t(\d{6,}) ")


class Job(msgspec.Struct):
    """The work of one process. Times are seconds."""

    kind: str
    """`ws`: Parley's socket; `events`, `lines`: its streams over HTTP, as SSE and NDJSON; `idle`:
    sockets that only wait; `sse`: a POST as OpenAI's clients send it, and a streamed answer."""
    port: int
    streams: int
    model: str = ""
    tokens: int = 0
    """Number of tokens of each reply."""
    cookies: list[str] = []
    """One session for each of Parley's streams."""
    path: str = "/ws/chat/"
    ramp: float = 2.0
    settle: float = 1.5
    seconds: float = 6.0


@dataclass
class Tally:
    """Counts of all streams of the load."""

    measuring: bool = False
    tokens: int = 0
    latencies: list[int] = field(default_factory=list)
    firsts: list[int] = field(default_factory=list)
    all_tokens: int = 0
    all_bytes: int = 0
    frames: int = 0
    lost: int = 0
    problems: list[str] = field(default_factory=list)
    last: int = 0

    def count(self, stamps: list[bytes], first: bool) -> None:
        """Take in the stamps of one packet."""
        now = self.last = time.monotonic_ns()
        self.frames += 1
        self.all_tokens += len(stamps)
        if first:
            self.firsts.append(now - int(stamps[0]))
        if self.measuring:
            self.tokens += len(stamps)
            self.latencies.extend(now - int(stamp) for stamp in stamps)


class Client(asyncio.Protocol):
    """One connection; subclasses know its frames."""

    transport: asyncio.Transport

    def __init__(self, job: Job, tally: Tally, number: int) -> None:
        loop = asyncio.get_running_loop()
        self.ready = loop.create_future()
        self.begun = loop.create_future()
        self.ended = loop.create_future()
        self.job, self.tally, self.number = job, tally, number
        self.buffer = b""
        self.seen = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.connected()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done() and self.job.kind != "idle":
            self.fail(f"connection lost after {self.seen} tokens")

    def connected(self) -> None:
        """Say hello."""

    def start(self) -> None:
        """Ask for a reply."""

    def fail(self, problem: str) -> None:
        """Note that this stream went wrong, and do not wait for it any more."""
        self.tally.problems.append(problem)
        self.tally.lost += self.job.tokens - self.seen
        for future in (self.ready, self.begun, self.ended):
            if not future.done():
                future.set_result(None)

    def stamps(self, stamps: list[bytes]) -> None:
        """Take in stamps that arrived together."""
        if stamps:
            self.tally.count(stamps, first=not self.seen)
            self.seen += len(stamps)
            if not self.begun.done():
                self.begun.set_result(None)


class Relayed(Client):
    """A POST whose answer is the upstream's stream, or one made of it."""

    def connected(self) -> None:
        self.ready.set_result(None)

    def start(self) -> None:
        body = {"model": self.job.model, "stream": True, "messages": [{"role": "user"}]}
        data = json.dumps(body).encode()
        head = (
            f"POST {self.job.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.job.port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        self.transport.write(head.encode() + data)

    def data_received(self, data: bytes) -> None:
        self.tally.all_bytes += len(data)
        self.buffer += data
        found = list(STAMP.finditer(self.buffer))
        done = b"[DONE]" in self.buffer
        if found:
            self.stamps([match[1] for match in found])
            self.buffer = self.buffer[found[-1].end() :]
        if done and not self.ended.done():
            self.tally.lost += self.job.tokens - self.seen
            self.ended.set_result(None)


class Reader(Client):
    """Parley's frames of one reply, whatever carries them, up to its end."""

    def __init__(self, job: Job, tally: Tally, number: int) -> None:
        super().__init__(job, tally, number)
        self.text: list[str] = []

    def question(self) -> dict[str, Any]:
        """The fields of a new message."""
        key = str(uuid.uuid4())
        fields: dict[str, Any] = {"id": key, "conversation": None, "parent": None}
        return fields | {"text": "Go on", "model": self.job.model}

    def frame(self, data: bytes) -> None:
        """Take in one frame."""
        if data.startswith(b'{"type":"delta"'):
            frame = msgspec.json.decode(data)
            self.text.append(frame["text"])
            self.stamps(STAMP.findall(frame["text"].encode()))
            self.read(frame)
        else:
            self.received(msgspec.json.decode(data))

    def read(self, delta: dict[str, Any]) -> None:
        """Handle a delta, beside counting it."""

    def received(self, frame: dict[str, Any]) -> None:
        """Take in any other frame."""
        match frame["type"]:
            case "ready":
                self.ready.set_result(None)
            case "error":
                self.fail(str(frame))
            case "snapshot":
                self.text = [frame["text"]]
                self.stamps(STAMP.findall(frame["text"].encode()))
            case "end":
                text = "".join(self.text)
                if hashlib.sha256(text.encode()).hexdigest() != frame["sha256"]:
                    self.tally.problems.append("the text is not the one that was stored")
                if frame["status"] != "complete":
                    self.tally.problems.append(f"ended as {frame['status']}: {frame['error']}")
                self.tally.lost += self.job.tokens - text.count(" ")
                if not self.begun.done():
                    self.begun.set_result(None)
                self.ended.set_result(None)


class Stream(Reader):
    """A message sent by POST, answered by the stream of its reply."""

    ACCEPT: ClassVar = {"events": "text/event-stream", "lines": "application/x-ndjson"}

    def connected(self) -> None:
        self.open = False
        self.rest = b""
        self.ready.set_result(None)

    def start(self) -> None:
        data, token = json.dumps(self.question()).encode(), "t" * 32
        lines = [
            f"POST {self.job.path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.job.port}",
            f"Cookie: {self.job.cookies[self.number]}; csrftoken={token}",
            f"X-CSRFToken: {token}",
            f"Accept: {self.ACCEPT[self.job.kind]}",
            "Content-Type: application/json",
            f"Content-Length: {len(data)}",
        ]
        self.transport.write("\r\n".join([*lines, "", ""]).encode() + data)

    def data_received(self, data: bytes) -> None:
        self.tally.all_bytes += len(data)
        self.buffer += data
        if not self.open:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 200 " not in head[:20]:
                self.fail(head[:80].decode("latin-1"))
                return
            self.open, self.buffer = True, rest
        *lines, self.rest = (self.rest + self._chunks()).split(b"\n")
        for line in lines:
            frame = line.removeprefix(b"data: ")
            if frame.startswith(b"{"):
                self.frame(frame)

    def _chunks(self) -> bytes:
        """Take the available part of the body out of its chunked coding."""
        body: list[bytes] = []
        while True:
            size, found, rest = self.buffer.partition(b"\r\n")
            length = int(size, 16) if found else 0
            if not length or len(rest) < length + 2:
                return b"".join(body)
            body.append(rest[:length])
            self.buffer = rest[length + 2 :]


class Socket(Reader):
    """Parley's socket: one conversation with one message, followed to its end."""

    def __init__(self, job: Job, tally: Tally, number: int) -> None:
        super().__init__(job, tally, number)
        self.unacknowledged = 0
        self.open = False

    def connected(self) -> None:
        origin = f"127.0.0.1:{self.job.port}"
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {self.job.path} HTTP/1.1",
            f"Host: {origin}",
            f"Origin: http://{origin}",
            f"Cookie: {self.job.cookies[self.number]}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
        ]
        self.transport.write("\r\n".join([*lines, "", ""]).encode())

    def start(self) -> None:
        self.send({"type": "send"} | self.question())

    def send(self, frame: dict[str, Any]) -> None:
        """Send a text frame."""
        self._write(0x81, json.dumps(frame).encode())

    def read(self, delta: dict[str, Any]) -> None:
        self.unacknowledged += len(delta["text"])
        if self.unacknowledged >= ACK_BYTES:
            self.unacknowledged = 0
            about = {"reply": delta["reply"], "attempt": delta["attempt"], "reasoning": 0}
            self.send({"type": "ack", "text": delta["at"] + len(delta["text"]), **about})

    def _write(self, first: int, data: bytes) -> None:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        size = len(data)
        length = bytes([0x80 | size]) if size < 126 else struct.pack(">BH", 0xFE, size)
        self.transport.write(bytes([first]) + length + mask + masked)

    def data_received(self, data: bytes) -> None:
        buffer = self.buffer + data
        if not self.open:
            head, found, buffer = buffer.partition(b"\r\n\r\n")
            if not found:
                self.buffer = head
                return
            if b" 101 " not in head:
                self.fail(head[:80].decode("latin-1"))
                return
            self.open = True
        at, size = 0, len(buffer)
        while size - at >= 2:
            length, start = buffer[at + 1], at + 2
            if length == 126:
                start = at + 4
                length = int.from_bytes(buffer[at + 2 : start])
            elif length == 127:
                start = at + 10
                length = int.from_bytes(buffer[at + 2 : start])
            if size < start + length:
                break
            self._message(buffer[at], buffer[start : start + length])
            at = start + length
        self.tally.all_bytes += at
        self.buffer = buffer[at:]

    def _message(self, first: int, data: bytes) -> None:
        if first == 0x81:
            self.frame(data)
        elif first == 0x89:
            self._write(0x8A, data)
        elif first == 0x88:
            self.fail(f"closed with {int.from_bytes(data[:2])}")


KINDS: dict[str, type[Client]] = {
    "ws": Socket,
    "idle": Socket,
    "events": Stream,
    "lines": Stream,
    "sse": Relayed,
}


def say(event: str, **facts: Any) -> None:
    """Print one line."""
    print(json.dumps({"event": event, **facts}), flush=True)


def percentile(values: list[int], share: float) -> float:
    """Milliseconds, from nanoseconds."""
    if not values:
        return float("nan")
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] / 1e6


async def run(job: Job) -> None:
    """Do a job and print its result."""
    loop, tally = asyncio.get_running_loop(), Tally()
    kind = KINDS[job.kind]
    clients: list[Client] = []
    for number in range(job.streams):
        make = partial(kind, job, tally, number)
        _, client = await loop.create_connection(make, "127.0.0.1", job.port)
        clients.append(client)
        # All at once is another test: here they come one after the other.
        await asyncio.wait_for(client.ready, 30)
    if job.kind == "idle":
        say("begin", problems=tally.problems)
        await loop.run_in_executor(None, sys.stdin.read)
        return
    tally.all_bytes = 0
    started = time.monotonic_ns()
    for client in clients:
        client.start()
        await asyncio.sleep(job.ramp / job.streams)
    await asyncio.wait_for(asyncio.gather(*(client.begun for client in clients)), 60)
    await asyncio.sleep(job.settle)
    say("begin")
    begin = time.monotonic()
    tally.measuring = True
    await asyncio.sleep(job.seconds)
    tally.measuring = False
    seconds = time.monotonic() - begin
    say("end")
    await asyncio.wait_for(asyncio.gather(*(client.ended for client in clients)), 120)
    say(
        "result",
        streams=job.streams,
        tokens=tally.tokens,
        seconds=seconds,
        p50_ms=percentile(tally.latencies, 0.5),
        p99_ms=percentile(tally.latencies, 0.99),
        first_p50_ms=percentile(tally.firsts, 0.5),
        first_p99_ms=percentile(tally.firsts, 0.99),
        all_tokens=tally.all_tokens,
        all_bytes=tally.all_bytes,
        all_seconds=(tally.last - started) / 1e9,
        frames=tally.frames,
        lost=tally.lost,
        problems=sorted(set(tally.problems))[:5],
    )
    for client in clients:
        client.transport.close()


def main() -> None:
    """Read the job and do it."""
    job = msgspec.json.decode(sys.stdin.readline(), type=Job)
    asyncio.run(run(job))


if __name__ == "__main__":
    main()
