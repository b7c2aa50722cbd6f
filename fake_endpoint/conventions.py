"""Endpoints that insist on their way of being asked.

Each entry of `CONVENTIONS` is the scenario for the model of that name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fake_endpoint.oddities import ODDITIES
from fake_endpoint.scenarios import (
    SHORT,
    Call,
    Script,
    completion,
    expected_text,
    json_reply,
    orderly,
    play,
    rest,
)

CONVENTIONS: dict[str, Callable[[Call], Script]] = {}

_LIMITS: Final = ("max_tokens", "max_completion_tokens")


def _convention(play: Callable[[Call], Script]) -> Callable[[Call], Script]:
    CONVENTIONS[play.__name__.replace("_", "-")] = play
    return play


def _invalid(message: str, code: str | None, param: str | None) -> Script:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return json_reply({"error": error}, 400)


@_convention
def no_usage_option(call: Call) -> Script:
    """Refuses `stream_options`, and answers without it."""
    if "stream_options" in call.body:
        return _invalid("Unknown parameter: 'stream_options'.", "unknown_parameter", None)
    return orderly(call)


@_convention
def no_stream(call: Call) -> Script:
    """Refuses `stream`, as OpenAI words it or with `how=words` otherwise, and answers without."""
    if not call.body.get("stream"):
        # With the fields of a stream it is refused, too.
        return (
            json_reply(completion(SHORT))
            if "stream_options" not in call.body
            else no_usage_option(call)
        )
    if call.options.get("how") == "words":
        return json_reply({"detail": "Streaming is not supported for this model."}, 422)
    words = "Unsupported value: 'stream' does not support true with this model."
    return _invalid(words, "unsupported_value", "stream")


@_convention
def wants(call: Call) -> Script:
    """`wants?name=max_completion_tokens`: takes a limit by that name only."""
    name = call.options.get("name", "max_completion_tokens")
    other = next(limit for limit in _LIMITS if limit != name)
    if other in call.body:
        words = f"Unsupported parameter: '{other}' is not supported with this model."
        return _invalid(f"{words} Use '{name}' instead.", "unsupported_parameter", other)
    return orderly(call)


@_convention
def refuses(call: Call) -> Script:
    """`refuses?setting=temperature`: as OpenAI words it; `how=fastapi` or `how=words` otherwise."""
    name = call.options.get("setting", "temperature")
    holder = call.messages[-1] if name == "prefix" and call.messages else call.body
    if name not in holder:
        return orderly(call)
    value = holder[name]
    match call.options.get("how"):
        case "fastapi":
            place = ["body", *(["messages", 0] if name == "prefix" else []), name]
            row = {"type": "extra_forbidden", "loc": place, "msg": "Extra inputs are not permitted"}
            return json_reply({"detail": [row | {"input": value}]}, 422)
        case "words":
            return json_reply({"message": f"This model knows no '{name}'.", "object": "error"}, 400)
    words = f"Unsupported value: '{name}' does not support {value} with this model."
    return _invalid(words, "unsupported_value", name)


def _kept(call: Call, convention: str) -> str:
    """The text to go on with, if it is asked for in this way."""
    if not call.messages or call.messages[-1].get("role") != "assistant":
        return ""
    last, body = call.messages[-1], call.body
    template = body.get("continue_final_message") is True
    asked = {
        "vllm": template and body.get("add_generation_prompt") is False,
        "flag": last.get("prefix") is True,
        "plain": not template and "prefix" not in last,
    }
    return str(last.get("content")) if asked[convention] else ""


@_convention
def continues(call: Call) -> Script:
    """`continues?by=plain|vllm|flag`: goes on with a text only when asked so, else from the start.

    The text is that of `words`, with its options. With `space=0` what it adds begins without white
    space; with `json=1` it is no stream and repeats the kept text, as llama.cpp does.
    """
    model = str(call.body.get("model", ""))
    whole, kept = expected_text(model), _kept(call, call.options.get("by", "plain"))
    if not whole.startswith(kept):
        kept = ""
    if call.options.get("json"):
        return json_reply(completion(whole))
    skip = len(kept)
    while kept and call.options.get("space") == "0" and whole[skip : skip + 1] in (" ", "\n"):
        skip += 1
    return play(call, rest(call, skip), call.number("rate", 0))


@_convention
def azure(call: Call) -> Script:
    """Wants Azure's path with the model in it, `api-version` and the header `api-key`."""
    deployment = str(call.body.get("model", ""))
    refusal: dict[str, Any] | None = None
    status = 404
    if not call.path.endswith(f"/openai/deployments/{deployment}/chat/completions"):
        words = "The API deployment for this resource does not exist."
        refusal = {"code": "DeploymentNotFound", "message": words}
    elif not call.query.get("api-version"):
        refusal = {"code": "404", "message": "Resource not found"}
    elif "api-key" not in call.headers:
        status, words = 401, "Access denied due to missing subscription key."
        refusal = {"code": "401", "message": words}
    return json_reply({"error": refusal}, status) if refusal else ODDITIES["azure-chunks"](call)
