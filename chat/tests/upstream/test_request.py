"""Requests to endpoints: address, headers and body, by the endpoint's conventions."""

import contextlib
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.endpoint import EndpointConfig
from chat.tests.upstream.conftest import KEY
from chat.upstream import ChatRequest, Client, UpstreamError
from chat.upstream.request import (
    address,
    body,
    completions_path,
    headers,
    models_path,
    names_sent,
)

HI = {"role": "user", "content": "Hi"}
KEPT = {"role": "assistant", "content": "Once upon a "}
AZURE = "/openai/deployments/{model}/chat/completions"


def endpoint(**fields: Any) -> EndpointConfig:
    given = {"name": "fake", "label": "Fake", "base_url": "http://host/v1", "api_key": KEY} | fields
    return EndpointConfig(**given)


def sent(request: ChatRequest, **fields: Any) -> dict[str, Any]:
    return body(endpoint(**fields), request, asks_usage=False)


def test_only_what_is_set_is_sent() -> None:
    assert sent(ChatRequest("m", [HI])) == {"model": "m", "messages": [HI], "stream": True}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 0.0),
        ("temperature", 0.7),
        ("top_p", 0.0),
        ("max_tokens", 5),
        ("reasoning_effort", "none"),
    ],
)
def test_a_setting_is_sent_alone(name: str, value: Any) -> None:
    made = sent(ChatRequest("m", [HI], **{name: value}))
    assert {key: made[key] for key in made.keys() - {"model", "messages", "stream"}} == {
        name: value
    }


def test_the_limit_goes_by_the_name_the_endpoint_takes() -> None:
    request = ChatRequest("m", [HI], max_tokens=5)
    made = sent(request, max_tokens_name="max_completion_tokens")
    assert made["max_completion_tokens"] == 5
    assert "max_tokens" not in made


@pytest.mark.parametrize(
    ("prefix", "fields", "more"),
    [
        ("plain", {}, {}),
        ("vllm", {}, {"continue_final_message": True, "add_generation_prompt": False}),
        ("flag", {"prefix": True}, {}),
    ],
)
def test_each_convention_of_continuing(
    prefix: str, fields: dict[str, Any], more: dict[str, Any]
) -> None:
    made = sent(ChatRequest("m", [HI, KEPT], prefix=True), prefix=prefix)
    # White space at the end is not sent.
    assert made["messages"] == [HI, {"role": "assistant", "content": "Once upon a"} | fields]
    assert {k: v for k, v in made.items() if k not in ("model", "messages", "stream")} == more
    assert KEPT["content"].endswith(" ")


@pytest.mark.parametrize("prefix", ["plain", "vllm", "flag"])
def test_without_a_prefix_the_convention_changes_nothing(prefix: str) -> None:
    request = ChatRequest("m", [HI, KEPT, HI])
    assert sent(request, prefix=prefix) == sent(request)


@pytest.mark.parametrize(
    ("prefix", "messages"), [("", [HI, KEPT]), ("plain", [KEPT, HI]), ("plain", [])]
)
def test_a_prefix_that_cannot_be_is_a_mistake_of_the_caller(
    prefix: str, messages: list[dict[str, str]]
) -> None:
    with pytest.raises(ValueError, match="continue"):
        Client(endpoint(prefix=prefix)).stream(ChatRequest("m", messages, prefix=True))


@pytest.mark.parametrize(
    "fields", [{"prefix": "x"}, {"max_tokens_name": "x"}, {"key_header": "cookie"}]
)
def test_an_unknown_convention_is_a_mistake_of_the_caller(fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="Allowed are"):
        Client(endpoint(**fields)).stream(ChatRequest("m", [HI]))


def test_names_that_can_be_refused_are_those_sent() -> None:
    request = ChatRequest("m", [HI, KEPT], prefix=True, temperature=1, max_tokens=5)
    assert names_sent(endpoint(prefix="flag"), request) == ("temperature", "max_tokens", "prefix")
    assert names_sent(endpoint(), ChatRequest("m", [HI])) == ()


