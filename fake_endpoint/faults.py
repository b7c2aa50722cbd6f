"""Faults of endpoints: before the first token and in the middle.

Each entry of `FAULTS` is the scenario for the model of that name.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fake_endpoint.scenarios import (
    CLOSE,
    DONE,
    END,
    HANG,
    RESET,
    SHORT,
    Call,
    Script,
    chunk,
    data,
    delta,
    event,
    finish,
    head,
    json_reply,
    raw,
    spoken,
    start,
    whole,
)

__all__ = ["FAULTS", "SHORT"]

FAULTS: dict[str, Callable[[Call], Script]] = {}


def _fault(play: Callable[[Call], Script]) -> Callable[[Call], Script]:
    FAULTS[play.__name__.replace("_", "-")] = play
    return play


# Faults before the first token


@_fault
def status(call: Call) -> Script:
    """`status?code=429&after=7&name=x`: an error as JSON; `html=1`: as a page."""
    code = int(call.number("code", 500))
    extra = {k: v for k, v in (("Retry_After", call.options.get("after")),) if v}
    if call.options.get("html"):
        return whole(b"<html><body><h1>Bad Gateway</h1></body></html>", "text/html", code)
    error = {
        "message": call.options.get("message", "It did not work."),
        "type": "fake_error",
        "code": call.options.get("name"),
    }
    return json_reply({"error": error}, code, **extra)


@_fault
def stalled_refusal(call: Call) -> Script:
    """Status 500, and then not the body it announced."""
    yield head("application/json", "500 Status", "Content-Length: 100") + b'{"error":'
    yield HANG


@_fault
def repeats_secrets(call: Call) -> Script:
    """An error that repeats all headers and the prompt: `how=status|stream|event|page|setting`."""
    words = f"Bad {call.headers.get('authorization')} in {json.dumps(call.messages)}"
    words += f" with {' '.join(call.headers.values())} and {call.query}"
    match call.options.get("how", "status"):
        case "event":
            yield head()
            yield chunk(f"event: error\ndata: {words}\n\n".encode()) + END
        case "setting":
            yield from json_reply({"error": {"message": f"Bad 'temperature': {words}"}}, 400)
        case "stream":
            yield from spoken(call)
            yield data({"error": {"message": words, "code": 500}})
            yield END
        case "page":
            yield from whole(f"<p>{words}</p>".encode(), "text/plain", 500)
        case _:
            yield from json_reply({"error": {"message": words}}, 400)


@_fault
def redirect(call: Call) -> Script:
    """Sends the request elsewhere: to `/elsewhere` of the same server."""
    return whole(b"", "text/plain", 307, Location="/elsewhere")


@_fault
def html(call: Call) -> Script:
    """A page with status 200; `kind=text/event-stream` mislabels it."""
    page = b"<!doctype html><title>Welcome</title><p>Log in to the network"
    return whole(page, call.options.get("kind", "text/html"))


@_fault
def empty(call: Call) -> Script:
    """Status 200 and nothing; `done=1`: only the end mark."""
    if call.options.get("done"):
        return raw(b"data: [DONE]\n\n")
    return whole(b"", "text/event-stream")


@_fault
def error_200(call: Call) -> Script:
    """An error as JSON with status 200; `as=text|detail|bare`: in another shape."""
    said: dict[str, Any] = {
        "object": {"error": {"message": "Out of memory", "code": 500}},
        "text": {"error": "Out of memory"},
        "detail": {"detail": "Out of memory"},
        "bare": {"object": "error", "message": "Out of memory", "code": 400},
    }
    return json_reply(said[call.options.get("as", "object")])


@_fault
def brotli(call: Call) -> Script:
    """A compression nobody asked for."""
    return whole(b"\x1b\x03\x00", "text/event-stream", 200, Content_Encoding="br")


@_fault
def not_http(call: Call) -> Script:
    """Bytes that are no HTTP."""
    yield b"SSH-2.0-OpenSSH_9.9\r\n\r\n"
    yield CLOSE


@_fault
def closes(call: Call) -> Script:
    """Closes without a byte; `reset=1`: with a reset."""
    yield RESET if call.options.get("reset") else CLOSE


@_fault
def stall(call: Call) -> Script:
    """`stall?after=nothing|head|role|text`: sends that much, then nothing more."""
    match call.options.get("after", "nothing"):
        case "head":
            yield head()
        case "role":
            yield from start(call)
        case "text":
            yield from spoken(call)
    yield HANG


@_fault
def keepalive(call: Call) -> Script:
    """Comments every 20 ms and no content; `text=1`: after some text."""
    yield from spoken(call) if call.options.get("text") else start(call)
    while True:
        yield chunk(b": keep-alive\n\n")
        yield 0.02


# Faults in the middle


@_fault
def reset(call: Call) -> Script:
    """Text, then a TCP reset."""
    yield from spoken(call)
    yield 0.1
    yield RESET


@_fault
def cut(call: Call) -> Script:
    """Text, then the connection closes within the chunked body; `length=1`: short of its length."""
    if call.options.get("length"):
        yield head(framing="Content-Length: 5000")
        yield f"data: {event(SHORT)}\n\n".encode()
    else:
        yield from spoken(call)
    yield CLOSE


@_fault
def bad_chunk(call: Call) -> Script:
    """Text, then chunked framing that is none."""
    yield from spoken(call)
    yield 0.1
    yield b"zz\r\nwhat\r\n"
    yield HANG


@_fault
def no_finish(call: Call) -> Script:
    """Text and an orderly end without a finish reason; `done=1`: with the end mark."""
    yield from spoken(call)
    if call.options.get("done"):
        yield DONE
    yield END


@_fault
def cut_event(call: Call) -> Script:
    """Text and an orderly end in the middle of an event."""
    yield from spoken(call)
    yield chunk(b'data: {"choices":[{"delta":{"con')
    yield END


@_fault
def bad_json(call: Call) -> Script:
    """Text, then an event that is not JSON."""
    yield b"".join(spoken(call)) + chunk(b"data: {oops}\n\n")
    yield HANG


@_fault
def bad_utf8(call: Call) -> Script:
    """Text, then bytes that are not UTF-8."""
    yield from spoken(call)
    yield chunk(b'data: {"choices":[{"delta":{"content":"\xff\xfe"}}]}\n\n')
    yield HANG


@_fault
def error(call: Call) -> Script:
    """`error?as=object|text|empty|number|bare|beside|event|detail`: text, then an error.

    With `text=0` there is no text. `beside` says the last character and the error in one chunk.
    """
    kind = call.options.get("as", "object")
    said: dict[str, Any] = {
        "object": {"error": {"message": "Overloaded", "code": "server_error"}},
        "text": {"error": "Overloaded"},
        "empty": {"error": {}},
        "number": {"error": {"message": "Overloaded", "code": "429"}},
        "bare": {"object": "error", "message": "Overloaded", "type": "Unavailable", "code": 503},
        "beside": json.loads(event(SHORT[-1], "error"))
        | {"error": {"message": "Overloaded", "code": 502}},
        "detail": {"detail": "Overloaded"},
    }
    if call.options.get("text") == "0":
        yield head()
    else:
        yield from spoken(call, SHORT[:-1] if kind == "beside" else SHORT)
    if kind == "event":
        yield chunk(b'event: error\ndata: {"message":"Overloaded"}\n\n')
    else:
        yield data(said[kind])
    yield END


@_fault
def gave_up(call: Call) -> Script:
    """`gave-up?as=native|choice`: a finish reason or an error in the choice for its own failure.

    With `text=0` there is no text before it.
    """
    yield from spoken(call, "" if call.options.get("text") == "0" else SHORT)
    choice: dict[str, Any] = {"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}
    if call.options.get("as") == "choice":
        choice |= {"finish_reason": None, "error": {"message": "Provider gave up"}}
    else:
        choice["native_finish_reason"] = "network_error"
    yield data({"choices": [choice]})
    yield DONE
    yield END


@_fault
def tools(call: Call) -> Script:
    """Text (none with `text=0`), then a call of a tool."""
    yield from spoken(call, "" if call.options.get("text") == "0" else SHORT)
    yield delta(call, {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "{}"}}]})
    yield from finish(call, "tool_calls")
