"""One chunk of a completion, read from the JSON that endpoints send. No I/O.

msgspec reads the expected shapes and builds only the fields needed. Data that it refuses (lone
surrogates, NaN, fields of unexpected types) is read again by the standard library. Only data that
both refuse is malformed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec

from chat.upstream.endings import finish_reason, first_reason, is_fault
from chat.upstream.parts import details, is_flagged, parts
from chat.upstream.wrappings import bare_error, is_refusal, says_nothing, unwrapped


class MalformedError(Exception):
    """The data of an event is not JSON."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the endpoint counted them; None where it did not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None


class Chunk(msgspec.Struct, gc=False):
    """The content of one event."""

    text: str = ""
    reasoning: str = ""
    details: str = ""
    """Reasoning out of `reasoning_details`, which mostly repeats the field `reasoning`."""
    flagged: bool = False
    """True if a flag beside the text calls it thoughts."""
    summary: bool = False
    """True if the words came as a whole message, as a last chunk may repeat them."""
    finish_reason: str | None = None
    fault: str = ""
    """The reason that the endpoint gives for a failure of its own, in its word."""
    model: str | None = None
    usage: Usage | None = None
    error: Any = None
    in_choice: bool = False
    """True if the error is that of the choice, and so the endpoint's about the model."""
    tools: bool = False
    known: bool = False
    """True if there are choices or usage, as in a chunk of a completion."""
    plain: bool = False
    """True if there are words and, but for the model's name, nothing else that matters."""

    def __repr__(self) -> str:
        return "<Chunk>"


@dataclass(slots=True)
class AnswerFacts:
    """Facts about an answer beside its text, as far as the endpoint has told them."""

    model: str | None = None
    usage: Usage | None = None

    def take(self, chunk: Chunk) -> None:
        for name in self.__slots__:
            value = getattr(chunk, name)
            if value is not None:
                setattr(self, name, value)


class _Delta(msgspec.Struct, gc=False):
    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_text: Any = None
    reasoning_summary: Any = None
    cot_summary: Any = None
    thinking: Any = None
    thinking_content: Any = None
    thinking_blocks: Any = None
    thought: Any = None
    thoughts: Any = None
    tool_calls: Any = None
    function_call: Any = None
    refusal: Any = None
    reasoning_details: Any = None
    extra_content: Any = None
    channel: Any = None
    phase: Any = None
    type: Any = None
    text: Any = None
    finish_reason: Any = None


class _Choice(msgspec.Struct, gc=False, rename={"camel_finish_reason": "finishReason"}):
    index: Any = None
    delta: _Delta | None = None
    message: _Delta | None = None
    text: Any = None
    finish_reason: Any = None
    camel_finish_reason: Any = None
    native_finish_reason: Any = None
    stop_reason: Any = None
    finish_details: Any = None
    error: Any = None
    usage: Any = None


