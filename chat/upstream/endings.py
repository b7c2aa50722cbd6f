"""Finish reasons in OpenAI's words, whatever the endpoint's are. No I/O."""

from __future__ import annotations

import re
from typing import Any

_REASONS = {
    "end_turn": "stop",
    "end": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "complete": "stop",
    "completed": "stop",
    "done": "stop",
    "finish": "stop",
    "finished": "stop",
    "max_tokens": "length",
    "max_new_tokens": "length",
    "max_output_tokens": "length",
    "max_completion_tokens": "length",
    "max_length": "length",
    "model_length": "length",
    "token_limit": "length",
    "model_context_window_exceeded": "length",
    "safety": "content_filter",
    "sensitive": "content_filter",
    "content_filtered": "content_filter",
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "spii": "content_filter",
    "image_safety": "content_filter",
    "refusal": "content_filter",
    "null": "",
    "none": "",
    "finish_reason_unspecified": "",
}
"""OpenAI's reasons by the words that other endpoints use, in small letters."""

_FAULT = re.compile(
    r"error|fail|abort|cancel|time_?d?_?out|overload|unavailable|network|disconnect"
    r"|connection|interrupt|insufficient_system"
)
"""Words in the reasons that endpoints give for failures of their own, among them OpenRouter,
Mistral, vLLM, DeepSeek, Zhipu and Cohere."""


_OPENAI = frozenset(["stop", "length", "content_filter", "tool_calls", "function_call"])
_PREFIX = re.compile(r"finish_?reason[._]", re.IGNORECASE)
_TOKEN = re.compile(r"<[^<>]{1,40}>")
"""A token that ends a text, as `<|im_end|>` or `</s>`."""


def first_reason(*said: Any, known: bool = False) -> str | None:
    """The first of these that is a reason, as a word or an object; of `known` ones only."""
    for value in said:
        word = value.get("type") or value.get("reason") if isinstance(value, dict) else value
        if type(word) is not str or not (reason := finish_reason(word)):
            continue
        if not known or reason in _OPENAI:
            return reason
    return None


def finish_reason(said: str) -> str | None:
    """The reason in OpenAI's words where it has one, else something short and harmless."""
    said = _PREFIX.sub("", said.strip(), count=1) if said.lower() not in _REASONS else said
    if _TOKEN.fullmatch(said):
        return "stop"
    small = said.strip().lower()
    reason = _REASONS.get(small, small if said.isupper() else said.strip())
    return re.sub(r"[^\w.:-]", "_", reason[:40], flags=re.ASCII) or None


def is_fault(reason: str) -> bool:
    """True if a reason means that the endpoint has failed, and nothing is finished."""
    return _FAULT.search(reason.lower()) is not None
