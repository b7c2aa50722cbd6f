"""Answers to OpenAI's clients: a completion, or its chunks as server-sent events. No I/O.

Fields and their order are those of OpenAI's own answers
(https://platform.openai.com/docs/api-reference/chat); `reasoning_content` is DeepSeek's name for
thoughts, which most other servers and clients took over.
"""

from __future__ import annotations

import json
from typing import Any

from chat.api.openai.errors import OpenAIProblem
from chat.protocol import on_one_line

PING = b": ping\n\n"
"""A comment: every parser of events skips it."""
DONE = b"data: [DONE]\n\n"
DELTAS = {"text": "content", "reasoning": "reasoning_content"}


class Answer:
    """The answer to one call. `model` is the name in the call."""

    def __init__(self, id: str, created: int, model: str, *, include_usage: bool = False) -> None:
        self._id, self._created, self._model = id, created, model
        self._include_usage = include_usage
        head = json.dumps(self._head("chat.completion.chunk"), ensure_ascii=False)
        # The JSON around the text is made once.
        usage = ', "usage": null' if include_usage else ""
        self._before = f'{head[:-1]}, "choices": [{{"index": 0, "delta": '
        self._after = f"}}]{usage}}}"

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": kind,
            "created": self._created,
            "model": self._model,
            "system_fingerprint": None,
        }

    # --- chunks ---------------------------------------------------------------------------

    def begin(self) -> bytes:
        """The first chunk, which has the role."""
        return self._chunk('{"role": "assistant", "content": ""}')

    def delta(self, track: str, text: str) -> bytes:
        """More of a track of the reply."""
        return self._chunk(f'{{"{DELTAS[track]}": {json.dumps(text, ensure_ascii=False)}}}')

    def finish(self, reason: str, usage: dict[str, Any] | None) -> bytes:
        """All that comes after the text."""
        end = self._chunk("{}", json.dumps(reason))
        if self._include_usage:
            counted = self._head("chat.completion.chunk") | {
                "choices": [],
                "usage": usage_object(usage),
            }
            end += _event(json.dumps(counted, ensure_ascii=False))
        return end + DONE

    def _chunk(self, delta: str, reason: str = "null") -> bytes:
        rest = f', "logprobs": null, "finish_reason": {reason}'
        return _event(f"{self._before}{delta}{rest}{self._after}")

    # --- a whole answer -------------------------------------------------------------------

    def completion(
        self, text: str, reasoning: str, reason: str, usage: dict[str, Any] | None
    ) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
        if reasoning:
            message["reasoning_content"] = reasoning
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
        head = self._head("chat.completion")
        return head | {"choices": [choice], "usage": usage_object(usage)}


def error_event(refusal: OpenAIProblem) -> bytes:
    """The last event of a stream that ends badly; no `[DONE]` follows."""
    return _event(refusal.body)


def _event(data: str) -> bytes:
    return f"data: {on_one_line(data)}\n\n".encode()


def usage_object(usage: dict[str, Any] | None) -> dict[str, Any]:
    """Tokens as OpenAI counts them; nought where nothing is known."""
    known = usage or {}
    prompt, completion = known.get("prompt_tokens") or 0, known.get("completion_tokens") or 0
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": known.get("cached_tokens") or 0},
        "completion_tokens_details": {"reasoning_tokens": known.get("reasoning_tokens") or 0},
    }


def finish_reason(status: str, reported: str | None) -> str:
    """The finish reason of a reply with text; one stopped by its user has ended as well."""
    return "stop" if status == "stopped" else reported or "stop"


def model_object(id: str, endpoint: str) -> dict[str, Any]:
    """A model. `created` would be the time at which it was made, which no endpoint reports."""
    return {"id": id, "object": "model", "created": 0, "owned_by": endpoint}
