"""Completions and errors that endpoints wrap, or send without the field around them. No I/O."""

from __future__ import annotations

import json
from typing import Any

_AROUND = ("data", "result", "response", "output", "body")
"""Fields in which some gateways put the completion."""

WORDS = ("message", "detail", "msg", "status_msg", "error_msg", "error_message")
"""Fields in which errors have their words."""
_CODES = ("code", "error_code", "status_code", "errorCode")
_FINE = (None, False, "", 0, 200, "0", "200", "ok", "OK", "success", "Success")
"""Codes of success."""


def unwrapped(value: Any) -> Any:
    """The completion in this value: itself, a list's only element, JSON in a string, a field's."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value
    if isinstance(value, dict) and value.get("choices") is None and not value.get("error"):
        for name in _AROUND:
            inner = value.get(name)
            if isinstance(inner, dict) and isinstance(inner.get("choices"), list):
                return inner
    return value


def says_nothing(error: Any, *, beside: bool) -> bool:
    """True if the field `error` reports nothing; `beside` choices it may be empty."""
    if error in (None, "", False):
        return True
    if not beside:
        return False
    if not isinstance(error, dict):
        return error in ([], 0)
    reported = any(error.get(name) for name in (*WORDS, "type", "error"))
    return not reported and error.get("code") in _FINE


def is_refusal(status: Any) -> bool:
    """True if MiniMax' `base_resp` reports an error."""
    return isinstance(status, dict) and status.get("status_code") not in _FINE


def bare_error(data: bytes) -> Any:
    """An error without a field `error` around it: vLLM's, SGLang's, DashScope's, Cloudflare's."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    if isinstance(errors := value.get("errors"), list) and errors:
        return errors
    if not any(value.get(name) and isinstance(value[name], str) for name in WORDS):
        return None
    named = "error" in (value.get("object"), value.get("type"), value.get("status"))
    coded = any(value.get(name) not in _FINE for name in _CODES)
    return value if named or coded or value.get("success") is False else None
