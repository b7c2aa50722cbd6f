"""What a client asks of `/v1/chat/completions`, read without I/O.

What Parley has to understand is checked; what it does not know is passed on to the endpoint. What
cannot be served is refused, never ignored.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

from chat.api.openai.errors import Refusal, invalid
from chat.protocol import clean

DEPTH = 64
MESSAGES = 1000
NAME_LENGTH = 64
MODEL_LENGTH = 200
ROLES = ("system", "developer", "user", "assistant")

NOT_SERVED = {
    "tools": "Tools are not served here.",
    "functions": "Functions are not served here.",
    "logprobs": "Log probabilities are not served here.",
    "top_logprobs": "Log probabilities are not served here.",
    "audio": "Audio is not served here.",
}
"""Refused, unless they ask for nothing."""

PARTS = {
    "image_url": "Images are not served here.",
    "input_image": "Images are not served here.",
    "input_audio": "Audio is not served here.",
    "file": "Files are not served here.",
}

OURS = ("model", "messages", "stream", "stream_options", "store", "n", "tool_choice")
"""What an endpoint never gets from a client's parameters."""


@dataclass(frozen=True)
class Call:
    """One call, as it was asked for."""

    model: str
    messages: list[dict[str, Any]] = field(repr=False)
    """Role, content (always text) and whatever else came with each."""
    parameters: dict[str, Any] = field(repr=False)
    """All others, to be passed on as they are."""
    stream: bool = False
    include_usage: bool = False
    store: bool = True


def parse(raw: bytes) -> Call:
    """The call in this body. Raises `Refusal`, which names the parameter."""
    body = _object(raw)
    model = _model(body.get("model"))
    messages = _messages(body.get("messages"))
    _refuse_what_is_not_served(body)
    stream = _switch(body, "stream", False)
    parameters = {
        name: value
        for name, value in body.items()
        # Null means what leaving it out means.
        if value is not None and name not in OURS and name not in NOT_SERVED
    }
    _check_types(parameters)
    return Call(
        model=model,
        messages=messages,
        parameters=parameters,
        stream=stream,
        include_usage=_include_usage(body.get("stream_options"), stream),
        store=_switch(body, "store", True),
    )


