"""Answers as OpenAI's own types read them, and the bytes of a stream."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from chat.api.openai import errors
from chat.api.openai.answers import (
    DONE,
    PING,
    Answer,
    error_event,
    finish_reason,
    model_object,
    usage_object,
)
from chat.protocol import BadFrame

USAGE = {
    "prompt_tokens": 7,
    "completion_tokens": 5,
    "reasoning_tokens": 2,
    "cached_tokens": 3,
    "estimated": False,
}


def answer(**fields: Any) -> Answer:
    return Answer("chatcmpl-1", 1_700_000_000, 'a/"quoted" 👍', **fields)


def data(event: bytes) -> dict[str, Any]:
    """The JSON of one event."""
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    assert len(event.decode().splitlines()) == 2  # to any reader of lines
    value: dict[str, Any] = json.loads(event[6:])
    return value


def chunk(event: bytes) -> ChatCompletionChunk:
    return ChatCompletionChunk.model_validate(data(event), strict=True)


@given(st.text() | st.text("a\r\n\x0b\x0c\x1c\x85\u2028\u2029"))
def test_any_text_comes_through(text: str) -> None:
    (choice,) = chunk(answer().delta("text", text)).choices
    assert choice.delta.content == text
    assert (choice.index, choice.finish_reason) == (0, None)


def test_the_first_chunk_tells_the_role() -> None:
    first = chunk(answer().begin())
    assert (first.id, first.created, first.model) == ("chatcmpl-1", 1_700_000_000, 'a/"quoted" 👍')
    assert first.object == "chat.completion.chunk"
    assert (first.choices[0].delta.role, first.choices[0].delta.content) == ("assistant", "")


def test_thoughts_have_a_field_of_their_own() -> None:
    (choice,) = chunk(answer().delta("reasoning", "Hm")).choices
    assert choice.delta.model_extra == {"reasoning_content": "Hm"}
    assert choice.delta.content is None


def test_the_end_tells_the_reason_and_then_that_it_is_done() -> None:
    last, done, rest = answer().finish("length", USAGE).split(b"\n\n")
    assert chunk(last + b"\n\n").choices[0].finish_reason == "length"
    assert (done + b"\n\n", rest) == (DONE, b"")


def test_usage_comes_last_and_only_where_it_was_asked_for() -> None:
    asked = answer(include_usage=True)
    reason, usage, done, _ = asked.finish("stop", USAGE).split(b"\n\n")
    assert data(reason + b"\n\n")["usage"] is None
    told = chunk(usage + b"\n\n")
    assert told.choices == []
    assert told.usage is not None
    assert (told.usage.prompt_tokens, told.usage.total_tokens) == (7, 12)
    assert done + b"\n\n" == DONE
    assert data(asked.begin())["usage"] is None
    assert "usage" not in data(answer().begin())


def test_a_completion() -> None:
    made = answer().completion("Yes.", "Hm", "stop", USAGE)
    read = ChatCompletion.model_validate(made, strict=True)
    assert read.choices[0].message.content == "Yes."
    assert read.choices[0].message.model_extra == {"reasoning_content": "Hm"}
    assert read.usage is not None
    assert read.usage.total_tokens == 12
    assert "reasoning_content" not in answer().completion("", "", "stop", None)["choices"][0]


def test_usage_is_counted_as_openai_does() -> None:
    assert usage_object(USAGE) == {
        "prompt_tokens": 7,
        "completion_tokens": 5,
        "total_tokens": 12,
        "prompt_tokens_details": {"cached_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    assert usage_object(None)["total_tokens"] == 0
    assert usage_object(USAGE | {"cached_tokens": None})["prompt_tokens_details"] == {
        "cached_tokens": 0
    }


@pytest.mark.parametrize(
    ("status", "told", "reason"),
    [
        ("complete", "length", "length"),
        ("complete", "content_filter", "content_filter"),
        ("complete", None, "stop"),
        ("stopped", None, "stop"),
    ],
)
def test_why_it_has_ended(status: str, told: str | None, reason: str) -> None:
    assert finish_reason(status, told) == reason


def test_a_model() -> None:
    made = model_object("openai/gpt", "openai")
    assert Model.model_validate(made, strict=True).owned_by == "openai"


def test_a_ping_is_a_comment() -> None:
    assert PING.startswith(b":")


@pytest.mark.parametrize(
    ("code", "status", "type", "openai"),
    [
        ("rate_limited", 429, "rate_limit_error", "rate_limit_exceeded"),
        ("too_large_context", 400, "invalid_request_error", "context_length_exceeded"),
        ("content_filtered", 400, "invalid_request_error", "content_filter"),
        ("unknown_model", 404, "invalid_request_error", "model_not_found"),
        ("no_model", 404, "invalid_request_error", "model_not_found"),
        ("timeout_first_token", 504, "server_error", "timeout_first_token"),
        ("unreachable", 502, "server_error", "unreachable"),
        ("refused_key", 502, "server_error", "refused_key"),
        ("server_error", 500, "server_error", "server_error"),
    ],
)
def test_a_failed_reply_is_an_error_that_is_not_repeated(
    code: str, status: int, type: str, openai: str
) -> None:
    refusal = errors.of_end({"code": code, "message": "Why."})
    assert refusal.status == status
    error = {"message": "Why.", "type": type, "param": None, "code": openai}
    assert data(error_event(refusal)) == {"error": error}
    assert refusal.headers == {"x-should-retry": "false"}


def test_an_endpoint_that_is_busy_says_when_to_come_back() -> None:
    refusal = errors.of_end({"code": "rate_limited", "message": ".", "retry_after": 6.2})
    assert (refusal.status, refusal.headers["Retry-After"]) == (429, "7")


def test_a_reply_that_was_cut_off_without_a_word_is_an_error() -> None:
    assert errors.of_end(None).status == 502


@pytest.mark.parametrize(
    ("bad", "status", "code", "retry_after"),
    [
        (BadFrame("no_model", "."), 404, "model_not_found", None),
        (BadFrame("too_many", "."), 429, "rate_limit_exceeded", "5"),
        (BadFrame("rate_limited", ".", retry_after=31), 429, "rate_limit_exceeded", "31"),
        (BadFrame("draining", ".", retry_after=1), 503, "draining", "1"),
        (BadFrame("unavailable", ".", retry_after=0.2), 503, "unavailable", "1"),
        (BadFrame("id_reused", "."), 400, "idempotency_key_reused", None),
    ],
)
def test_limits_are_told_as_openai_tells_them(
    bad: BadFrame, status: int, code: str, retry_after: str | None
) -> None:
    refusal = errors.of_frame(bad)
    assert (refusal.status, refusal.error["code"]) == (status, code)
    assert refusal.headers.get("Retry-After") == retry_after
