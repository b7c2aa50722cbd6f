"""Contents of a chunk in any shape."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.upstream.chunks import Chunk, MalformedError, Usage, read_chunk


def chunk(value: Any) -> Chunk:
    return read_chunk(json.dumps(value).encode())


def delta(**fields: Any) -> Chunk:
    return chunk({"choices": [{"index": 0, "delta": fields}]})


@pytest.mark.parametrize(
    ("content", "text", "reasoning"),
    [
        ("a", "a", ""),
        (None, "", ""),
        ([], "", ""),
        (["a", {"type": "text", "text": "b"}, {"type": "image_url"}, 3, None], "ab", ""),
        ({"type": "text", "text": "b"}, "b", ""),
        ([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}], "", "hm"),
        ([{"type": "thinking", "thinking": "hm"}], "", "hm"),
        (42, "42", ""),
        (True, "", ""),
    ],
)
def test_content_of_any_shape(content: Any, text: str, reasoning: str) -> None:
    read = delta(content=content)
    assert (read.text, read.reasoning) == (text, reasoning)


def test_reasoning_under_either_name_comes_once() -> None:
    assert delta(reasoning_content="a").reasoning == "a"
    assert delta(reasoning="a").reasoning == "a"
    assert delta(reasoning="a", reasoning_content="a").reasoning == "a"
    assert delta(reasoning="a", reasoning_content="").reasoning == "a"
    assert delta(reasoning={"text": "a"}).reasoning == "a"
    parts = [{"type": "thinking", "thinking": "a"}]
    assert delta(content=parts, reasoning_content="a").reasoning == "a"


@pytest.mark.parametrize(
    ("rows", "details"),
    [
        ([{"type": "reasoning.text", "text": "a"}, {"summary": "b"}], "ab"),
        ([{"type": "reasoning.encrypted", "data": "x"}], ""),
        ([None, 3, {"text": 4}, {"text": ""}], ""),
        ({"text": "a"}, ""),
    ],
)
def test_details_of_reasoning_are_apart(rows: Any, details: str) -> None:
    read = delta(reasoning_details=rows)
    assert (read.reasoning, read.details) == ("", details)


def test_the_first_choice_counts() -> None:
    other = {"index": 1, "delta": {"content": "b"}, "finish_reason": "stop"}
    assert chunk({"choices": [other]}) == Chunk(known=True)
    assert chunk({"choices": [other, {"index": 0, "delta": {"content": "a"}}]}).text == "a"
    assert chunk({"choices": [{"delta": {"content": "a"}}]}).text == "a"
    assert chunk({"choices": [{"index": "0", "delta": {"content": "a"}}]}).text == "a"
    assert chunk({"choices": [{"index": "1", "delta": {"content": "a"}}]}).text == ""


def test_a_whole_completion_is_read_alike() -> None:
    message = {"content": "a", "reasoning_content": "b"}
    read = chunk({"model": "m", "choices": [{"message": message, "finish_reason": "stop"}]})
    assert (read.text, read.reasoning, read.finish_reason, read.model) == ("a", "b", "stop", "m")


def test_usage_with_and_without_details() -> None:
    assert chunk({"usage": {"prompt_tokens": 1, "completion_tokens": 2}}).usage == Usage(1, 2)
    details = {
        "prompt_tokens": 1,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    assert chunk({"usage": details}).usage == Usage(1, None, 3, 4)
    odd = {"prompt_tokens": 1, "completion_tokens": "2", "prompt_tokens_details": 7}
    assert chunk({"usage": odd}).usage == Usage(1)


@pytest.mark.parametrize(
    "value", [None, {}, [], 3, "x", {"prompt_tokens": 0, "completion_tokens": 0}, {"x": 1}]
)
def test_a_usage_without_counts_is_none(value: Any) -> None:
    assert chunk({"usage": value, "choices": []}).usage is None


@pytest.mark.parametrize(
    ("more", "usage"),
    [
        ({"prompt_cache_hit_tokens": 3}, Usage(1, 2, None, 3)),
        ({"cached_tokens": 3}, Usage(1, 2, None, 3)),
        ({"reasoning_tokens": 3}, Usage(1, 2, 3)),
        (
            {"prompt_cache_hit_tokens": 3, "prompt_tokens_details": {"cached_tokens": 0}},
            Usage(1, 2, None, 0),
        ),
    ],
)
def test_usage_by_the_names_of_some_endpoints(more: dict[str, Any], usage: Usage) -> None:
    assert chunk({"usage": {"prompt_tokens": 1, "completion_tokens": 2} | more}).usage == usage


def test_usage_in_other_places() -> None:
    counts = {"prompt_tokens": 1, "completion_tokens": 2}
    assert chunk({"choices": [{"usage": counts}]}).usage == Usage(1, 2)
    assert chunk({"choices": [], "x_groq": {"usage": counts}}).usage == Usage(1, 2)
    assert chunk({"choices": [], "x_groq": {"id": "x"}}).usage is None
    both = {"choices": [{"usage": {"prompt_tokens": 9}}], "usage": counts}
    assert chunk(both).usage == Usage(1, 2)


def test_an_empty_name_of_a_model_is_none() -> None:
    assert chunk({"model": "", "choices": []}).model is None


def test_calls_of_tools_are_told() -> None:
    assert delta(tool_calls=[{"index": 0}]).tools
    assert delta(function_call={"name": "f"}).tools
    assert not delta(tool_calls=[], content="a").tools
    assert not delta(tool_calls=None, function_call=None).tools


def test_an_error_of_any_shape_is_told() -> None:
    assert chunk({"error": {"message": "x"}}).error == {"message": "x"}
    assert chunk({"error": "x"}).error == "x"
    assert chunk({"error": {}}).error == {}
    assert chunk({"error": None, "choices": []}).error is None


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"object": "error", "message": "x", "code": 400}, True),
        ({"code": "InvalidParameter", "message": "x", "request_id": "y"}, True),
        ({"object": "error", "message": None}, False),
        ({"message": "hello"}, False),
        ({"code": "x"}, False),
        ({"object": "error", "message": "x", "choices": []}, False),
    ],
)
def test_an_error_without_a_field_around_it_is_told(value: Any, told: bool) -> None:
    assert chunk(value).error == (value if told else None)


@pytest.mark.parametrize("value", [42, "x", None, [], {}, {"detail": "x"}, {"choices": "x"}])
def test_json_of_another_shape_is_not_known(value: Any) -> None:
    assert not chunk(value).known


def test_what_msgspec_refuses_is_read_again() -> None:
    assert read_chunk(b'{"choices":[{"delta":{"content":"\\ud83d"}}]}').text == "\ud83d"
    assert read_chunk(b'{"x":NaN,"choices":[{"delta":{"content":"a"}}]}').text == "a"
    assert delta(content="a", role="assistant").text == "a"
    assert chunk({"choices": [{"delta": []}, 3]}).known


@pytest.mark.parametrize(
    "data", [b"", b"{", b"{oops}", b"[" * 200_000, b'{"choices":[{"delta":{"content":"\xff"}}]}']
)
def test_what_is_not_json_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        read_chunk(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "delta", "content", "index", "usage", "error", "text", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
)


@given(JSON)
def test_no_json_breaks_the_reader(value: Any) -> None:
    read = chunk(value)
    assert isinstance(read.text, str)
    assert isinstance(read.reasoning, str)
