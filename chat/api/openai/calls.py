"""Calls of `/v1/chat/completions`, read without I/O.

Parameters that Parley uses are checked; unknown ones are passed on to the endpoint. Those that
cannot be served are refused, never ignored, except where they ask for nothing: they repeat the
default, or belong to a parameter that is absent.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

from chat.api.openai.errors import OpenAIProblem, invalid
from chat.protocol import clean

DEPTH = 64
MESSAGES = 1000
PARAMETERS = 100
NAME_LENGTH = 64
MODEL_LENGTH = 200
ROLES = ("system", "developer", "user", "assistant")

NOT_SERVED = {
    "tools": "Tools are not supported.",
    "functions": "Functions are not supported.",
    "logprobs": "Log probabilities are not supported.",
    "audio": "Audio is not supported.",
}
"""Parameters that are refused, unless they ask for nothing."""

DEPENDENT = {
    "tools": ("tool_choice", "parallel_tool_calls"),
    "functions": ("function_call",),
    "logprobs": ("top_logprobs",),
}
"""Parameters that mean something only beside one that is not served."""

OPERATOR_ONLY = frozenset(
    [
        "api_key",
        "api_base",
        "base_url",
        "api_version",
        "headers",
        "extra_headers",
        "default_headers",
        "extra_query",
        "default_query",
        "extra_body",
        "organization",
        "project",
        "proxy",
        "http_client",
        "custom_llm_provider",
        "azure_endpoint",
        "azure_ad_token",
    ]
)
"""Names that choose server and key: gateways take these from a body."""

STREAM_OPTIONS = ("include_usage", "include_obfuscation", "continuous_usage_stats")
"""Only the first one asks for anything: padding is a precaution of the server's, and counts on the
way come with the last chunk as well."""

LIMITS = ("max_tokens", "max_completion_tokens")

TEXTS = ("text", "input_text", "output_text")
PARTS = {
    "image_url": "Images are not supported.",
    "input_image": "Images are not supported.",
    "input_audio": "Audio is not supported.",
    "file": "Files are not supported.",
}

ANSWERED = ("reasoning_content", "reasoning", "refusal", "annotations")
"""Fields of an answer that clients send back with it; some endpoints refuse them."""

RESERVED = (
    "model",
    "messages",
    "stream",
    "stream_options",
    "store",
    "n",
    "modalities",
    "metadata",
)
"""Parameters of clients that an endpoint never gets."""

CONSTANTS = ("NaN", "Infinity", "-Infinity")
"""Numbers of Python that JSON does not have."""

_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Call:
    """One call, as its client sent it."""

    model: str
    messages: list[dict[str, Any]] = field(repr=False)
    """Role, content (always text) and whatever else came with each."""
    parameters: dict[str, Any] = field(repr=False)
    """All others, to be passed on as they are."""
    stream: bool = False
    include_usage: bool = False
    store: bool = True
    metadata: dict[str, Any] = field(default_factory=dict, repr=False)
    """For the client to find the stored call by; OpenAI's endpoints take it with `store` only."""


def parse(raw: bytes) -> Call:
    """The call in this body. Raises `OpenAIProblem`, which names the parameter."""
    body = read_object(raw)
    model = _model(body.get("model"))
    messages = _messages(body.get("messages"))
    _refuse_what_is_not_served(body)
    stream = _switch(body, "stream", False)
    without = {
        *RESERVED,
        *NOT_SERVED,
        *(name for names in DEPENDENT.values() for name in names),
    }
    parameters = {
        name: value
        for name, value in body.items()
        if not _is_nothing(value) and name not in without and not _is_no_limit(name, value)
    }
    _check_types(parameters)
    return Call(
        model=model,
        messages=messages,
        parameters=parameters,
        stream=stream,
        include_usage=_include_usage(body.get("stream_options"), stream),
        store=_switch(body, "store", True),
        metadata=read_metadata(body.get("metadata")),
    )


# --- JSON ---------------------------------------------------------------------------------


def read_object(raw: bytes) -> dict[str, Any]:
    """Read a body, without characters that no database takes. Raises `OpenAIProblem`."""
    text = _read_text(raw)
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise _too_deep(None) from None
    except json.JSONDecodeError as wrong:
        where = f"line {wrong.lineno}, column {wrong.colno}"
        raise _no_json(f"is not valid JSON: {wrong.msg} ({where}).") from None
    except ValueError as wrong:
        name = str(wrong) if wrong.args[0] in CONSTANTS else "a number of thousands of digits"
        raise _no_json(f"is not valid JSON: it has {name}.") from None
    if not isinstance(value, dict):
        raise _no_json("is not a JSON object.")
    return {clean(name): _tidy(one, name[:NAME_LENGTH], 1) for name, one in value.items()}


def _read_text(raw: bytes) -> str:
    try:
        text = raw.removeprefix(_MARK).decode()
    except UnicodeDecodeError:
        raise _no_json("is not in UTF-8.") from None
    if not text.strip():
        raise _no_json("is empty: send a JSON object.")
    return text


def _no_json(fault: str) -> OpenAIProblem:
    return OpenAIProblem(400, f"The body {fault}", code="invalid_json")


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _tidy(value: Any, param: str, depth: int) -> Any:
    """Copy a value without characters that no database takes, at most `DEPTH` levels deep."""
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


