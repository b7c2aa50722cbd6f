"""Every way an endpoint answers or fails: the text that arrived, the facts, the error."""

import asyncio
import time
from urllib.parse import quote

import pytest

from chat.tests.upstream.conftest import Connect, read
from chat.upstream import Usage
from fake_endpoint import FakeEndpoint, expected_text
from fake_endpoint.faults import SHORT

pytestmark = pytest.mark.asyncio

USAGE = Usage(prompt_tokens=7, completion_tokens=3, reasoning_tokens=1, cached_tokens=2)


async def test_a_reply_arrives_whole(upstream: FakeEndpoint, connect: Connect) -> None:
    model = "words?n=200&seed=5"
    outcome = await read(connect(), model)
    assert outcome.text == expected_text(model)
    assert outcome.finish_reason == "stop"
    assert outcome.usage == Usage(7, 200, 1, 2)
    assert outcome.model == "fake"
    assert outcome.error is None
    assert len(upstream.chats) == 1


@pytest.mark.parametrize(
    "model",
    [
        "bytewise",
        "line-ends?end=cr",
        "line-ends?end=crlf",
        "line-ends?end=lf",
        "multiline",
        "shapes",
        "plain-json",
        "mislabelled",
        "gzip",
        "think",
        "reasoning",
        "ends",
        "ends?done=1",
        "ends?done=1&hold=1",
        "late-reset",
        "late-error",
        "ends?reason=stop&again=length",
        "no-tools",
        "odd-usage?as=every",
        "odd-usage?as=choice",
        "odd-usage?as=null",
        "odd-usage?as=zero",
        "odd-usage?as=text",
        "azure-chunks",
        "dashscope",
        "openrouter",
        "deepseek",
        "groq",
        "mistral",
    ],
)
async def test_an_oddity_loses_nothing(
    upstream: FakeEndpoint, connect: Connect, model: str
) -> None:
    outcome = await read(connect(), model)
    assert (outcome.text, outcome.finish_reason, outcome.error) == (SHORT, "stop", None)
    assert len(upstream.chats) == 1


async def test_a_scripted_text_arrives_for_any_splits(
    upstream: FakeEndpoint, connect: Connect
) -> None:
    client, text = connect(), 'e\u0301 👩‍👩‍👧 \u2028 \\u0041 "quoted"\n日本'
    for splits in (None, [], [1, 4, 5]):
        upstream.play(text, splits)
        assert (await read(client, "any")).text == text


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("something_new", "something_new"),
        ("max_tokens", "length"),
        ("MAX_TOKENS", "length"),
        ("model_length", "length"),
        ("STOP", "stop"),
        ("end_turn", "stop"),
        ("eos", "stop"),
        ("SAFETY", "content_filter"),
        ("sensitive", "content_filter"),
        ("x" * 60, "x" * 40),
        ("odd <b>öne\n", "odd__b__ne"),
    ],
)
async def test_the_finish_reason_is_passed_on(connect: Connect, said: str, reason: str) -> None:
    outcome = await read(connect(), f"ends?reason={quote(said)}")
    assert (outcome.text, outcome.finish_reason, outcome.error) == (SHORT, reason, None)


@pytest.mark.parametrize("said", ["null", "none", "None", "NULL"])
async def test_the_word_null_is_no_finish_reason(connect: Connect, said: str) -> None:
    outcome = await read(connect(), f"ends?reason={said}")
    assert (outcome.text, outcome.finish_reason, outcome.error) == (SHORT, None, None)


@pytest.mark.parametrize(
    ("model", "thought"),
    [
        ("think", "Let me see."),
        ("reasoning", "Let me see."),
        ("reasoning?field=reasoning", "Let me see."),
        ("reasoning?field=both", "Let me see."),
        ("reasoning?field=details", "Let me see."),
        ("reasoning?field=both-details", "Let me see."),
        ("openrouter", "Let me see."),
        ("deepseek", "Let me see."),
        ("mistral", "Let me see."),
        ("dashscope", ""),
        ("plain-json", "Hm."),
    ],
)
async def test_thoughts_are_apart_from_the_text(connect: Connect, model: str, thought: str) -> None:
    outcome = await read(connect(), model)
    assert (outcome.text, outcome.reasoning) == (SHORT, thought)


@pytest.mark.parametrize(
    "model",
    [
        "shapes",
        "azure-chunks",
        "dashscope",
        "openrouter",
        "deepseek",
        "groq",
        "mistral",
    ],
)
async def test_usage_and_model_are_told(connect: Connect, model: str) -> None:
    outcome = await read(connect(), model)
    assert (outcome.usage, outcome.model) == (USAGE, "fake")


