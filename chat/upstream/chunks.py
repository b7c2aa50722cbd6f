"""One chunk of a completion, read from the JSON that endpoints send. No I/O.

msgspec reads what is shaped as expected, without building what is not needed. What it refuses
(lone surrogates, NaN, fields of unexpected types) is read again by the standard library, and only
what that refuses, too, counts as malformed.
"""

from __future__ import annotations

import json
import re
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
    details: str = ""
    """Reasoning out of `reasoning_details`, which mostly repeats the field `reasoning`."""
    finish_reason: str | None = None
    model: str | None = None
    usage: Usage | None = None
    error: Any = None
    tools: bool = False
    known: bool = False
    """Whether it had choices or usage, as a chunk of a completion has."""

    def __repr__(self) -> str:
        return "<Chunk>"


class _Delta(msgspec.Struct, gc=False):
    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    tool_calls: Any = None
    function_call: Any = None
    refusal: Any = None
    reasoning_details: Any = None


class _Choice(msgspec.Struct, gc=False):
    index: Any = None
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: Any = None
    usage: Any = None


class _Completion(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    model: Any = None
    usage: Any = None
    error: Any = None
    x_groq: Any = None


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
    if type(completion.model) is str and completion.model:
        chunk.model = completion.model
    if completion.usage is not None:
        chunk.usage = _usage(completion.usage)
        chunk.known = isinstance(completion.usage, dict)
    elif isinstance(completion.x_groq, dict):
        chunk.usage = _usage(completion.x_groq.get("usage"))
    if completion.choices is None:
        if chunk.error is None and not chunk.known:
            chunk.error = _bare_error(data)
        return chunk
    chunk.known = True
    for choice in completion.choices:
        if not choice.index or choice.index == "0":
            _read_choice(choice, chunk)
            break
    return chunk


def _read_choice(choice: _Choice, chunk: Chunk) -> None:
    if type(choice.finish_reason) is str:
        chunk.finish_reason = _finish_reason(choice.finish_reason)
    if choice.usage is not None and chunk.usage is None:
        chunk.usage = _usage(choice.usage)
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
        if thought and not chunk.reasoning:
            chunk.reasoning = thought if type(thought) is str else "".join(_parts(thought))
    if delta.reasoning_details:
        chunk.details = _details(delta.reasoning_details)
    chunk.tools = bool(delta.tool_calls or delta.function_call)


_REASONS = {
    "end_turn": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_length": "length",
    "safety": "content_filter",
    "sensitive": "content_filter",
    "null": "",
    "none": "",
}
"""What some endpoints write for the reasons of OpenAI, in small letters."""


def _finish_reason(said: str) -> str | None:
    """The reason in OpenAI's words where it has one, else something short and harmless."""
    small = said.lower()
    reason = _REASONS.get(small, small if said.isupper() else said)
    return re.sub(r"[^\w.:-]", "_", reason[:40], flags=re.ASCII) or None


def _bare_error(data: bytes) -> Any:
    """An error that vLLM, SGLang and DashScope send without a field `error` around it."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not isinstance(value.get("message"), str):
        return None
    return value if value.get("object") == "error" or value.get("code") else None


def _details(rows: Any) -> str:
    """The words in OpenRouter's list of thoughts, without those that are encrypted."""
    if not isinstance(rows, list):
        return ""
    said = [row.get("text") or row.get("summary") for row in rows if isinstance(row, dict)]
    return "".join(words for words in said if isinstance(words, str))


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
    """The counts; None where none is told, so that they can be estimated."""
    if not isinstance(value, dict):
        return None

    def count(*names: str, group: str = "") -> int | None:
        holder = value.get(group) if group else value
        numbers = [holder.get(name) for name in names] if isinstance(holder, dict) else []
        return next((n for n in numbers if type(n) is int and 0 <= n < 2**53), None)

    prompt, completion = count("prompt_tokens"), count("completion_tokens")
    if not prompt and not completion:
        return None  # some gateways send noughts with every chunk
    thoughts = count("reasoning_tokens", group="completion_tokens_details")
    cached = count("cached_tokens", group="prompt_tokens_details")
    return Usage(
        prompt,
        completion,
        thoughts if thoughts is not None else count("reasoning_tokens"),
        # DeepSeek's and Moonshot's names.
        cached if cached is not None else count("prompt_cache_hit_tokens", "cached_tokens"),
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
        x_groq=value.get("x_groq"),
    )


def _choice(row: dict[str, Any]) -> _Choice:
    return _Choice(
        index=row.get("index"),
        delta=_delta(row.get("delta")),
        message=_delta(row.get("message")),
        finish_reason=row.get("finish_reason"),
        usage=row.get("usage"),
    )


def _delta(row: Any) -> _Delta | None:
    if not isinstance(row, dict):
        return None
    return _Delta(**{name: row.get(name) for name in _Delta.__struct_fields__})
