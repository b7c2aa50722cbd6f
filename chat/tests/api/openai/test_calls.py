"""Parameters of a client: understood, passed on, or refused by name; never ignored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionMessage

from chat.api.openai.calls import DEPTH, MESSAGES, PARAMETERS, Call, parse
from chat.api.openai.errors import OpenAIProblem

HI = {"role": "user", "content": "Hi"}


def call(**changes: Any) -> Call:
    body = {"model": "m", "messages": [HI]} | changes
    return parse(json.dumps(body).encode())


def refused(raw: bytes | None = None, **changes: Any) -> OpenAIProblem:
    body = {"model": "m", "messages": [HI]} | changes
    with pytest.raises(OpenAIProblem) as caught:
        parse(json.dumps(body).encode() if raw is None else raw)
    return caught.value


def test_the_shortest_call() -> None:
    assert call() == Call(model="m", messages=[HI], parameters={})


def test_what_only_the_endpoint_knows_is_passed_on_unchanged() -> None:
    parameters = {
        "seed": 7,
        "logit_bias": {"50256": -100},
        "response_format": {"type": "json_schema", "json_schema": {"schema": {"a": [1, None]}}},
        "user": "somebody",
        "top_k": 40,
        "chat_template_kwargs": {"enable_thinking": False},
    }
    assert call(**parameters).parameters == parameters


def test_metadata_is_kept_for_the_client_and_not_passed_on() -> None:
    """OpenAI's own endpoint takes it only where the call is to be stored there."""
    asked = call(metadata={"a": "b"})
    assert (asked.metadata, asked.parameters) == ({"a": "b"}, {})


def test_settings_are_parameters_too() -> None:
    parameters = {
        "temperature": 0,
        "top_p": 0.5,
        "max_completion_tokens": 5,
        "reasoning_effort": "low",
        "stop": ["a", "b"],
        "presence_penalty": -1.5,
    }
    assert call(**parameters).parameters == parameters


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_limit_of_minus_one_is_none_and_a_whole_number_may_have_a_point(name: str) -> None:
    assert call(**{name: -1}).parameters == {}
    (limit,) = call(**{name: 5.0}).parameters.values()
    assert (limit, type(limit)) == (5, int)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        ("{}".encode("utf-16"), "not in UTF-8"),
        (b'{"user": "\xff"}', "not in UTF-8"),
        (b"model=x&messages=y", "Expecting value (line 1, column 1)"),
        (b'{"a": 1,\n"b"}', "line 2, column 4"),
        (b"{} {}", "Extra data"),
        (b'{"temperature": NaN}', "has NaN"),
        (b'{"a": [-Infinity]}', "has -Infinity"),
        (b'{"seed": ' + b"9" * 5000 + b"}", "thousands of digits"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
    ],
)
def test_what_is_wrong_with_a_body_is_told(raw: bytes, said: str) -> None:
    with pytest.raises(OpenAIProblem) as caught:
        parse(raw)
    assert caught.value.error["code"] == "invalid_json"
    assert said in str(caught.value)


def test_null_and_what_asks_for_nothing_count_as_left_out() -> None:
    nothing: dict[str, Any] = {
        "temperature": None,
        "stop": None,
        "seed": None,
        "tools": [],
        "tool_choice": "auto",
        "functions": None,
        "function_call": "none",
        "logprobs": False,
        "top_logprobs": None,
        "audio": None,
        "n": 1,
        "stream": None,
        "stream_options": None,
        "store": None,
        "modalities": ["text"],
        "metadata": None,
        # These mean something only beside others.
        "parallel_tool_calls": False,
        "logit_bias": {},
        "x": [],
    }
    assert call(**nothing) == call()


@pytest.mark.parametrize(
    "beside",
    [
        {"tool_choice": "required"},
        {"tool_choice": {"type": "function", "function": {"name": "f"}}, "tools": []},
        {"tool_choice": "none", "tools": [{"type": "function"}]},
        {"function_call": {"name": "f"}},
        {"function_call": "none", "functions": [{"name": "f"}]},
        {"parallel_tool_calls": True},
        {"top_logprobs": 3},
        {"top_logprobs": 3, "logprobs": False},
        {"audio": {"voice": "x", "format": "wav"}},
        {"stream_options": {"include_usage": True}},
        {"stream": False, "stream_options": {"x": 1}},
    ],
)
def test_what_means_something_only_beside_others_costs_no_call(beside: dict[str, Any]) -> None:
    assert call(**beside) == call()


def test_hints_cost_no_call() -> None:
    part = {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}
    hinting = HI | {"content": [part], "cache_control": {"type": "ephemeral"}}
    assert call(messages=[hinting]) == call()
    options = {"include_usage": True, "include_obfuscation": True, "x": None}
    options["continuous_usage_stats"] = True
    assert call(stream=True, stream_options=options).include_usage
    limits = call(max_tokens=5, max_completion_tokens=5)
    assert limits.parameters == {"max_tokens": 5, "max_completion_tokens": 5}


