"""Which error it is that an endpoint tells, by its status and by what it says. No I/O."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from chat.upstream.errors import UpstreamError
from chat.upstream.scrubbing import describe

# What endpoints say in small letters, the first that fits. Seen at OpenAI, Azure, DashScope,
# DeepSeek, Gemini, Groq, llama.cpp, Mistral, OpenRouter, Together, vLLM and xAI.
_NO_CREDIT = re.compile(
    r"insufficient_quota|billing_|arrearage|(insufficient|no|out of) (balance|credits?)\b"
    r"|credit balance"
)
_REFUSED_KEY = re.compile(
    r"invalid_?api_?key|(invalid|incorrect) api key|api key (is )?(not valid|invalid)"
    r"|api_key_invalid|invalid_authentication"
)
_UNKNOWN_MODEL = re.compile(r"(model|deployment)_?not_?(found|exist)")
_RATE = re.compile(r"rate_?limit|too many requests")
_CONTEXT = re.compile(
    r"context_length|context length|context size|context window|exceed_context|maximum context"
    r"|maximum prompt length|prompt is too long|input token count|string_above_max_length"
    r"|range of input length|max_new_tokens.{0,3} must be|reduce the length of the messages"
)
_CONTENT = re.compile(
    r"content_filter|content_policy|contentfilter|data_?inspection|responsibleai"
    r"|requires moderation|inappropriate content"
)
_TOO_LARGE_LIMIT = re.compile(r"max_(completion_)?tokens\W.{0,40}too (large|big)")

_LIMITS: Final = ("max_tokens", "max_completion_tokens")
_ALIASES: Final = {
    "temperature": ("temperature",),
    "top_p": ("top_p",),
    "max_tokens": _LIMITS,
    "max_completion_tokens": _LIMITS,
    "reasoning_effort": ("reasoning_effort", "reasoning.effort"),
    # The last two are llama.cpp's and Mistral's words.
    "prefix": (
        "prefix",
        "continue_final_message",
        "add_generation_prompt",
        "prefill",
        "last role",
    ),
}
"""Our settings that can be refused by name, with the names that endpoints give them."""


class Said(NamedTuple):
    """An error as the endpoint words it: for people, its identifiers, and what it is about."""

    words: str = ""
    kind: str = ""
    about: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "<Said>"  # not scrubbed yet


def refusal(
    name: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    secrets: Sequence[str],
    sent: Sequence[str] = (),
) -> UpstreamError:
    """The error for an answer whose status is not 2xx; `sent` are the names of settings sent."""
    said = read_error(body, headers.get("content-type", ""))
    told = describe(said.words, said.kind, secrets)
    code, setting = _classify(status, said, told, sent)
    after = retry_after(headers) if status in (408, 409, 429) or status >= 500 else None
    detail = f"HTTP {status}{_target(headers)}. {told}".strip()
    return UpstreamError(
        code, name, detail=detail, status=status, retry_after=after, setting=setting
    )


def reported(
    name: str, error: Any, secrets: Sequence[str], sent: Sequence[str] = ()
) -> UpstreamError:
    """The error for an `error` object or event within a stream."""
    said = _of_object(error)
    told = describe(said.words, said.kind, secrets)
    status = _status_of(error)
    code, setting = _classify(status or 500, said, told, sent)
    detail = f"In the stream. {told}".strip()
    return UpstreamError(code, name, detail=detail, status=status, setting=setting)


def _status_of(error: Any) -> int | None:
    """The HTTP status that an error object names, as a number or as its digits."""
    if not isinstance(error, dict):
        return None
    for key in ("code", "status", "status_code", "http_code"):
        value = error.get(key)
        if isinstance(value, str) and re.fullmatch(r"[45]\d\d", value):
            value = int(value)
        if type(value) is int and 400 <= value < 600:
            return value
    inner = error.get("error")
    return _status_of(inner) if isinstance(inner, dict) else None


def _classify(status: int, said: Said, told: str, sent: Sequence[str]) -> tuple[str, str | None]:
    """The code, and the setting that it is about."""
    told = told.lower()
    if status in (400, 422) and (setting := _named(said.about, sent)):
        return "refused_setting", setting
    code = _code_of(status, told)
    blamed = code == "bad_request" or (
        code == "too_large_context" and _TOO_LARGE_LIMIT.search(told) is not None
    )
    if blamed and status in (400, 422) and (setting := _mentioned(told, sent)):
        return "refused_setting", setting
    return code, None


def _named(about: Sequence[str], sent: Sequence[str]) -> str | None:
    return next((name for name in sent if set(_aliases(name)) & set(about)), None)


def _aliases(name: str) -> tuple[str, ...]:
    return _ALIASES.get(name, (name,))


def _mentioned(told: str, sent: Sequence[str]) -> str | None:
    """The setting that the words name first."""
    found: list[tuple[int, str]] = []
    for name in sent:
        for alias in _aliases(name):
            # "prefix" is also an ordinary word, as is many a name that only the endpoint knows.
            ordinary = alias == "prefix" or name not in _ALIASES
            quote = "['\"`]" if ordinary else ""
            pattern = rf"(?<![\w.]){quote}{re.escape(alias.lower())}{quote}(?!\w)"
            if hit := re.search(pattern, told):
                found.append((hit.start(), name))
    return min(found)[1] if found else None


def _code_of(status: int, told: str) -> str:
    if status < 400:
        return "redirected" if status >= 300 else "bad_response"
    if status == 402 or _NO_CREDIT.search(told):
        return "no_credit"
    if status == 401 or _REFUSED_KEY.search(told):
        return "refused_key"
    if _UNKNOWN_MODEL.search(told):
        return "unknown_model"
    if _CONTENT.search(told):
        return "content_filtered"
    if status == 403:
        return "refused_key"
    if status == 413 or (status != 429 and _CONTEXT.search(told)):
        return "too_large_context"
    if status == 429 or _RATE.search(told):
        return "rate_limited"
    if status == 404:
        return "unknown_model" if "model" in told else "not_found"
    if status in (408, 409) or status >= 500:
        return "upstream_error"
    return "bad_request"


def read_error(body: bytes, content_type: str) -> Said:
    """What an error body says; of a page of HTML only that it is one."""
    start = body.lstrip()[:1]
    if "html" in content_type or start == b"<":
        return Said("", f"an HTML page of {len(body)} bytes")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        text = body.decode("utf-8", "replace")
        return Said("", f"{len(body)} bytes") if "<" in text else Said(text)
    return _of_object(value)


def _of_object(value: Any) -> Said:
    """The words and identifiers of an error object, whatever its shape."""
    if isinstance(value, str):
        return Said(value)
    if isinstance(value, list) and value:
        return _of_object(value[0])  # Gemini
    if not isinstance(value, dict):
        return Said()
    inner = value.get("error")
    if isinstance(inner, dict | str) and inner:
        return _of_object(inner)
    kinds = [value.get(key) for key in ("type", "code", "param")]
    kind = " ".join(str(k)[:64] for k in kinds if isinstance(k, str | int) and k != "")
    param = value.get("param")
    about = [param, param.rpartition(".")[2]] if isinstance(param, str) else []
    words = value.get("message") or value.get("detail") or value.get("msg") or ""
    if isinstance(words, dict):
        words = words.get("detail") or words.get("message") or ""  # Mistral
    if isinstance(words, list):
        words, places = _of_validation(words)
        about += places
    return Said(words if isinstance(words, str) else "", kind, tuple(about))


def _of_validation(rows: list[Any]) -> tuple[str, list[str]]:
    """What FastAPI says about a body it does not take. Its `input` repeats the body: left out."""
    words, places = [], []
    for row in rows[:10]:
        if not isinstance(row, dict):
            continue
        where, what = row.get("loc"), row.get("msg")
        path = [str(part)[:64] for part in where] if isinstance(where, list) else []
        places += path[-1:]
        words.append(": ".join([".".join(path), what if isinstance(what, str) else ""]))
    return "; ".join(words), places


def _target(headers: Mapping[str, str]) -> str:
    """The server that a redirect names; the rest of the address may hold what is secret."""
    try:
        url = urlsplit(headers.get("location", ""))
        return f" to {url.scheme}://{url.hostname}"[:200] if url.hostname else ""
    except ValueError:
        return ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `Retry-After` (seconds or a date)."""
    for header, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(header, "").strip()
        if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value):
            return float(value) * unit
    try:
        moment = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - time.time())
