"""What endpoints do beside answering plainly: oddities to be tolerated, and faults.

Each entry of `FAULTS` is the scenario for the model of that name. Those under "Oddities" carry the
whole of `SHORT` and end in order; the others say what goes wrong.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from bench.scenarios import (
    CLOSE,
    DONE,
    END,
    HANG,
    RESET,
    Call,
    Script,
    chunk,
    completion,
    data,
    delta,
    finish,
    head,
    json_reply,
    start,
    usage,
    whole,
)

SHORT: Final = "Hello, wörld 👍"
"""The text of most of these scenarios, whole or until something goes wrong."""

FAULTS: dict[str, Callable[[Call], Script]] = {}


def _fault(play: Callable[[Call], Script]) -> Callable[[Call], Script]:
    FAULTS[play.__name__.replace("_", "-")] = play
    return play


def _spoken(call: Call, text: str = SHORT) -> Iterator[bytes]:
    """Head, role and text, one character a token."""
    yield from start(call)
    for token in text:
        yield delta(call, {"content": token})


def _event(text: str | None, reason: str | None = None) -> str:
    """A bare chunk as JSON."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    return json.dumps({"choices": [choice]})


def _raw(body: bytes) -> Script:
    yield head()
    yield chunk(body)
    yield END


# Oddities


@_fault
def bytewise(call: Call) -> Script:
    """One byte a packet, so also in the middle of characters and of line ends."""
    events = [*(_event(token) for token in SHORT), _event(None, "stop")]
    body = "".join(f"data: {event}\r\n\r\n" for event in events).replace("\\u00f6", "ö").encode()
    yield head(framing="Connection: close")
    for number in body:
        yield bytes([number])
    yield CLOSE


@_fault
def line_ends(call: Call) -> Script:
    """`line-ends?end=cr`: CR, CRLF or LF, with a byte order mark, comments and other fields."""
    end = {"cr": b"\r", "crlf": b"\r\n", "lf": b"\n"}[call.options.get("end", "cr")]
    lines = [b"\xef\xbb\xbf: hello", b"retry: 10", b"", b"id: 1", b"", b"event: message"]
    for token in SHORT:
        lines += [b"id: 7", b"data:" + _event(token).encode(), b": comment", b""]
    lines += [b"data: " + _event(None, "stop").encode(), b"", b"data: [DONE]", b"", b""]
    return _raw(end.join(lines))


@_fault
def multiline(call: Call) -> Script:
    """Data over several lines, and no blank line after the last event."""
    value = json.dumps(json.loads(_event(SHORT, "stop")), indent=1)
    return _raw("\n".join(f"data: {line}" for line in value.split("\n")).encode())