@pytest.mark.parametrize(
    ("base_url", "path", "asked", "listed"),
    [
        ("http://host/v1", "/chat/completions", "/v1/chat/completions", "/v1/models"),
        ("http://host/v1/", "/chat/completions", "/v1/chat/completions", "/v1/models"),
        ("http://host", "/v1/chat/completions", "/v1/chat/completions", "/v1/models"),
        ("http://host/a%2Fb/", "/completions", "/a%2Fb/completions", "/a%2Fb/models"),
        ("http://host", "/generate", "/generate", "/models"),
        (
            "http://host",
            AZURE,
            "/openai/deployments/org%2Fa%20b%3F%25%3A/chat/completions",
            "/openai/models",
        ),
        ("http://host/x", "/{model}/chat", "/x/org%2Fa%20b%3F%25%3A/chat", "/x/models"),
    ],
)
def test_the_address(base_url: str, path: str, asked: str, listed: str) -> None:
    made = endpoint(base_url=base_url, path=path)
    base, _ = address(made)
    root = base.raw_path.rstrip(b"/").decode()
    assert root + completions_path(made, "org/a b?%:") == asked
    assert root + models_path(made) == listed


def test_the_query_of_the_base_url_and_the_version_are_joined() -> None:
    made = endpoint(base_url="http://u:p@host/v1?key=a%26b", api_version="2024-10-21")
    base, query = address(made)
    assert str(base) == "http://host/v1"
    assert query == {"key": "a&b", "api-version": "2024-10-21"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"authorization": f"Bearer {KEY}"}),
        ({"key_header": "api-key"}, {"api-key": KEY}),
        ({"api_key": ""}, {}),
        ({"api_key": "", "key_header": "api-key"}, {}),
        (
            {"headers": (("X-Team", "blue"), ("Authorization", "Basic abc"))},
            {"x-team": "blue", "authorization": "Basic abc"},
        ),
        ({"headers": (("X-A", "1"),)}, {"authorization": f"Bearer {KEY}", "x-a": "1"}),
        (
            {"base_url": "http://user:p%40ss@host/v1", "api_key": ""},
            {"authorization": "Basic dXNlcjpwQHNz"},
        ),
        ({"base_url": "http://user:p@host/v1"}, {"authorization": f"Bearer {KEY}"}),
    ],
)
def test_the_headers(fields: dict[str, Any], expected: dict[str, str]) -> None:
    assert headers(endpoint(**fields)) == expected


@pytest.mark.parametrize(
    "pair",
    [
        ("X Team", "canary"),
        ("", "canary"),
        ("X-Tëam", "canary"),
        ("X-Team\r\nX-Other", "canary"),
        ("X-Team", "canary\r\nX-Other: 1"),
        ("X-Team", "canary\0"),
        ("X-Team", "canäry"),
        ("X-Empty", ""),
        ("x-good", "canary"),
        ("Content-Length", "3"),
        ("Host", "canary"),
        ("transfer-encoding", "chunked"),
    ],
)
def test_a_header_that_cannot_be_sent_is_an_error_without_its_value(pair: tuple[str, str]) -> None:
    with pytest.raises(UpstreamError) as caught:
        headers(endpoint(headers=(("X-Good", "fine"), pair)))
    error = caught.value
    assert (error.code, error.permanent) == ("bad_header", True)
    assert "can" not in (error.message + error.detail).replace("cannot", "").replace(" can ", " ")


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_header_is_sent_or_refused(name: str, value: str) -> None:
    made: dict[str, str] = {}
    with contextlib.suppress(UpstreamError):
        made = headers(endpoint(api_key="", headers=((name, value),)))
    assert not made or httpx2.Headers(made)[name] == value


def test_secrets_are_all_that_nobody_may_read() -> None:
    made = endpoint(
        base_url="https://user:p%40ss@host/v1?token=hidden",
        headers=(("X-Team", "blue"), ("Authorization", "Basic abcd")),
    )
    assert set(made.secrets) == {
        KEY, "blue", "Basic abcd", "Basic", "abcd", "user", "p@ss", "hidden",
    }  # fmt: skip
    assert not any(secret in repr(made) for secret in made.secrets)


def test_what_only_the_endpoint_knows_goes_along_and_replaces_nothing() -> None:
    extra = {
        "seed": 7,
        "x": {"y": [None]},
        "model": "other",
        "messages": [],
        "stream": False,
        "stream_options": {},
        "max_tokens": 1,
    }
    request = ChatRequest("m", [HI], max_tokens=5, extra=extra)
    made = body(endpoint(), request, asks_usage=True)
    assert made == {
        "model": "m",
        "messages": [HI],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 5,
        "seed": 7,
        "x": {"y": [None]},
    }


def test_other_fields_of_messages_go_along() -> None:
    message = HI | {"name": "Alice\0", "cache": {"ttl": 5}}
    assert sent(ChatRequest("m", [message]))["messages"] == [message | {"name": "Alice"}]


def test_what_only_the_endpoint_knows_may_be_refused_by_name() -> None:
    request = ChatRequest("m", [HI], temperature=0.5, extra={"seed": 7})
    assert names_sent(endpoint(), request) == ("temperature", "seed")