def _too_deep(param: str | None) -> OpenAIProblem:
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
        raise invalid("'messages' is empty. Send at least one message.", "messages")
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
        raise invalid(f"'{where}.role' must be one of {one_of}.", f"{where}.role", "invalid_value")
    for name in ("tool_calls", "function_call", "audio"):
        if value.get(name):
            message = NOT_SERVED["audio" if name == "audio" else "tools"]
            raise invalid(message, f"{where}.{name}", "unsupported_value")
    content = value.get("content")
    if content is None and role == "assistant":
        content = value.get("refusal")
    if content is None and role != "assistant":
        raise _missing(f"{where}.content")
    text = _text(content, f"{where}.content")
    # SDKs send back the messages that they got, with empty fields.
    others = {
        name: one
        for name, one in value.items()
        if not (_is_nothing(one) or name == "cache_control")
        and not (role == "assistant" and name in ANSWERED)
    }
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
    if kind == "refusal" and isinstance(part.get("refusal"), str):
        return str(part["refusal"])
    if kind not in TEXTS:
        message = PARTS.get(kind) if isinstance(kind, str) else None
        raise invalid(message or "Only text parts are supported.", where, "unsupported_value")
    for name, value in part.items():
        # How long a part is to be cached is a hint.
        if name not in ("type", "text", "cache_control") and not _is_nothing(value):
            field = f"{where}.{name[:NAME_LENGTH]}"
            raise invalid("A part can have only its text.", field, "unsupported_value")
    if not isinstance(part.get("text"), str):
        raise _type(f"{where}.text", "text")
    text: str = part["text"]
    return text


# --- parameters ---------------------------------------------------------------------------


def _is_nothing(value: Any) -> bool:
    """True if it means the same as its absence."""
    return value is None or value == [] or value == {}


def _is_no_limit(name: str, value: Any) -> bool:
    """True if it allows an answer of any length, as in llama.cpp and LM Studio."""
    return name in LIMITS and value == -1


def _refuse_what_is_not_served(body: dict[str, Any]) -> None:
    for name, value in body.items():
        if name.strip().lower().replace("-", "_") in OPERATOR_ONLY and not _is_nothing(value):
            whose = "Only the operator of this server sets keys, addresses and headers."
            raise invalid(whose, name[:NAME_LENGTH], "unsupported_parameter")
    for name, message in NOT_SERVED.items():
        idle = (name == "tools" and body.get("tool_choice") == "none") or (
            name == "functions" and body.get("function_call") == "none"
        )
        # A voice only matters with audio, which is refused below.
        if body.get(name) and not idle and name != "audio":
            raise invalid(message, name, "unsupported_parameter")
    if body.get("n") not in (None, 1) or isinstance(body.get("n"), bool):
        raise invalid("Only one answer per call is supported.", "n", "unsupported_value")
    if body.get("modalities") not in (None, [], ["text"]):
        raise invalid("Only text is supported.", "modalities", "unsupported_value")


def _check_types(parameters: dict[str, Any]) -> None:
    if len(parameters) > PARAMETERS:
        raise invalid(f"A call has at most {PARAMETERS} parameters.", None, "too_many_parameters")
    for name in parameters:
        if len(name) > NAME_LENGTH or not name:
            shown = name[:NAME_LENGTH]
            raise invalid(f"Unknown parameter: '{shown}'.", shown, "unknown_parameter")
    for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty"):
        if not isinstance(parameters.get(name, 0.0), int | float) or _is_bool(parameters, name):
            raise _type(name, "a number")
    limits = [name for name in LIMITS if name in parameters]
    for name in limits:
        if isinstance(parameters[name], float) and parameters[name].is_integer():
            parameters[name] = int(parameters[name])  # some languages have one kind of numbers
        if not isinstance(parameters[name], int) or _is_bool(parameters, name):
            raise _type(name, "a whole number")
        if parameters[name] < 1:
            raise invalid(f"'{name}' must be at least 1.", name, "integer_below_min_value")
    if len({parameters[name] for name in limits}) == 2:
        both = "'max_tokens' and 'max_completion_tokens' set the same limit. Send only one of them."
        raise invalid(both, "max_tokens")
    if not isinstance(parameters.get("reasoning_effort", ""), str):
        raise _type("reasoning_effort", "a word")
    stop = parameters.get("stop", [])
    if not isinstance(stop, str | list) or not all(isinstance(one, str) for one in stop):
        raise _type("stop", "text or a list of texts")


def read_metadata(value: Any) -> dict[str, Any]:
    """Read the metadata that a client keeps with a call. Raises `OpenAIProblem`."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _type("metadata", "an object")
    return value


def _is_bool(parameters: dict[str, Any], name: str) -> bool:
    return isinstance(parameters.get(name), bool)


def _include_usage(value: Any, stream: bool) -> bool:
    if value is None:
        return False
    if not isinstance(value, dict):
        raise _type("stream_options", "an object")
    if not stream:
        return False
    for name, one in value.items():
        if name not in STREAM_OPTIONS and one:
            where = f"stream_options.{name[:NAME_LENGTH]}"
            raise invalid(f"'{where}' is not supported.", where, "unknown_parameter")
    return _switch(value, "include_usage", False, "stream_options.")


def _switch(holder: dict[str, Any], name: str, default: bool, before: str = "") -> bool:
    value = holder.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise _type(before + name, "true or false")
    return value


def _missing(param: str) -> OpenAIProblem:
    return invalid(f"'{param}' is missing.", param, "missing_required_parameter")


def _type(param: str, wanted: str) -> OpenAIProblem:
    return invalid(f"'{param}' must be {wanted}.", param, "invalid_type")
