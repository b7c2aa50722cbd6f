"""Building blocks of scenarios, and the two scenarios that stream a text.

A scenario is a function from a request to a script. A script is a generator of `bytes` to send as
one packet, `float` seconds to wait, and the marks `CLOSE` (an orderly end of the connection),
`RESET` (a TCP reset) and `HANG` (stay open, send nothing more).
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final
from urllib.parse import parse_qsl

CLOSE: Final = object()
RESET: Final = object()
HANG: Final = object()

type Item = bytes | float | object
type Script = Iterator[Item]

SHORT: Final = "Hello, wörld 👍"
"""The text of most scenarios, whole or until something goes wrong."""

WORDS: Final = (
    "the", "token", "river", "naïve", "Straße", "zażółć", "e\u0301te\u0301", "日本語", "한국어",
    "👍", "👩‍👩‍👧", "🇵🇱", "1,000", "`code`", "**bold**",
    "שלום", "x²", "\U0001d518", "a\u0308", "end.",
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One request for a completion. `path` is without its query."""

    headers: dict[str, str]
    body: dict[str, Any]
    options: dict[str, str]
    path: str = ""
    query: dict[str, str] = field(default_factory=dict)

    def number(self, name: str, default: float) -> float:
        """An option of the model's name."""
        return float(self.options.get(name, default))

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation that was sent."""
        return list(self.body.get("messages") or [])

    @property
    def kept(self) -> str:
        """The text to be continued, or none."""
        messages = self.messages
        if messages and messages[-1].get("role") == "assistant":
            return str(messages[-1].get("content"))
        asked = len(messages) > 1 and str(messages[-1].get("content")).startswith("Continue")
        if asked and messages[-2].get("role") == "assistant":
            return str(messages[-2].get("content"))
        return ""


def parse_model(model: str) -> tuple[str, dict[str, str]]:
    """Split `words?n=3` into the scenario's name and its options."""
    name, _, query = model.partition("?")
    return name, dict(parse_qsl(query))


@lru_cache(maxsize=64)
def _words(n: int, seed: int) -> tuple[str, ...]:
    draw = random.Random(seed)
    return tuple(draw.choice(WORDS) + draw.choice((" ", " ", " ", "\n", "")) for _ in range(n))


def expected_text(model: str) -> str:
    """The text that a `words…` model answers with when nothing is kept."""
    _, options = parse_model(model)
    return "".join(_words(int(options.get("n", 100)), int(options.get("seed", 1))))


# Building blocks


def head(kind: str = "text/event-stream", status: str = "200 OK", framing: str = "") -> bytes:
    """The head of an answer; `framing` replaces chunked transfer."""
    framing = framing or "Transfer-Encoding: chunked"
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{framing}\r\n\r\n".encode()


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


END: Final = b"0\r\n\r\n"
DONE: Final = chunk(b"data: [DONE]\n\n")
_BASE: Final = (
    '{"id":"chatcmpl-fake","object":"chat.completion.chunk","created":1760000000,"model":%s,'
    '"system_fingerprint":"fp_fake","choices":[{"index":0,"delta":%s,"finish_reason":%s}]}'
)


def data(value: Any) -> bytes:
    """Any JSON as one server-sent event in one chunk."""
    return chunk(b"data: " + json.dumps(value).encode() + b"\n\n")


def delta(call: Call, fields: dict[str, Any], finish: str | None = None) -> bytes:
    """One chunk of a completion as endpoints send it, about 230 bytes."""
    model = str(call.body.get("model", "")).partition("?")[0]
    values = (json.dumps(model), json.dumps(fields, ensure_ascii=False), json.dumps(finish))
    return chunk(f"data: {_BASE % values}\n\n".encode("utf-8", "surrogatepass"))


def start(call: Call) -> Iterator[bytes]:
    """The head and the role."""
    yield head()
    yield delta(call, {"role": "assistant", "content": ""})


def spoken(call: Call, text: str = SHORT) -> Iterator[bytes]:
    """Head, role and text, one character a token."""
    yield from start(call)
    for token in text:
        yield delta(call, {"content": token})