def test_a_byte_order_mark_before_the_body_is_nothing() -> None:
    raw = json.dumps({"model": "m", "messages": [HI]}).encode()
    assert parse(b"\xef\xbb\xbf" + raw) == parse(raw)


@pytest.mark.parametrize(
    "name",
    ["api_key", "base_url", "extra_headers", "api_base", "Api-Key", "BASE_URL", "headers"],
)
def test_keys_addresses_and_headers_are_not_for_a_call_to_set(name: str) -> None:
    refusal = refused(json.dumps({"model": "m", "messages": [HI], name: "secret"}).encode())
    assert refusal.status == 400
    assert (refusal.error["param"], refusal.error["code"]) == (name, "unsupported_parameter")
    assert "secret" not in refusal.body
    assert parse(json.dumps({"model": "m", "messages": [HI], name: None}).encode()) == call()


def test_how_it_is_to_be_answered() -> None:
    asked = call(stream=True, stream_options={"include_usage": True}, store=False)
    assert (asked.stream, asked.include_usage, asked.store) == (True, True, False)
    assert asked.parameters == {}
    assert call(stream=True, stream_options={"include_obfuscation": False}).stream


def test_parts_of_text_are_joined() -> None:
    parts = [{"type": "text", "text": "Look"}, {"type": "text", "text": "here", "annotations": []}]
    (message,) = call(messages=[{"role": "user", "content": parts}]).messages
    assert message == {"role": "user", "content": "Look\nhere"}


def test_what_the_sdk_was_answered_may_be_sent_back() -> None:
    answer = ChatCompletionMessage(role="assistant", content="Yes.").model_dump()
    yes = {"role": "assistant", "content": "Yes."}
    assert call(messages=[HI, answer, HI]).messages[1] == yes
    thoughts = {"reasoning_content": "Hm.", "annotations": [{}]}
    assert call(messages=[HI, answer | thoughts, HI]).messages[1] == yes
    declined = yes | {"content": None, "refusal": "No."}
    assert call(messages=[HI, declined, HI]).messages[1] == yes | {"content": "No."}
    parts = [{"type": "output_text", "text": "Yes."}, {"type": "refusal", "refusal": "No."}]
    assert call(messages=[HI, yes | {"content": parts}, HI]).messages[1]["content"] == "Yes.\nNo."


def test_names_and_other_fields_of_messages_are_kept() -> None:
    message = HI | {"name": "Alice", "cache": {"ttl": 5}}
    assert call(messages=[message]).messages == [message]


def test_an_empty_answer_is_empty_text() -> None:
    messages = [HI, {"role": "assistant", "content": None}, HI]
    assert call(messages=messages).messages[1]["content"] == ""


