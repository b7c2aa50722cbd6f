"""Behaviour of endpoints, and the end of the reply: a row for each oddity and each fault.

`test_fault_table.py` holds every row against a server; `python -m bench.fault_table` prints them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socket import create_connection, create_server
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

from chat.tests.live.client import Frame, client, eventually
from chat.tests.live.server import Server, Upstream, free_port
from fake_endpoint import expected_text
from fake_endpoint.faults import SHORT

TRIES: Final = 3
WORDS: Final = "words?n=40&rate=200"
MEBIBYTE: Final = 1024 * 1024
PAST: Final = quote("Wed, 21 Oct 2015 07:28:00 GMT")
FUTURE: Final = quote("Sun, 21 Oct 2085 07:28:00 GMT")

SHORT_LIMITS: Final = {
    "UPSTREAM_TRIES": str(TRIES),
    "FIRST_TOKEN_TIMEOUT": "2",
    "IDLE_TIMEOUT": "1",
    "CHECKPOINT_SECONDS": "0.2",
}
"""Settings under which the whole table takes seconds."""

AT_A_TIME: Final = 16
"""Rows that are played at once: enough to be quick, too few to keep an answer waiting for CPU."""


@dataclass(frozen=True)
class Fault:
    """A fault that the endpoint plays (a model of `fake_endpoint/`), and its expected result."""

    name: str
    model: str
    status: str
    code: str = ""
    text: str = SHORT
    reasoning: str = ""
    finish_reason: str = ""
    requests: int = 1
    goes_on: bool = False
    """More text than this may come, of no certain length."""
    closed_by_us: bool = False
    """The endpoint kept the connection open, so that only we can have closed it."""
    waits: int = 0
    """Number of times that users saw it wait with a time for the next try."""
    says: str = ""
    """Further words of the sentence."""
    after: float | None = None
    """Seconds after which a client may ask again, told where the endpoint limits requests."""
    endpoint: str = "openai"
    """The endpoint of the reply; see `endpoints`."""
    settings: Frame | None = None
    """The settings of the conversation."""
    usage: tuple[int, ...] | None = None
    """Tokens of prompt, answer, reasoning and cache, none where Parley estimates them."""

    def __str__(self) -> str:
        return self.name


@dataclass
class Seen:
    """One row as it went."""

    fault: Fault
    about: str
    """The prompt, which no other row has."""
    frames: list[Frame] = field(default_factory=list)
    """All of this reply, in their order, for the one who asked."""
    end: Frame = field(default_factory=dict)
    text: str = ""
    reasoning: str = ""
    later: tuple[Frame, str, str] | None = None
    """End, text and reasoning for one who came after the end."""
    row: dict[str, Any] = field(default_factory=dict)
    parts: int = 0
    attempts: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    problem: str = ""


def tolerated(name: str, model: str, text: str = SHORT, **more: Any) -> Fault:
    """An oddity that costs nothing: the whole text, and an end in order."""
    return Fault(name, model, "complete", "", text, **({"finish_reason": "stop"} | more))


def failed(name: str, model: str, code: str, **more: Any) -> Fault:
    """Nothing usable came."""
    return Fault(name, model, "failed", code, "", **more)


def retried(name: str, model: str, code: str, asked: int = TRIES, **more: Any) -> Fault:
    """Nothing usable came, however often it was asked."""
    return failed(name, model, code, requests=asked, waits=TRIES - 1, **more)


def interrupted(name: str, model: str, code: str, **more: Any) -> Fault:
    """Something went wrong after some text, which is kept."""
    return Fault(name, model, "interrupted", code, **more)


def flaky(how: str, fails: int, then: str = "") -> str:
    """A model that plays `how` so often, then another scenario or a plain answer."""
    return f"flaky?fails={fails}&how={quote(how)}" + (f"&then={quote(then)}" if then else "")


THOUGHT: Final = "Let me see."
REPORTED: Final = (7, 3, 1, 2)
ESTIMATED: Final = ()

ODDITIES = [
    tolerated("plain text", WORDS, expected_text(WORDS), usage=(7, 40, 1, 2)),
    tolerated("reasoning_content", "reasoning", reasoning=THOUGHT, usage=REPORTED),
    tolerated("reasoning", "reasoning?field=reasoning", reasoning=THOUGHT),
    tolerated("reasoning_details", "reasoning?field=details", reasoning=THOUGHT),
    tolerated("reasoning twice", "reasoning?field=both", reasoning=THOUGHT),
    tolerated("reasoning and its details", "reasoning?field=both-details", reasoning=THOUGHT),
    tolerated("think tags in the text", "think", reasoning=THOUGHT, usage=REPORTED),
    tolerated("odd chunks of all kinds", "shapes", usage=REPORTED),
    tolerated("comments, CR", "line-ends?end=cr", usage=ESTIMATED),
    tolerated("comments, CRLF", "line-ends?end=crlf"),
    tolerated("comments, LF", "line-ends?end=lf"),
    tolerated("data over several lines", "multiline"),
    tolerated("one byte a packet", "bytewise"),
    tolerated("gzip", "gzip"),
    tolerated("surrogates and NUL", "surrogates", f"{SHORT}��", usage=REPORTED),
    tolerated("plain JSON completion", "plain-json", reasoning="Hm.", usage=REPORTED),
    tolerated("plain JSON called a stream", "mislabelled", usage=REPORTED),
    tolerated("empty tool calls", "no-tools", usage=REPORTED),
    tolerated("no stream_options", "no-usage-option", requests=2, endpoint="plain"),
    tolerated("alive for longer than it may be silent", "warms-up?s=1.5", usage=REPORTED),
    tolerated("no stream", "no-stream", requests=2, usage=REPORTED),
    tolerated("usage in every chunk", "odd-usage?as=every", usage=REPORTED),
    tolerated("usage in the choice", "odd-usage?as=choice", usage=REPORTED),
    tolerated("usage null", "odd-usage?as=null", usage=ESTIMATED),
    tolerated("usage of zeros", "odd-usage?as=zero", usage=ESTIMATED),
    tolerated("usage in words", "odd-usage?as=text", usage=ESTIMATED),
    tolerated("Azure's chunks", "azure-chunks", usage=REPORTED),
    tolerated("DashScope's chunks", "dashscope", usage=REPORTED),
    tolerated("OpenRouter's chunks", "openrouter", reasoning=THOUGHT, usage=REPORTED),
    tolerated("DeepSeek's chunks", "deepseek", reasoning=THOUGHT, usage=REPORTED),
    tolerated("Groq's chunks", "groq", usage=REPORTED),
    tolerated("Mistral's chunks", "mistral", reasoning=THOUGHT, usage=REPORTED),
    tolerated("reset after the finish", "late-reset", usage=REPORTED),
    tolerated("error after the finish", "late-error"),
    tolerated("left open after the finish", "ends?hold=1", closed_by_us=True),
    tolerated("left open after [DONE]", "ends?done=1&hold=1", closed_by_us=True),
    tolerated("[DONE] without a finish", "no-finish?done=1", finish_reason=""),
    tolerated("length", "ends?reason=length", finish_reason="length"),
    tolerated("length by another name", "ends?reason=MAX_TOKENS", finish_reason="length"),
    tolerated("content_filter", "ends?reason=content_filter", finish_reason="content_filter"),
    tolerated("filter by another name", "ends?reason=SAFETY", finish_reason="content_filter"),
    tolerated("stop by another name", "ends?reason=end_turn"),
    tolerated("an unknown finish", "ends?reason=something_new", finish_reason="something_new"),
    tolerated("a long finish", f"ends?reason={'x' * 60}", finish_reason="x" * 40),
    tolerated("two finishes", "ends?reason=stop&again=length"),
    tolerated("over 1 MiB", "large?n=1500000", "x" * MEBIBYTE, finish_reason="length"),
]

REFUSALS = [
    failed("400", "status?code=400", "bad_request"),
    failed("400, too long", "status?code=400&name=context_length_exceeded", "too_large_context"),
    failed("400, filter", "status?code=400&name=content_filter", "content_filtered"),
    failed("401", "status?code=401", "refused_key"),
    failed("402", "status?code=402", "no_credit"),
    failed("403", "status?code=403", "refused_key"),
    failed("404", "status?code=404", "not_found"),
    failed("404, model", "a-model-nobody-has", "unknown_model"),
    failed("413", "status?code=413", "too_large_context"),
    failed("422", "status?code=422", "bad_request"),
    failed(
        "400, a setting",
        "refuses?setting=temperature",
        "refused_setting",
        settings={"temperature": 0.5},
        says="temperature",
    ),
    failed("429, no credit", "status?code=429&name=insufficient_quota", "no_credit"),
    failed("301", "status?code=301", "redirected"),
    failed("307", "redirect", "redirected"),
    failed(
        "429, 5 minutes",
        "status?code=429&after=300",
        "rate_limited",
        says="in 5 minutes",
        after=300,
    ),
    failed(
        "429, a day", "status?code=429&after=86400", "rate_limited", says="in 24 hours", after=86400
    ),
    failed("503, 61 seconds", "status?code=503&after=61", "upstream_error", says="in 61 seconds"),
    failed("503, a date in 2085", f"status?code=503&after={FUTURE}", "upstream_error", says="days"),
]

RETRIED = [
    retried("refused connection", "any", "unreachable", asked=0, endpoint="nobody"),
    retried("unanswered connection", "any", "timeout_connect", asked=0, endpoint="full"),
    retried("408", "status?code=408", "upstream_error"),
    retried("409", "status?code=409", "upstream_error"),
    retried("429", "status?code=429", "rate_limited"),
    retried(
        "429, 1 second", "status?code=429&after=1", "rate_limited", says="in 1 second", after=1
    ),
    retried("500", "status?code=500", "upstream_error"),
    retried("502, HTML", "status?code=502&html=1", "upstream_error"),
    retried("503", "status?code=503", "upstream_error"),
    retried("503, a date in the past", f"status?code=503&after={PAST}", "upstream_error"),
    retried("529", "status?code=529", "upstream_error"),
    retried("reset before the head", "closes?reset=1", "connection_lost"),
    retried("closed without a byte", "closes", "connection_lost"),
    # Status 200, and an error object whose code says what the status did not.
    retried("error 500 as JSON with 200", "error-200", "upstream_error"),
    retried("bare error 503 first", "error?text=0&as=bare", "upstream_error"),
    retried("provider gone first", "gave-up?text=0&as=native", "upstream_error"),
    retried("error in the choice first", "gave-up?text=0&as=choice", "upstream_error"),
    retried("error 429 first", "error?text=0&as=number", "rate_limited"),
]

LATER = [
    tolerated("503 once", flaky("status?code=503", 1), requests=2, waits=1),
    tolerated("429 twice", flaky("status?code=429", 2), requests=3, waits=2),
    tolerated("reset once", flaky("closes?reset=1", 1), requests=2, waits=1),
    tolerated("closed twice", flaky("closes", 2), requests=3, waits=2),
    tolerated("409, 1 second", flaky("status?code=409&after=1", 1), requests=2, waits=1),
    failed(
        "503, then 401",
        flaky("status?code=503", 1, "status?code=401"),
        "refused_key",
        requests=2,
        waits=1,
    ),
    interrupted(
        "503, then reset after text",
        flaky("status?code=503", 1, "reset"),
        "connection_lost",
        requests=2,
        waits=1,
    ),
]

NOTHING_CAME = [
    failed("TLS to a server without it", "any", "tls_failed", requests=0, endpoint="tls"),
    failed("no head", "stall", "timeout_first_token", closed_by_us=True),
    failed("stall after the head", "stall?after=head", "timeout_first_token", closed_by_us=True),
    failed("stall after the role", "stall?after=role", "timeout_first_token", closed_by_us=True),
    failed("only comments", "keepalive", "timeout_first_token", closed_by_us=True),
    failed("500, body stalls", "stalled-refusal", "timeout_first_token", closed_by_us=True),
    failed("HTML", "html", "bad_response"),
    failed("HTML called a stream", "html?kind=text/event-stream", "bad_response"),
    failed("HTML called text", "html?kind=text/plain", "bad_response"),
    failed("empty 200", "empty", "empty_response"),
    failed("only [DONE]", "empty?done=1", "empty_response"),
    failed("error text as JSON with 200", "error-200?as=text", "upstream_error"),
    failed("bare error as JSON with 200", "error-200?as=bare", "bad_request"),
    failed("detail as JSON with 200", "error-200?as=detail", "bad_response"),
    failed("brotli", "brotli", "bad_response"),
    failed("no HTTP", "not-http", "bad_response"),
    failed("error object first", "error?text=0", "upstream_error"),
    failed("error text first", "error?text=0&as=text", "upstream_error"),
    failed("empty error first", "error?text=0&as=empty", "upstream_error"),
    failed("error event first", "error?text=0&as=event", "upstream_error"),
    failed("detail first", "error?text=0&as=detail", "bad_response"),
    failed("tool call", "tools?text=0", "tool_calls"),
]

CUT = [
    interrupted("end without [DONE]", "no-finish", "early_end"),
    interrupted("finish called null", "ends?reason=null", "early_end"),
    interrupted("finish called error", "ends?reason=error", "upstream_error"),
    interrupted("end within an event", "cut-event", "early_end"),
    interrupted("closed within the body", "cut", "connection_lost"),
    interrupted("short of its length", "cut?length=1", "connection_lost"),
    interrupted("reset", "reset", "connection_lost"),
    interrupted("bad framing", "bad-chunk", "connection_lost"),
    interrupted("gzip, cut", "gzip?cut=1", "connection_lost"),
    interrupted("gzip, damaged", "gzip?bad=1", "bad_response"),
    interrupted("stall", "stall?after=text", "timeout_idle", closed_by_us=True),
    interrupted("comments only, later", "keepalive?text=1", "timeout_idle", closed_by_us=True),
    interrupted("malformed JSON", "bad-json", "bad_response", closed_by_us=True),
    interrupted("malformed UTF-8", "bad-utf8", "bad_response", closed_by_us=True),
    interrupted("error object", "error", "upstream_error"),
    interrupted("error text", "error?as=text", "upstream_error"),
    interrupted("empty error", "error?as=empty", "upstream_error"),
    interrupted("error event", "error?as=event", "upstream_error"),
    interrupted("error 429", "error?as=number", "rate_limited"),
    interrupted("bare error 503", "error?as=bare", "upstream_error"),
    interrupted("error beside the last text", "error?as=beside", "upstream_error"),
    interrupted("provider gone", "gave-up?as=native", "upstream_error"),
    interrupted("error in the choice", "gave-up?as=choice", "upstream_error"),
    interrupted("detail", "error?as=detail", "early_end"),
    interrupted("tool call after text", "tools", "tool_calls"),
    interrupted("finish called tool_calls", "ends?reason=tool_calls", "tool_calls"),
    interrupted("repeats secrets later", "repeats-secrets?how=stream", "upstream_error"),
]

SECRETS = [
    failed("repeats secrets", "repeats-secrets", "bad_request"),
    retried("repeats secrets, page", "repeats-secrets?how=page", "upstream_error"),
]

FAULTS: Final = [*ODDITIES, *REFUSALS, *RETRIED, *LATER, *NOTHING_CAME, *CUT, *SECRETS]


@contextmanager
def endpoints(url: str, faults: Iterable[Fault] = FAULTS) -> Iterator[dict[str, str]]:
    """The settings that offer these rows of the fake endpoint at `url`, and others that are none.

    `plain` is the same under another name; at `nobody` nothing listens; `full` has a kernel that
    leaves connections unanswered, because the backlog is taken; `tls` is none.
    """
    with (
        create_server(("127.0.0.1", 0), backlog=0) as listener,
        create_connection(listener.getsockname()),
    ):
        addresses = {
            "plain": url,
            "nobody": f"http://127.0.0.1:{free_port()}/v1",
            "full": f"http://127.0.0.1:{listener.getsockname()[1]}/v1",
            "tls": url.replace("http:", "https:"),
        }
        # Below the limit of the first token, which counts from the same moment.
        settings = {"ENDPOINTS": ",".join(addresses), "ENDPOINT_FULL_CONNECT_TIMEOUT": "0.3"}
        for name, address in addresses.items():
            settings[f"ENDPOINT_{name.upper()}_URL"] = address
        for name in ("openai", *addresses):
            models = ",".join(fault.model for fault in faults if fault.endpoint == name)
            variable = "CHAT_MODEL" if name == "openai" else f"ENDPOINT_{name.upper()}_MODELS"
            settings[variable] = models
        yield settings | SHORT_LIMITS


async def play_all(
    server: Server,
    upstream: Upstream,
    faults: Iterable[Fault] = FAULTS,
    *,
    prompt: str = "Tell me",
    system: str = "",
) -> dict[str, Seen]:
    """Play them, several at a time; what breaks one of them is told in its `problem`."""
    room = asyncio.Semaphore(AT_A_TIME)

    async def one(fault: Fault) -> Seen:
        seen = Seen(fault, about=f"{prompt} {uuid4()}")
        async with room:
            try:
                await _play(server, seen, system)
            except AssertionError as problem:
                seen.problem = str(problem)
        return seen

    played = await asyncio.gather(*map(one, faults))
    with suppress(AssertionError):  # told below, for the one that stays open
        await eventually(lambda: not any(request["open"] for request in upstream.requests(prompt)))
    requests = upstream.requests(prompt)
    for seen in played:
        seen.requests = [request for request in requests if _is_about(request, seen.about)]
        if any(request["open"] for request in seen.requests):
            seen.problem = seen.problem or "The connection to the endpoint stays open."
    return {seen.fault.name: seen for seen in played}


async def _play(server: Server, seen: Seen, system: str) -> None:
    """One question from a person of its own, until its reply has ended."""
    fault = seen.fault
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        chosen = (fault.settings or {}) | ({"system": system} if system else {})
        accepted = await page.send(
            seen.about, fault.model, endpoint=fault.endpoint, settings=chosen
        )
        reply = accepted["reply"]
        begun = time.monotonic()
        seen.end, seen.text = await page.end(reply)
        seen.seconds = time.monotonic() - begun
        seen.reasoning = page.shown[reply].reasoning
        await page.sync()
        seen.frames = [frame for frame in page.frames if frame.get("reply") == reply]
    async with client(server, alice) as page:
        await page.follow(reply)
        end, text = await page.end(reply)
        seen.later = end, text, page.shown[reply].reasoning
    seen.row = server.database.reply(reply)
    pk = seen.row["id"]
    seen.parts = len(server.database.rows("SELECT id FROM chat_part WHERE reply_id = ?", pk))
    seen.attempts = server.database.rows("SELECT * FROM chat_attempt WHERE reply_id = ?", pk)


def _is_about(request: dict[str, Any], about: str) -> bool:
    return any(about in message["content"] for message in request["body"]["messages"])