def event(text: str | None, reason: str | None = None) -> str:
    """A bare chunk as JSON."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    return json.dumps({"choices": [choice]})


def raw(body: bytes) -> Script:
    """A stream of these bytes."""
    yield head()
    yield chunk(body)
    yield END


def finish(call: Call, reason: str | None = "stop", tokens: int = 3) -> Iterator[Item]:
    """The finish reason, the usage where it was asked for, and the end."""
    if reason is not None:
        yield delta(call, {}, reason)
    if (call.body.get("stream_options") or {}).get("include_usage"):
        yield data({"model": "fake", "choices": [], "usage": usage(tokens)})
    yield DONE
    yield END


def usage(tokens: int) -> dict[str, Any]:
    """Token counts as endpoints give them."""
    return {
        "prompt_tokens": 7,
        "completion_tokens": tokens,
        "total_tokens": 7 + tokens,
        "completion_tokens_details": {"reasoning_tokens": 1},
        "prompt_tokens_details": {"cached_tokens": 2},
    }


def completion(text: str | None, reason: str = "stop", **message: Any) -> dict[str, Any]:
    """A whole completion, as an answer without streaming."""
    choice = {"index": 0, "message": {"content": text, **message}, "finish_reason": reason}
    return {"object": "chat.completion", "model": "fake", "choices": [choice], "usage": usage(3)}


def whole(body: bytes, kind: str, status: int = 200, **headers: str) -> Iterator[Item]:
    """An answer with a Content-Length."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    framing = "\r\n".join([f"Content-Length: {len(body)}", *lines])
    yield head(kind, f"{status} Status", framing) + body


def json_reply(value: Any, status: int = 200, **headers: str) -> Iterator[Item]:
    """An answer of JSON with a Content-Length."""
    return whole(json.dumps(value).encode(), "application/json", status, **headers)


def play(call: Call, tokens: Iterator[str] | list[str], rate: float) -> Script:
    """Tokens at a rate, one packet each, and an orderly end."""
    yield from start(call)
    count = 0
    # The JSON around the token is made once: 200 streams shall cost little.
    frame = delta(call, {"content": "\0"}).partition(b"\r\n")[2].removesuffix(b"\r\n")
    before, after = frame.split(b'"\\u0000"')
    interval = 1 / rate if rate else 0.0
    for token in tokens:
        body = before + json.dumps(token, ensure_ascii=False).encode() + after
        yield b"%x\r\n%b\r\n" % (len(body), body)
        count += 1
        if interval:
            yield interval
    yield from finish(call, tokens=count)


def scripted(call: Call, text: str, splits: list[int] | None = None, rate: float = 0) -> Script:
    """A text handed in by a test, cut at the code points `splits`."""
    cuts = [0, *(splits if splits is not None else range(1, len(text))), len(text)]
    return play(call, [text[a:b] for a, b in pairwise(cuts)], rate)


def words(call: Call) -> Script:
    """`words?n=100&rate=50&seed=1`: `n` tokens, `rate` a second (0: all at once), always the same.

    A request that ends with an assistant message gets the rest of the text, and so does one that
    ends with a user message "Continue…" after it. `repeat=30` repeats as many characters before.
    """
    kept = call.kept
    if kept and not expected_text(str(call.body.get("model", ""))).startswith(kept):
        kept = ""
    repeated = int(call.number("repeat", 0)) if kept else 0
    return play(call, rest(call, len(kept) - repeated), call.number("rate", 0))


def rest(call: Call, skip: int = 0) -> list[str]:
    """The tokens of the deterministic text after so many characters."""
    tokens, skip = [], max(skip, 0)
    for token in _words(int(call.number("n", 100)), int(call.number("seed", 1))):
        if len(token) > skip:
            tokens.append(token[skip:])
        skip = max(0, skip - len(token))
    return tokens


def stamps(call: Call) -> Script:
    """`stamps?n=100&rate=50`: each token is `t<time.monotonic_ns() when it was sent> `."""
    n = int(call.number("n", 100))
    tokens = (f"t{time.monotonic_ns()} " for _ in range(n))
    return play(call, tokens, call.number("rate", 50))


def orderly(call: Call) -> Script:
    """`SHORT`, and nothing that is odd."""
    yield from spoken(call)
    yield from finish(call)


TEXTS: dict[str, Callable[[Call], Script]] = {"words": words, "stamps": stamps}