def test_what_no_database_takes_is_left_out() -> None:
    asked = parse(
        b'{"model": "m", "user": "a\\u0000b", "x": {"\\ud800y": ["\\ud83d\\udc4d\\u0000"]},'
        b' "messages": [{"role": "user", "content": "H\\u0000i\\udfff"}]}'
    )
    assert asked.messages == [HI]
    assert asked.parameters == {"user": "ab", "x": {"y": ["👍"]}}


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"model": None}, "model", "missing_required_parameter"),
        ({"model": 5}, "model", "invalid_type"),
        ({"model": " "}, "model", "invalid_type"),
        ({"model": "m" * 201}, "model", "invalid_type"),
        ({"messages": None}, "messages", "missing_required_parameter"),
        ({"messages": "Hi"}, "messages", "invalid_type"),
        ({"messages": []}, "messages", None),
        ({"messages": [HI] * (MESSAGES + 1)}, "messages", "too_many_messages"),
        ({"messages": ["Hi"]}, "messages.0", "invalid_type"),
        ({"messages": [{"content": "Hi"}]}, "messages.0.role", "missing_required_parameter"),
        ({"messages": [HI | {"role": "boss"}]}, "messages.0.role", "invalid_value"),
        ({"messages": [HI | {"role": ["user"]}]}, "messages.0.role", "invalid_value"),
        ({"messages": [HI, HI | {"role": "tool"}]}, "messages.1", "unsupported_value"),
        ({"messages": [{"role": "user"}]}, "messages.0.content", "missing_required_parameter"),
        ({"messages": [HI | {"content": 5}]}, "messages.0.content", "invalid_type"),
        (
            {"messages": [HI, {"role": "assistant", "content": None, "tool_calls": [{}]}]},
            "messages.1.tool_calls",
            "unsupported_value",
        ),
        (
            {"messages": [HI, {"role": "assistant", "audio": {"id": "a"}}]},
            "messages.1.audio",
            "unsupported_value",
        ),
        (
            {
                "messages": [
                    HI | {"content": [{"type": "text", "text": "a"}, {"type": "image_url"}]}
                ]
            },
            "messages.0.content.1",
            "unsupported_value",
        ),
        ({"messages": [HI | {"content": ["Hi"]}]}, "messages.0.content.0", "unsupported_value"),
        (
            {"messages": [HI | {"content": [{"type": "text"}]}]},
            "messages.0.content.0.text",
            "invalid_type",
        ),
        (
            {"messages": [HI | {"content": [{"type": "text", "text": "a", "b": 1}]}]},
            "messages.0.content.0.b",
            "unsupported_value",
        ),
        ({"tools": [{"type": "function"}]}, "tools", "unsupported_parameter"),
        ({"functions": [{"name": "f"}]}, "functions", "unsupported_parameter"),
        ({"tools": [{}], "tool_choice": "auto"}, "tools", "unsupported_parameter"),
        ({"metadata": "a"}, "metadata", "invalid_type"),
        ({"logprobs": True}, "logprobs", "unsupported_parameter"),
        ({"modalities": ["text", "audio"]}, "modalities", "unsupported_value"),
        ({"n": 2}, "n", "unsupported_value"),
        ({"n": True}, "n", "unsupported_value"),
        ({"stream": "yes"}, "stream", "invalid_type"),
        ({"store": 1}, "store", "invalid_type"),
        ({"stream": True, "stream_options": True}, "stream_options", "invalid_type"),
        (
            {"stream": True, "stream_options": {"include_usage": 1}},
            "stream_options.include_usage",
            "invalid_type",
        ),
        (
            {"stream": True, "stream_options": {"x": 1}},
            "stream_options.x",
            "unknown_parameter",
        ),
        ({"temperature": "hot"}, "temperature", "invalid_type"),
        ({"temperature": True}, "temperature", "invalid_type"),
        ({"top_p": [1]}, "top_p", "invalid_type"),
        ({"max_tokens": 1.5}, "max_tokens", "invalid_type"),
        ({"max_tokens": -2}, "max_tokens", "integer_below_min_value"),
        ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
        ({"max_tokens": 5, "max_completion_tokens": 6}, "max_tokens", None),
        ({"reasoning_effort": 3}, "reasoning_effort", "invalid_type"),
        ({"stop": [1]}, "stop", "invalid_type"),
        ({"p" * 65: 1}, "p" * 64, "unknown_parameter"),
        ({"": 1}, "", "unknown_parameter"),
    ],
)
def test_what_is_wrong_or_not_served_is_refused_by_name(
    changes: dict[str, Any], param: str, code: str | None
) -> None:
    refusal = refused(**changes)
    assert refusal.status == 400
    error = refusal.error
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)
    assert error["message"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b'{"model": ',
        b'{"model": "\xff"}',
        b'{"temperature": NaN}',
        b'{"seed": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    assert (refused(raw).status, refused(raw).error["code"]) == (400, "invalid_json")


def test_a_number_too_large_for_json_is_refused() -> None:
    assert refused(b'{"model": "m", "seed": 1e999}').error["param"] == "seed"


def test_nesting_is_limited() -> None:
    def nested(depth: int) -> Any:
        return [nested(depth - 1)] if depth else 1

    assert call(x=nested(DEPTH - 1)).parameters["x"] == nested(DEPTH - 1)
    assert refused(x=nested(DEPTH)).error["code"] == "too_deep"
    assert refused(b"[" * 100_000).error["code"] == "too_deep"


def test_a_refusal_repeats_nothing_of_a_message() -> None:
    for content in (5, [{"type": "secret", "text": "secret"}], {"secret": "secret"}):
        refusal = refused(messages=[{"role": "user", "content": content}])
        assert "secret" not in refusal.body
    assert "secret" not in refused(messages=[{"role": "secret", "content": "secret"}]).body


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
NAMES = st.sampled_from(
    ["model", "messages", "stream", "stream_options", "store", "n", "tools", "temperature", "stop",
     "max_tokens", "tool_choice", "logprobs", "modalities", "function_call", "x"]
)  # fmt: skip
MESSAGE = st.dictionaries(
    st.sampled_from(["role", "content", "name", "tool_calls"]),
    st.sampled_from(["user", "assistant", "system"]) | JSON,
)


@given(st.dictionaries(NAMES, JSON | st.lists(MESSAGE, max_size=3)))
def test_any_json_is_a_call_or_refused(body: dict[str, Any]) -> None:
    try:
        asked = parse(json.dumps(body).encode())
    except OpenAIProblem as refusal:
        refused_as = refusal
    else:
        assert all(isinstance(message["content"], str) for message in asked.messages)
        stored = json.dumps([asked.messages, asked.parameters], allow_nan=False)
        assert "\\u0000" not in stored
        json.loads(stored)
        return
    assert 400 <= refused_as.status < 500
    assert json.loads(refused_as.body)["error"]["message"]


def test_a_call_has_a_bounded_number_of_parameters() -> None:
    many = {f"p{at}": at for at in range(PARAMETERS)}
    assert len(call(**many).parameters) == PARAMETERS
    body = {"model": "m", "messages": [HI], "one_more": 1} | many
    assert refused(json.dumps(body).encode()).error["code"] == "too_many_parameters"