@_fault
def shapes(call: Call) -> Script:
    """Null, missing and empty parts, list content, several choices, Azure's first chunk."""
    yield head()
    yield data({"model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]})
    yield data({"choices": None})
    yield data({"choices": [{"index": 0, "delta": None}]})
    yield data({"choices": [{"index": 0}]})
    yield data({"choices": [{"index": 1, "delta": {"content": "the other choice"}}]})
    other = {"index": 1, "delta": {"content": "other"}}
    yield data({"choices": [other, {"index": 0, "delta": {"content": SHORT[0]}}]})
    parts = [{"type": "text", "text": SHORT[1:4]}, {"type": "image_url"}, SHORT[4:]]
    yield data({"choices": [{"index": 0, "delta": {"content": parts}, "extra": {"a": [1]}}]})
    odd: list[Any] = [42, "x", None, [], {"detail": "nothing"}]
    for value in odd:
        yield data(value)
    yield data({"choices": [{"delta": {"content": None}, "finish_reason": "stop"}]})
    yield from finish(call, None)


@_fault
def plain_json(call: Call) -> Script:
    """A whole completion although a stream was asked for."""
    return json_reply(completion(SHORT, reasoning_content="Hm."))


@_fault
def mislabelled(call: Call) -> Script:
    """A whole completion that calls itself a stream."""
    return _raw(json.dumps(completion(SHORT), indent=1).encode())


@_fault
def gzip(call: Call) -> Script:
    """A compressed body although none was asked for; `cut=1` ends it early, `bad=1` damages it."""
    yield head(framing="Transfer-Encoding: chunked\r\nContent-Encoding: gzip")
    squeeze = zlib.compressobj(wbits=31)
    for token in SHORT:
        block = squeeze.compress(f"data: {_event(token)}\n\n".encode())
        yield chunk(block + squeeze.flush(zlib.Z_SYNC_FLUSH))
    if call.options.get("bad"):
        yield 0.1
        yield chunk(b"\xff\xff\xff this is not gzip") + END
    elif call.options.get("cut"):
        yield END
    else:
        last = squeeze.compress(f"data: {_event(None, 'stop')}\n\n".encode())
        yield chunk(last + squeeze.flush()) + END


@_fault
def surrogates(call: Call) -> Script:
    """A surrogate pair cut over two chunks, a lone surrogate and NUL."""
    yield head()
    for escaped in ("Hello, wörld \\ud83d", "\\udc4d", "\\u0000", "\\udc00", "\\ud83d"):
        yield chunk(f'data: {{"choices":[{{"delta":{{"content":"{escaped}"}}}}]}}\n\n'.encode())
    yield from finish(call)


@_fault
def think(call: Call) -> Script:
    """Thoughts in tags at the start of the text, the tags cut over tokens."""
    yield from start(call)
    for token in ("<th", "ink>", "\nLet me", " see.\n</", "think>", "\n\n", *SHORT):
        yield delta(call, {"content": token})
    yield from finish(call)


@_fault
def reasoning(call: Call) -> Script:
    """Thoughts in a field of their own; `field=reasoning` names another one."""
    yield from start(call)
    for token in ("Let me", " see."):
        yield delta(call, {call.options.get("field", "reasoning_content"): token})
    for token in SHORT:
        yield delta(call, {"content": token})
    yield from finish(call)


@_fault
def large(call: Call) -> Script:
    """One token of `n` characters."""
    yield from start(call)
    yield delta(call, {"content": "x" * int(call.number("n", 8_000_000))})
    yield from finish(call)


@_fault
def no_usage_option(call: Call) -> Script:
    """Refuses `stream_options`, and answers without it."""
    if "stream_options" in call.body:
        error = {"message": "Unknown parameter: 'stream_options'.", "code": "unknown_parameter"}
        return json_reply({"error": error}, 400)
    return _orderly(call)


def _orderly(call: Call) -> Script:
    yield from _spoken(call)
    yield from finish(call)


@_fault
def ends(call: Call) -> Script:
    """`ends?reason=length`: that finish reason; `hold=1` keeps the connection open after it."""
    yield from _spoken(call)
    yield delta(call, {}, call.options.get("reason", "stop"))
    if call.options.get("done"):
        yield DONE
    yield HANG if call.options.get("hold") else END


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
    """An error that repeats the key and the prompt, as JSON, in the stream or as a page."""
    words = f"Bad {call.headers.get('authorization')} in {json.dumps(call.messages)}"
    match call.options.get("how", "status"):
        case "stream":
            yield from _spoken(call)
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
        return _raw(b"data: [DONE]\n\n")
    return whole(b"", "text/event-stream")


@_fault
def error_200(call: Call) -> Script:
    """An error as JSON with status 200."""
    return json_reply({"error": {"message": "Out of memory", "code": 500}})


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
            yield from _spoken(call)
    yield HANG


@_fault
def keepalive(call: Call) -> Script:
    """Comments every 20 ms and no content; `text=1`: after some text."""
    yield from _spoken(call) if call.options.get("text") else start(call)
    while True:
        yield chunk(b": keep-alive\n\n")
        yield 0.02


# Faults in the middle


@_fault
def reset(call: Call) -> Script:
    """Text, then a TCP reset."""
    yield from _spoken(call)
    yield 0.1
    yield RESET


@_fault
def cut(call: Call) -> Script:
    """Text, then the connection closes within the chunked body; `length=1`: short of its length."""
    if call.options.get("length"):
        yield head(framing="Content-Length: 5000")
        yield f"data: {_event(SHORT)}\n\n".encode()
    else:
        yield from _spoken(call)
    yield CLOSE


@_fault
def bad_chunk(call: Call) -> Script:
    """Text, then chunked framing that is none."""
    yield from _spoken(call)
    yield 0.1
    yield b"zz\r\nwhat\r\n"
    yield HANG


@_fault
def no_finish(call: Call) -> Script:
    """Text and an orderly end without a finish reason; `done=1`: with the end mark."""
    yield from _spoken(call)
    if call.options.get("done"):
        yield DONE
    yield END


@_fault
def cut_event(call: Call) -> Script:
    """Text and an orderly end in the middle of an event."""
    yield from _spoken(call)
    yield chunk(b'data: {"choices":[{"delta":{"con')
    yield END


@_fault
def bad_json(call: Call) -> Script:
    """Text, then an event that is not JSON."""
    yield b"".join(_spoken(call)) + chunk(b"data: {oops}\n\n")
    yield HANG


@_fault
def bad_utf8(call: Call) -> Script:
    """Text, then bytes that are not UTF-8."""
    yield from _spoken(call)
    yield chunk(b'data: {"choices":[{"delta":{"content":"\xff\xfe"}}]}\n\n')
    yield HANG


@_fault
def error(call: Call) -> Script:
    """`error?as=object|text|empty|event|detail`: text (none with `text=0`), then an error."""
    said: dict[str, Any] = {
        "object": {"error": {"message": "Overloaded", "code": "server_error"}},
        "text": {"error": "Overloaded"},
        "empty": {"error": {}},
        "detail": {"detail": "Overloaded"},
    }
    yield from _spoken(call) if call.options.get("text") != "0" else iter([head()])
    kind = call.options.get("as", "object")
    if kind == "event":
        yield chunk(b'event: error\ndata: {"message":"Overloaded"}\n\n')
    else:
        yield data(said[kind])
    yield END


@_fault
def tools(call: Call) -> Script:
    """Text, then a call of a tool."""
    yield from _spoken(call)
    yield delta(call, {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "{}"}}]})
    yield from finish(call, "tool_calls")


@_fault
def late_reset(call: Call) -> Script:
    """Everything including the finish reason, then a reset."""
    yield from _spoken(call)
    yield delta(call, {}, "stop")
    yield data({"choices": [], "usage": usage(3)})
    yield 0.1
    yield RESET