@pytest.mark.parametrize("kind", ["every", "choice"])
async def test_the_last_usage_counts_wherever_it_is(connect: Connect, kind: str) -> None:
    assert (await read(connect(), f"odd-usage?as={kind}")).usage == USAGE


@pytest.mark.parametrize("kind", ["null", "zero", "text"])
async def test_a_usage_that_tells_nothing_is_none(connect: Connect, kind: str) -> None:
    assert (await read(connect(), f"odd-usage?as={kind}")).usage is None


async def test_text_is_clean(connect: Connect) -> None:
    assert (await read(connect(), "surrogates")).text == SHORT + "\ufffd\ufffd"


async def test_a_very_large_token_arrives(connect: Connect) -> None:
    assert len((await read(connect(), "large?n=3000000")).text) == 3_000_000


@pytest.mark.parametrize(
    ("model", "detail"),
    [
        ("no-finish", "The stream ended without a finish reason."),
        ("cut-event", "The stream ended without a finish reason."),
        ("error?as=detail", "The stream ended without a finish reason. Beside it: Overloaded"),
    ],
)
async def test_an_end_without_a_finish_reason_is_no_error(
    connect: Connect, model: str, detail: str
) -> None:
    outcome = await read(connect(), model)
    assert (outcome.text, outcome.finish_reason, outcome.error) == (SHORT, None, None)
    assert outcome.detail == detail


@pytest.mark.parametrize(
    ("model", "text", "code"),
    [
        ("status?code=400", "", "bad_request"),
        ("status?code=401", "", "refused_key"),
        ("status?code=403", "", "refused_key"),
        ("status?code=404", "", "not_found"),
        ("status?code=409", "", "upstream_error"),
        ("status?code=422", "", "bad_request"),
        ("status?code=429&after=7", "", "rate_limited"),
        ("status?code=500", "", "upstream_error"),
        ("status?code=502&html=1", "", "upstream_error"),
        ("status?code=503", "", "upstream_error"),
        ("no-such-model", "", "unknown_model"),
        ("redirect", "", "redirected"),
        ("html", "", "bad_response"),
        ("html?kind=text/event-stream", "", "bad_response"),
        ("html?kind=text/plain", "", "bad_response"),
        ("empty", "", "empty_response"),
        ("empty?done=1", "", "empty_response"),
        ("error-200", "", "upstream_error"),
        ("error-200?as=text", "", "upstream_error"),
        ("error-200?as=detail", "", "bad_response"),
        ("error-200?as=bare", "", "bad_request"),
        ("brotli", "", "bad_response"),
        ("not-http", "", "bad_response"),
        ("closes", "", "connection_lost"),
        ("closes?reset=1", "", "connection_lost"),
        ("reset", SHORT, "connection_lost"),
        ("cut", SHORT, "connection_lost"),
        ("cut?length=1", SHORT, "connection_lost"),
        ("bad-chunk", SHORT, "connection_lost"),
        ("gzip?cut=1", SHORT, "connection_lost"),
        ("gzip?bad=1", SHORT, "bad_response"),
        ("bad-json", SHORT, "bad_response"),
        ("bad-utf8", SHORT, "bad_response"),
        ("error", SHORT, "upstream_error"),
        ("error?as=text", SHORT, "upstream_error"),
        ("error?as=empty", SHORT, "upstream_error"),
        ("error?as=event", SHORT, "upstream_error"),
        ("error?as=number", SHORT, "rate_limited"),
        ("error?as=number&text=0", "", "rate_limited"),
        ("error?as=bare", SHORT, "upstream_error"),
        ("error?as=beside", SHORT, "upstream_error"),
        ("ends?reason=error", SHORT, "upstream_error"),
        ("ends?reason=ABORT", SHORT, "upstream_error"),
        ("ends?reason=insufficient_system_resource", SHORT, "upstream_error"),
        ("ends?reason=network_error", SHORT, "upstream_error"),
        ("ends?reason=tool_calls", SHORT, "tool_calls"),
        ("ends?reason=function_call", SHORT, "tool_calls"),
        ("error?as=event&text=0", "", "upstream_error"),
        ("error?as=detail&text=0", "", "bad_response"),
        ("tools", SHORT, "tool_calls"),
        ("tools?text=0", "", "tool_calls"),
    ],
)
async def test_a_fault_keeps_the_text_and_has_its_code(
    upstream: FakeEndpoint, connect: Connect, model: str, text: str, code: str
) -> None:
    outcome = await read(connect(), model)
    assert outcome.text == text
    assert outcome.error is not None
    assert outcome.error.code == code
    assert len(upstream.requests) == 1


