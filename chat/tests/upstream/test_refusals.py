"""Errors by answer, and words that they never repeat."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from chat.tests.counting import Counted
from chat.upstream import UpstreamError
from chat.upstream.errors import SENTENCES
from chat.upstream.refusals import refusal, reported, retry_after
from chat.upstream.scrubbing import NOT_SEARCHED, SEARCHED


def refused(status: int, body: Any = "", **headers: str) -> UpstreamError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return refusal("Fake", status, {k.replace("_", "-"): v for k, v in headers.items()}, data, [])


@pytest.mark.parametrize(
    ("status", "error", "code", "permanent"),
    [
        (400, {}, "bad_request", True),
        (400, {"code": "context_length_exceeded"}, "too_large_context", True),
        (400, {"message": "This model's maximum context length is 8"}, "too_large_context", True),
        (400, {"type": "exceed_context_size_error"}, "too_large_context", True),
        (400, {"code": "content_filter"}, "content_filtered", True),
        (401, {}, "refused_key", True),
        (402, {}, "no_credit", True),
        (403, {}, "refused_key", True),
        (404, {"code": "model_not_found"}, "unknown_model", True),
        (404, {"message": "model 'x' not found"}, "unknown_model", True),
        (404, {}, "not_found", True),
        (408, {}, "upstream_error", False),
        (409, {}, "upstream_error", False),
        (413, {}, "too_large_context", True),
        (422, {}, "bad_request", True),
        (429, {}, "rate_limited", False),
        (429, {"code": "insufficient_quota"}, "no_credit", True),
        (500, {}, "upstream_error", False),
        (529, {}, "upstream_error", False),
        (307, {}, "redirected", True),
        (400, {"code": "Arrearage"}, "no_credit", True),
        (400, {"message": "Insufficient Balance"}, "no_credit", True),
        (429, {"message": "quota exceeded, see your billing details"}, "rate_limited", False),
        (400, {"message": "API key not valid. Please pass a valid API key."}, "refused_key", True),
        (400, {"message": "Incorrect API key provided: sk-…"}, "refused_key", True),
        (403, {"code": "model_not_found"}, "unknown_model", True),
        (403, {"message": "Your input requires moderation"}, "content_filtered", True),
        (404, {"code": "DeploymentNotFound"}, "unknown_model", True),
        (400, {"code": "data_inspection_failed"}, "content_filtered", True),
        (400, {"message": "prompt is too long: 9 tokens > 8 maximum"}, "too_large_context", True),
        (400, {"message": "Range of input length should be [1, 9]"}, "too_large_context", True),
        (413, {"code": "rate_limit_exceeded"}, "too_large_context", True),
        (429, {"message": "tokens in the context window a minute"}, "rate_limited", False),
        (500, {"message": "The conversation about billing failed"}, "upstream_error", False),
        (403, {"code": "AllocationQuota.FreeTierOnly"}, "no_credit", True),
        (429, {"code": "1113", "message": "余额不足或无可用资源包"}, "no_credit", True),
        (404, {"message": "No endpoints found for x/y."}, "unknown_model", True),
        (400, {"message": "x is not a valid model ID"}, "unknown_model", True),
        (400, {"message": "Model Not Exist"}, "unknown_model", True),
        (400, {"message": "The requested model 'x' does not exist"}, "unknown_model", True),
        (400, {"code": "model_decommissioned"}, "unknown_model", True),
        (410, {"message": "The model x has been retired"}, "unknown_model", True),
        (429, {"message": "The model x does not exist in this pool now"}, "rate_limited", False),
        (503, {"message": "Unknown model state, loading"}, "upstream_error", False),
        (405, {"message": "Method Not Allowed"}, "not_found", True),
        (400, {"message": "Input exceeds the maximum sequence length"}, "too_large_context", True),
        (422, {"message": "`inputs` must have less than 4095 tokens"}, "too_large_context", True),
        (400, {"message": "Total tokens exceed max message tokens"}, "too_large_context", True),
        (400, {"message": "exceeded model token limit: 8192"}, "too_large_context", True),
        (400, {"message": "Content Exists Risk"}, "content_filtered", True),
        (498, {"message": "Flex tier capacity exceeded"}, "rate_limited", False),
    ],
)
def test_a_status_has_its_code(status: int, error: Any, code: str, permanent: bool) -> None:
    got = refused(status, {"error": error})
    assert (got.code, got.permanent, got.status) == (code, permanent, status)
    assert got.message == SENTENCES[code].format(name="Fake")
    assert str(got) == got.message


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({}, "upstream_error"),
        ("Overloaded", "upstream_error"),
        ({"code": 429, "message": "slow down"}, "rate_limited"),
        ({"code": "rate_limit_exceeded"}, "rate_limited"),
        ({"code": "invalid_api_key"}, "refused_key"),
        ({"code": "429"}, "rate_limited"),
        ({"status": 401}, "refused_key"),
        ({"error": {"code": 402}}, "no_credit"),
        ({"code": "4290"}, "upstream_error"),
        ([{"code": "rate_limit_exceeded"}], "rate_limited"),
        (None, "upstream_error"),
        (7, "upstream_error"),
    ],
)
def test_an_error_in_the_stream_has_its_code(error: Any, code: str) -> None:
    assert reported("Fake", error, []).code == code


PROMPT = "what are max_tokens, and what is the temperature of the sun"


@pytest.mark.parametrize(
    ("status", "body", "sent", "setting"),
    [
        (400, {"error": {"param": "temperature"}}, ["temperature"], "temperature"),
        (422, {"error": {"param": "temperature"}}, ["temperature"], "temperature"),
        (400, {"error": {"param": "body.top_p"}}, ["temperature", "top_p"], "top_p"),
        (400, {"error": {"param": "messages[1].prefix"}}, ["prefix"], "prefix"),
        (400, {"error": {"param": "max_tokens"}}, ["max_completion_tokens"],
         "max_completion_tokens"),
        (400, {"error": {"param": "reasoning.effort"}}, ["reasoning_effort"], "reasoning_effort"),
        (422, {"detail": [{"loc": ["body", "top_p"], "msg": "no"}]}, ["top_p"], "top_p"),
        (422, {"message": {"detail": [{"loc": ["body", "top_p"]}]}}, ["top_p"], "top_p"),
        (400, {"error": "top_p and temperature are odd"}, ["temperature", "top_p"], "top_p"),
        (400, {"message": "Range of max_tokens should be [1, 8]"}, ["max_tokens"], "max_tokens"),
        (400, {"message": "'max_tokens' is too large: 9. This model's maximum context length is 8"},
         ["max_tokens"], "max_tokens"),
        (400, {"message": "add_generation_prompt is not permitted"}, ["prefix"], "prefix"),
        (400, {"message": "Assistant response prefill is incompatible with enable_thinking."},
         ["prefix"], "prefix"),
        (400, {"message": "Expected last role User or Tool (or Assistant with prefix True)"},
         ["temperature", "prefix"], "prefix"),
        (400, {"error": {"param": "seed"}}, ["temperature", "seed"], "seed"),
        (400, {"message": "Unknown argument 'Top_K'"}, ["Top_K"], "Top_K"),
        # Not sent, not a word of its own, not a refusal of the request, or about something else.
        (400, {"error": {"param": "temperature"}}, ["top_p"], None),
        (400, {"error": "a max_tokens_limit"}, ["max_tokens"], None),
        (400, {"error": "the prefix is odd"}, ["prefix"], None),
        (400, {"error": "the user is odd"}, ["user"], None),
        (400, {"error": {"param": "messages"}}, ["temperature"], None),
        (500, {"error": {"param": "temperature"}}, ["temperature"], None),
        (429, {"error": "temperature"}, ["temperature"], None),
        (400, {"error": f"bad: {PROMPT}"}, ["temperature", "max_tokens"], None),
        (400, {"error": "maximum context length is 8: 5 in the messages, 4 in max_tokens"},
         ["max_tokens"], None),
        (400, {"error": {"code": "content_filter", "message": "temperature"}}, ["temperature"],
         None),
    ],
)  # fmt: skip
def test_a_setting_that_was_sent_is_refused_by_name(
    status: int, body: Any, sent: list[str], setting: str | None
) -> None:
    error = refusal("Fake", status, {}, json.dumps(body).encode(), [PROMPT], sent)
    assert error.setting == setting
    assert (error.code == "refused_setting") == (setting is not None)
    if setting is not None:
        assert error.message == f"The model server Fake does not accept the setting {setting}."
        assert error.permanent


def test_a_setting_refused_within_the_stream_is_named_alike() -> None:
    error = {"code": 400, "message": "top_p is not supported"}
    assert reported("Fake", error, [], ["top_p"]).setting == "top_p"
    assert reported("Fake", error, [], []).code == "bad_request"


def test_what_a_validation_repeats_of_the_body_is_left_out() -> None:
    row = {"loc": ["body", "messages", 0], "msg": "wrong", "input": "the whole prompt"}
    assert refused(422, {"detail": [row]}).detail == "HTTP 422. body.messages.0: wrong"


def test_a_redirect_names_its_server_only() -> None:
    error = refused(302, b"", location="https://u:p@login.example.org/x?token=secret")
    assert error.detail == "HTTP 302 to https://login.example.org."
    assert refused(302, b"", location="/elsewhere").detail == "HTTP 302."
    assert refused(302, b"", location="http://[").detail == "HTTP 302."


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), ("0", 0.0), ("1.5", 1.5), ("soon", None), ("", None), ("-3", None), ("1e9", None)],
)
def test_retry_after_in_seconds(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}) == seconds


def test_retry_after_as_a_date_or_in_milliseconds() -> None:
    then = datetime.now(UTC) + timedelta(seconds=30)
    assert retry_after({"retry-after": format_datetime(then, usegmt=True)}) == pytest.approx(
        30, abs=2
    )
    past = datetime.now(UTC) - timedelta(hours=1)
    assert retry_after({"retry-after": format_datetime(past, usegmt=True)}) == 0
    assert retry_after({"retry-after-ms": "1500", "retry-after": "9"}) == 1.5


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-reset-requests": "1s"}, 1),
        ({"x-ratelimit-reset-tokens": "6m0s"}, 360),
        ({"x-ratelimit-reset-tokens": "1h2m3.5s"}, 3723.5),
        ({"x-ratelimit-reset-requests": "20ms"}, 0.02),
        ({"x-ratelimit-reset": "17"}, 17),
        ({"ratelimit-reset": "17"}, 17),
        ({"retry-after": "3", "x-ratelimit-reset": "17"}, 3),
        ({"retry-after": "soon", "x-ratelimit-reset": "17"}, 17),
        # Only the limit that is used up has to be waited for.
        (
            {
                "x-ratelimit-reset-requests": "2s",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-tokens": "6m0s",
                "x-ratelimit-remaining-tokens": "900",
            },
            2,
        ),
        ({"x-ratelimit-reset-requests": "2s", "x-ratelimit-reset-tokens": "6m0s"}, 2),
        ({"x-ratelimit-reset": "never"}, None),
        ({"x-ratelimit-reset": ""}, None),
        ({"x-ratelimit-limit": "5"}, None),
    ],
)
def test_retry_after_by_the_limits_that_are_told(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_by_a_limit_with_a_date() -> None:
    then = datetime.now(UTC).timestamp() + 30
    for value in (f"{then:.0f}", f"{then * 1000:.0f}"):
        assert retry_after({"x-ratelimit-reset": value}) == pytest.approx(30, abs=2)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1, "1 second"),
        (7, "7 seconds"),
        (89, "89 seconds"),
        (90, "2 minutes"),
        (600, "10 minutes"),
        (5400, "2 hours"),
        (86_400, "24 hours"),
        (864_000, "10 days"),
    ],
)
def test_the_sentence_says_when_to_try_again(seconds: int, said: str) -> None:
    assert refused(429, retry_after=str(seconds)).message.endswith(f" Try again in {said}.")


def test_only_what_may_pass_says_when_to_try_again() -> None:
    assert refused(400, retry_after="7").retry_after is None
    assert refused(429, retry_after="0").message == SENTENCES["rate_limited"].format(name="Fake")


@pytest.mark.parametrize("kind", ["text/html", "text/html; charset=utf-8", "", "application/json"])
def test_a_page_is_never_repeated(kind: str) -> None:
    error = refused(502, b"<html><body>Bad <b>Gateway</b>", content_type=kind)
    assert error.detail == "HTTP 502. an HTML page of 30 bytes"
    assert "<" not in repr(error) + str(error)


def test_details_keep_the_words_and_lose_the_secrets() -> None:
    key, prompt = "abc-secret-key-4711", "please summarise the quarterly figures of ACME"
    words = (
        f"max_tokens is too large. Key {key}, other sk-proj-12345678abcd, in {prompt[5:40]!r} <b>"
    )
    error = refusal("Fake", 400, {}, json.dumps({"error": words}).encode(), [key, prompt])
    assert error.detail.startswith("HTTP 400. max_tokens is too large. Key …")
    assert "4711" not in error.detail
    assert "12345678" not in error.detail
    assert "quarterly" not in error.detail
    assert "<" not in error.detail


# --- how much is looked at ----------------------------------------------------------------


def test_an_error_in_a_stream_is_never_looked_for_in_a_long_prompt() -> None:
    prompt = Counted("word " * 100_000)
    said = {"message": f"maximum context length is 8192. {prompt[:200]}", "code": "x"}
    prompt.read.clear()
    error = reported("Fake", {"error": said, "code": 400}, [prompt])
    assert prompt.total == 0
    assert error.code == "too_large_context"
    assert "8192" not in error.detail
    assert NOT_SEARCHED in error.detail


def test_of_a_prompt_beyond_all_bounds_no_refusal_is_told() -> None:
    prompt = Counted("word " * (SEARCHED // 5 + 1))
    body = json.dumps({"error": {"message": "context_length: word word word"}}).encode()
    error = refusal("Fake", 400, {}, body, [prompt])
    assert prompt.total == 0
    assert (error.code, error.detail) == ("too_large_context", f"HTTP 400. {NOT_SEARCHED}")


def test_many_parameters_are_looked_for_one_by_one_without_patterns() -> None:
    names = [f"p{at}" for at in range(100)]
    body = json.dumps({"error": {"message": "'p77' is not known"}}).encode()
    assert refusal("Fake", 400, {}, body, [], names).setting == "p77"


@pytest.mark.parametrize("nest", ['{"error":', "["])
def test_an_error_in_a_thousand_others_is_read_as_none(nest: str) -> None:
    close = "]" if nest == "[" else "}"
    body = (nest * 900 + '"deep"' + close * 900).encode()
    assert refusal("Fake", 400, {}, body, []).detail == "HTTP 400."


# --- a key in whatever form -----------------------------------------------------------------