# --- JSON ---------------------------------------------------------------------------------


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw.decode(), parse_constant=_no_constant)
    except RecursionError:
        raise _too_deep(None) from None
    except ValueError:
        raise Refusal(400, "The body is not valid JSON in UTF-8.", code="invalid_json") from None
    if not isinstance(value, dict):
        raise Refusal(400, "The body is not a JSON object.", code="invalid_json")
    return {clean(name): _tidy(one, name[:NAME_LENGTH], 1) for name, one in value.items()}


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _tidy(value: Any, param: str, depth: int) -> Any:
    """The same without what no database takes, at most `DEPTH` levels deep."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise invalid(f"Too large a number in '{param}'.", param)
    if isinstance(value, list | dict):
        if depth >= DEPTH:
            raise _too_deep(param)
        if isinstance(value, list):
            return [_tidy(one, param, depth + 1) for one in value]
        return {clean(name): _tidy(one, param, depth + 1) for name, one in value.items()}
    return value


def _too_deep(param: str | None) -> Refusal:
    return invalid(f"The body is nested more than {DEPTH} levels deep.", param, "too_deep")


# --- messages -----------------------------------------------------------------------------


def _model(value: Any) -> str:
    if value is None:
        raise _missing("model")
    if not isinstance(value, str) or not value.strip() or len(value) > MODEL_LENGTH:
        raise _type("model", "the id of a model")
    return value


def _messages(value: Any) -> list[dict[str, Any]]:
    if value is None:
        raise _missing("messages")
    if not isinstance(value, list):
        raise _type("messages", "a list of messages")
    if not value:
        raise invalid("'messages' is empty: there is nothing to answer.", "messages")
    if len(value) > MESSAGES:
        raise invalid(f"A call has at most {MESSAGES} messages.", "messages", "too_many_messages")
    return [_message(one, f"messages.{at}") for at, one in enumerate(value)]


def _message(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _type(where, "a message")
    role = value.get("role")
    if role is None:
        raise _missing(f"{where}.role")
    if role in ("tool", "function"):
        raise invalid(NOT_SERVED["tools"], where, "unsupported_value")
    if role not in ROLES:
        one_of = ", ".join(ROLES)
        raise invalid(f"'{where}.role' is none of {one_of}.", f"{where}.role", "invalid_value")
    for name in ("tool_calls", "function_call", "audio"):
        if value.get(name):
            what = NOT_SERVED["audio" if name == "audio" else "tools"]
            raise invalid(what, f"{where}.{name}", "unsupported_value")
    content = value.get("content")
    if content is None and role != "assistant":
        raise _missing(f"{where}.content")
    text = _text(content, f"{where}.content")
    # SDKs send back what they were answered, with fields that say nothing.
    others = {name: one for name, one in value.items() if one not in (None, [], {})}
    return others | {"role": role, "content": text}


def _text(content: Any, where: str) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise _type(where, "text or a list of parts")
    return "\n".join(_part(part, f"{where}.{at}") for at, part in enumerate(content))


def _part(part: Any, where: str) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind != "text":
        what = PARTS.get(kind) if isinstance(kind, str) else None
        raise invalid(what or "Only parts of text are served here.", where, "unsupported_value")
    for name, value in part.items():
        if name not in ("type", "text") and value not in (None, [], {}):
            field = f"{where}.{name[:NAME_LENGTH]}"
            raise invalid("A part has nothing but its text here.", field, "unsupported_value")
    if not isinstance(part.get("text"), str):
        raise _type(f"{where}.text", "text")
    text: str = part["text"]
    return text


# --- parameters ---------------------------------------------------------------------------


def _refuse_what_is_not_served(body: dict[str, Any]) -> None:
    for name, what in NOT_SERVED.items():
        if body.get(name):
            raise invalid(what, name, "unsupported_parameter")
    for name in ("tool_choice", "function_call"):
        # Without tools these say what is done anyway.
        if body.get(name) not in (None, "none", "auto"):
            raise invalid(NOT_SERVED["tools"], name, "unsupported_parameter")
        if name == "function_call":
            body.pop(name, None)
    if body.get("n") not in (None, 1) or isinstance(body.get("n"), bool):
        raise invalid("One answer to a call is all that is served here.", "n", "unsupported_value")
    if body.get("modalities") not in (None, ["text"]):
        raise invalid("Only text is served here.", "modalities", "unsupported_value")


def _check_types(parameters: dict[str, Any]) -> None:
    for name in parameters:
        if len(name) > NAME_LENGTH or not name:
            shown = name[:NAME_LENGTH]
            raise invalid(f"No parameter has such a name: '{shown}'.", shown, "unknown_parameter")
    for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty"):
        if not isinstance(parameters.get(name, 0.0), int | float) or _is_bool(parameters, name):
            raise _type(name, "a number")
    limits = [name for name in ("max_tokens", "max_completion_tokens") if name in parameters]
    for name in limits:
        if not isinstance(parameters[name], int) or _is_bool(parameters, name):
            raise _type(name, "a whole number")
        if parameters[name] < 1:
            raise invalid(f"'{name}' is at least 1.", name, "integer_below_min_value")
    if len(limits) == 2:
        both = "'max_tokens' and 'max_completion_tokens' are two names of one limit: give one."
        raise invalid(both, "max_tokens")
    if not isinstance(parameters.get("reasoning_effort", ""), str):
        raise _type("reasoning_effort", "a word")
    stop = parameters.get("stop", [])
    if not isinstance(stop, str | list) or not all(isinstance(one, str) for one in stop):
        raise _type("stop", "text or a list of texts")


def _is_bool(parameters: dict[str, Any], name: str) -> bool:
    return isinstance(parameters.get(name), bool)


def _include_usage(value: Any, stream: bool) -> bool:
    if value is None:
        return False
    if not isinstance(value, dict):
        raise _type("stream_options", "an object")
    if not stream:
        raise invalid("'stream_options' is only for 'stream': true.", "stream_options")
    for name, one in value.items():
        # Nothing here is padded with noise, so not asking for it is no wish that is ignored.
        if name != "include_usage" and not (name == "include_obfuscation" and not one):
            where = f"stream_options.{name[:NAME_LENGTH]}"
            raise invalid(f"'{where}' is not served here.", where, "unknown_parameter")
    return _switch(value, "include_usage", False, "stream_options.")


def _switch(holder: dict[str, Any], name: str, default: bool, before: str = "") -> bool:
    value = holder.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise _type(before + name, "true or false")
    return value


def _missing(param: str) -> Refusal:
    return invalid(f"'{param}' is missing.", param, "missing_required_parameter")


def _type(param: str, wanted: str) -> Refusal:
    return invalid(f"'{param}' is not {wanted}.", param, "invalid_type")