async def test_retry_after_is_told(connect: Connect) -> None:
    error = (await read(connect(), "status?code=429&after=7")).error
    assert error is not None
    assert (error.retry_after, error.permanent, error.status) == (7.0, False, 429)


@pytest.mark.parametrize(
    ("model", "status"),
    [("error?as=number", 429), ("error?as=bare", 503), ("error-200", 500), ("error", None)],
)
async def test_a_status_told_in_the_stream_counts_as_one(
    connect: Connect, model: str, status: int | None
) -> None:
    error = (await read(connect(), model)).error
    assert error is not None
    assert error.status == status


@pytest.mark.parametrize(
    ("model", "detail"),
    [
        ("redirect", "HTTP 307."),
        ("html", "The content type is HTML."),
        ("empty", "Status 200, and no event with content."),
        ("error-200?as=detail", "No answer in what was sent. Out of memory"),
        ("error", "In the stream. server_error: Overloaded"),
        ("error?as=event", "In the stream. Overloaded"),
        ("tools", "No tool was offered."),
        ("ends?reason=error", "Finish reason: error."),
        ("bad-json", "An event is not JSON."),
        ("cut", "ClientPayloadError"),
        ("stall?after=text", "No byte within 0.2 s."),
        ("stall", "No byte within 0.2 s."),
        ("keepalive", "No content within 0.3 s."),
    ],
)
async def test_the_detail_says_more_than_the_sentence(
    connect: Connect, model: str, detail: str
) -> None:
    error = (await read(connect(first_token_timeout=0.3, idle_timeout=0.2), model)).error
    assert error is not None
    assert error.detail == detail


@pytest.mark.parametrize(
    ("model", "first", "idle", "advice"),
    [
        ("stall", 0.3, 0.2, "nothing came for 0.2 s (IDLE_TIMEOUT)"),
        ("stall?after=text", 0.3, 0.2, "nothing came for 0.2 s (IDLE_TIMEOUT)"),
        ("keepalive", 0.3, 0.2, "no text came for 0.3 s (FIRST_TOKEN_TIMEOUT)"),
    ],
)
async def test_a_sentence_names_the_limit_that_can_be_raised(
    connect: Connect, model: str, first: float, idle: float, advice: str
) -> None:
    client = connect(first_token_timeout=first, idle_timeout=idle)
    error = (await read(client, model)).error
    assert error is not None
    assert error.message.endswith(f": {advice}.")


@pytest.mark.parametrize(
    ("model", "text", "code"),
    [
        ("stall", "", "timeout_first_token"),
        ("stall?after=head", "", "timeout_first_token"),
        ("stall?after=role", "", "timeout_first_token"),
        ("stall?after=text", SHORT, "timeout_idle"),
        ("keepalive", "", "timeout_first_token"),
        ("keepalive?text=1", SHORT, "timeout_idle"),
    ],
)
async def test_a_watchdog_counts_content_not_bytes(
    upstream: FakeEndpoint, connect: Connect, model: str, text: str, code: str
) -> None:
    outcome = await read(connect(first_token_timeout=0.3, idle_timeout=0.2), model)
    assert outcome.text == text
    assert outcome.error is not None
    assert (outcome.error.code, outcome.error.permanent) == (code, False)


async def test_a_slow_reply_is_no_stall(connect: Connect) -> None:
    outcome = await read(connect(first_token_timeout=0.5, idle_timeout=0.5), "words?n=8&rate=10")
    assert (outcome.finish_reason, outcome.error) == ("stop", None)


async def test_a_process_that_stood_still_does_not_blame_the_endpoint(connect: Connect) -> None:
    asyncio.get_running_loop().call_later(0.35, time.sleep, 1.5)
    outcome = await read(connect(idle_timeout=0.4), "words?n=8&rate=10")
    assert (outcome.finish_reason, outcome.error) == ("stop", None)


async def test_a_finished_reply_does_not_wait_for_its_end(connect: Connect) -> None:
    outcome = await read(connect(idle_timeout=0.2), "ends?hold=1")
    assert (outcome.text, outcome.finish_reason, outcome.error) == (SHORT, "stop", None)