class _Completion(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    model: Any = None
    usage: Any = None
    error: Any = None
    x_groq: Any = None
    base_resp: Any = None
    finish_reason: Any = None


_decode = msgspec.json.Decoder(_Completion).decode
_NO_DELTA, _NO_CHOICE = _Delta(), _Choice()


def read_chunk(data: bytes) -> Chunk:
    """Read the data of one event, or the body of an answer that is not a stream.

    Raises MalformedError where it is not JSON. JSON of another shape gives a chunk that is not
    `known`.
    """
    try:
        completion = _decode(data)
    except (ValueError, RecursionError):
        completion = _decode_leniently(data)
    if completion.choices is None and completion.error is None:
        completion = _decode_leniently(data)  # there may be one inside
    return _plain(completion) or _any(completion, data)


def _plain(completion: _Completion) -> Chunk | None:
    """Read one choice with some words, as nearly every chunk is; None for any other."""
    choices = completion.choices
    if choices is None or len(choices) != 1:
        return None
    choice = choices[0]
    index, delta = choice.index, choice.delta
    if delta is None or (index is not None and index != 0):
        return None
    text, thoughts = delta.content, delta.reasoning_content
    choice.index = choice.delta = delta.content = delta.reasoning_content = None
    if (
        delta == _NO_DELTA
        and choice == _NO_CHOICE
        and (type(text) is str or text is None)
        and (type(thoughts) is str or thoughts is None)
        and completion.usage is None
        and completion.error is None
        and completion.x_groq is None
        and completion.base_resp is None
        and completion.finish_reason is None
    ):
        model = completion.model
        if type(model) is not str or not model:
            model = None
        return Chunk(text or "", thoughts or "", model=model, known=True, plain=True)
    choice.index, choice.delta = index, delta
    delta.content, delta.reasoning_content = text, thoughts
    return None


def _any(completion: _Completion, data: bytes) -> Chunk:
    chunk = Chunk()
    if not says_nothing(completion.error, beside=completion.choices is not None):
        chunk.error = completion.error
    elif is_refusal(completion.base_resp):
        chunk.error = completion.base_resp
    if type(completion.model) is str and completion.model:
        chunk.model = completion.model
    if completion.usage is not None:
        chunk.usage = _usage(completion.usage)
        chunk.known = isinstance(completion.usage, dict)
    elif isinstance(completion.x_groq, dict):
        chunk.usage = _usage(completion.x_groq.get("usage"))
    if completion.choices is None:
        if chunk.error is None and not chunk.known:
            chunk.error = bare_error(data)
        return chunk
    chunk.known = True
    for choice in completion.choices:
        if not choice.index or choice.index == "0":
            try:
                _read_choice(choice, chunk)
            except RecursionError:
                raise MalformedError from None
            break
    if chunk.finish_reason is None:
        chunk.finish_reason = first_reason(completion.finish_reason)
    return chunk


def _read_choice(choice: _Choice, chunk: Chunk) -> None:
    moved = [one.finish_reason for one in (choice.delta, choice.message) if one is not None]
    chunk.finish_reason = chunk.finish_reason or first_reason(
        choice.finish_reason, choice.camel_finish_reason, choice.finish_details, *moved
    )
    if chunk.finish_reason is None:
        # vLLM has the words or the token here that the model stopped at.
        chunk.finish_reason = first_reason(choice.stop_reason, known=True)
    _read_fault(choice, chunk)
    if choice.usage is not None and chunk.usage is None:
        chunk.usage = _usage(choice.usage)
    delta = choice.delta
    if delta is not None:
        _read_delta(delta, chunk)
    if choice.message is not None and not (chunk.text or chunk.reasoning):
        chunk.details = ""
        _read_delta(choice.message, chunk)
        chunk.summary = True
    if delta is None and choice.message is None and type(choice.text) is str:
        chunk.text = choice.text


def _read_fault(choice: _Choice, chunk: Chunk) -> None:
    """Take the failure that a choice reports: by its reason, a router's reason or an error."""
    native = choice.native_finish_reason
    for reason in (chunk.finish_reason, native if type(native) is str else None):
        if reason and not chunk.fault and is_fault(reason):
            chunk.fault = finish_reason(reason) or ""
    if chunk.error is None and not says_nothing(choice.error, beside=True):
        chunk.error, chunk.in_choice = choice.error, True


def _read_delta(delta: _Delta, chunk: Chunk) -> None:
    content = delta.content
    if type(content) is str:
        chunk.text = content
    elif content is not None:
        chunk.text, chunk.reasoning = parts(content)
    elif type(delta.text) is str:
        chunk.text = delta.text
    chunk.flagged = is_flagged(
        delta.thought, delta.extra_content, delta.channel, delta.phase, delta.type
    )
    if delta.refusal is not None and not chunk.text and type(delta.refusal) is str:
        chunk.text = delta.refusal
    for thought in (
        delta.reasoning_content,
        delta.reasoning,
        delta.reasoning_text,
        delta.reasoning_summary,
        delta.cot_summary,
        delta.thinking,
        delta.thinking_content,
        delta.thought,
        delta.thoughts,
        delta.thinking_blocks,
    ):
        # Some endpoints send the same words under several names.
        if thought and not chunk.reasoning and thought is not True:
            chunk.reasoning = thought if type(thought) is str else "".join(parts(thought))
    if delta.reasoning_details:
        chunk.details = details(delta.reasoning_details)
    chunk.tools = chunk.tools or bool(delta.tool_calls or delta.function_call)


def _usage(value: Any) -> Usage | None:
    """The counts; None where there are none, so that they can be estimated."""
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
    value = unwrapped(value)
    if not isinstance(value, dict):
        return _Completion()
    choices = value.get("choices")
    if isinstance(choices, dict):
        choices = [choices]
    return _Completion(
        choices=[_choice(row) for row in choices if isinstance(row, dict)]
        if isinstance(choices, list)
        else None,
        model=value.get("model"),
        usage=value.get("usage"),
        error=value.get("error"),
        x_groq=value.get("x_groq"),
        base_resp=value.get("base_resp"),
        finish_reason=value.get("finish_reason"),
    )


def _choice(row: dict[str, Any]) -> _Choice:
    return _Choice(
        index=row.get("index"),
        delta=_delta(row.get("delta")),
        message=_delta(row.get("message")),
        text=row.get("text"),
        finish_reason=row.get("finish_reason"),
        camel_finish_reason=row.get("finishReason"),
        native_finish_reason=row.get("native_finish_reason"),
        stop_reason=row.get("stop_reason"),
        finish_details=row.get("finish_details"),
        error=row.get("error"),
        usage=row.get("usage"),
    )


def _delta(row: Any) -> _Delta | None:
    if isinstance(row, str):
        return _Delta(content=row)
    if not isinstance(row, dict):
        return None
    return _Delta(**{name: row.get(name) for name in _Delta.__struct_fields__})
