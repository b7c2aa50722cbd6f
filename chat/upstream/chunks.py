"""One chunk of a completion, read from the JSON that endpoints send. No I/O.

msgspec reads what is shaped as expected, without building what is not needed. What it refuses
(lone surrogates, NaN, fields of unexpected types) is read again by the standard library, and only
what that refuses, too, counts as malformed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec


class MalformedError(Exception):
    """The data of an event is not JSON."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the endpoint counted them; None where it did not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None


@dataclass(slots=True)
class Chunk:
    """What one event said."""

    text: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    model: str | None = None
    usage: Usage | None = None
    error: Any = None
    tools: bool = False
    known: bool = False
    """Whether it had choices or usage, as a chunk of a completion has."""


class _Delta(msgspec.Struct, gc=False):
    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    tool_calls: Any = None
    function_call: Any = None
    refusal: Any = None


class _Choice(msgspec.Struct, gc=False):
    index: Any = None
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: Any = None


class _Completion(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    model: Any = None
    usage: Any = None
    error: Any = None


_decode = msgspec.json.Decoder(_Completion).decode


def read_chunk(data: bytes) -> Chunk:
    """Read the data of one event, or the body of an answer that is not a stream.

    Raises MalformedError where it is not JSON. JSON of another shape gives a chunk that is not
    `known`.
    """
    try:
        completion = _decode(data)
    except (ValueError, RecursionError):
        completion = _decode_leniently(data)
    chunk = Chunk()
    if completion.error is not None and completion.error not in ("", False):
        chunk.error = completion.error
    if type(completion.model) is str:
        chunk.model = completion.model
    if completion.usage is not None:
        chunk.usage = _usage(completion.usage)
        chunk.known = chunk.usage is not None
    if completion.choices is None:
        return chunk
    chunk.known = True
    for choice in completion.choices:
        if not choice.index:
            _read_choice(choice, chunk)
            break
    return chunk


def _read_choice(choice: _Choice, chunk: Chunk) -> None:
    if type(choice.finish_reason) is str and choice.finish_reason:
        chunk.finish_reason = choice.finish_reason
    delta = choice.delta or choice.message
    if delta is None:
        return
    content = delta.content
    if type(content) is str:
        chunk.text = content
    elif content is not None:
        chunk.text, chunk.reasoning = _parts(content)
    if delta.refusal is not None and not chunk.text and type(delta.refusal) is str:
        chunk.text = delta.refusal
    for thought in (delta.reasoning_content, delta.reasoning):
        # Some endpoints send the same words under both names.
        if type(thought) is str and thought:
            chunk.reasoning += thought
            break
    chunk.tools = bool(delta.tool_calls or delta.function_call)


def _parts(content: Any) -> tuple[str, str]:
    """Text and reasoning of a content that is not a plain string."""
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        return ("", "") if isinstance(content, bool) else (str(content), "")
    text, reasoning = [], []
    for part in content:
        if isinstance(part, str):
            text.append(part)
        elif isinstance(part, dict):
            thought = part.get("thinking")
            if isinstance(thought, list):
                thought = "".join(_parts(thought))
            if isinstance(thought, str):
                reasoning.append(thought)
            elif isinstance(part.get("text"), str):
                text.append(part["text"])
    return "".join(text), "".join(reasoning)


def _usage(value: Any) -> Usage | None:
    if not isinstance(value, dict):
        return None

    def count(name: str, group: str = "") -> int | None:
        holder = value.get(group) if group else value
        number = holder.get(name) if isinstance(holder, dict) else None
        return number if type(number) is int and 0 <= number < 2**53 else None

    return Usage(
        count("prompt_tokens"),
        count("completion_tokens"),
        count("reasoning_tokens", "completion_tokens_details"),
        count("cached_tokens", "prompt_tokens_details"),
    )


def _decode_leniently(data: bytes) -> _Completion:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise MalformedError from None
    if not isinstance(value, dict):
        return _Completion()
    choices = value.get("choices")
    return _Completion(
        choices=[_choice(row) for row in choices if isinstance(row, dict)]
        if isinstance(choices, list)
        else None,
        model=value.get("model"),
        usage=value.get("usage"),
        error=value.get("error"),
    )


def _choice(row: dict[str, Any]) -> _Choice:
    return _Choice(
        index=row.get("index"),
        delta=_delta(row.get("delta")),
        message=_delta(row.get("message")),
        finish_reason=row.get("finish_reason"),
    )


def _delta(row: Any) -> _Delta | None:
    if not isinstance(row, dict):
        return None
    return _Delta(**{name: row.get(name) for name in _Delta.__struct_fields__})
