"""Streams of a test's own making, read as the product reads them."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

from chat.endpoint import EndpointConfig
from chat.upstream import ChatRequest, Client, UpstreamError

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
DONE = b"data: [DONE]\n\n"


def event(choice: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, **choice}]}).encode() + b"\n\n"


def said(text: str, reason: str | None = None) -> bytes:
    return event({"delta": {"content": text}, "finish_reason": reason})


def thought(text: str, field: str = "reasoning_content", reason: str | None = None) -> bytes:
    return event({"delta": {field: text}, "finish_reason": reason})


def whole(text: str, reason: str = "stop") -> bytes:
    message = {"role": "assistant", "content": text}
    return event({"message": message, "finish_reason": reason})


END = event({"delta": {}, "finish_reason": "stop"})


class Read(NamedTuple):
    """The result of a reply."""

    text: str
    reasoning: str
    complete: bool
    finish_reason: str | None
    code: str | None
    replaced: int
    """Number of replacements of earlier text."""


async def read(body: bytes, *, at_once: bool = True, head: bytes = HEAD) -> Read:
    """Have a server send these bytes, all together or each event by itself, and read them."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        for piece in [body] if at_once else body.split(b"\n\n"):
            writer.write(piece if at_once else piece + b"\n\n")
            await writer.drain()
            await asyncio.sleep(0 if at_once else 0.01)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    asked = ChatRequest("model", [{"role": "user", "content": "Hi"}])
    client = Client(EndpointConfig("own", "own", f"http://127.0.0.1:{port}/v1", "key"))
    text = reasoning = ""
    replaced, code = 0, None
    async with server, client.stream(asked) as stream:
        try:
            async for batch in stream:
                if batch.replaces:
                    text = reasoning = ""
                    replaced += 1
                text += batch.text
                reasoning += batch.reasoning
        except UpstreamError as error:
            code = error.code
    await client.close()
    return Read(text, reasoning, stream.complete, stream.finish_reason, code, replaced)


async def both(body: bytes) -> Read:
    """Read it in one piece and in many: what is said must not depend on that."""
    one, many = await read(body), await read(body, at_once=False)
    assert one[:5] == many[:5]
    return many
