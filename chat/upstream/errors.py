"""The one error of this package: what went wrong upstream, in words that may be shown.

What an endpoint says about an error may repeat the prompt, the key or a whole HTML page. Users get
sentences from here only; staff also get the endpoint's own words, after `scrub`.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

DETAIL_LIMIT = 2000
"""Characters of a detail."""

WORDS_LIMIT = 600
"""Characters kept of what an endpoint says."""

_RUN = 12
"""Characters in a row that count as a repeated prompt."""

_KEY = re.compile(
    r"(?i)\b(?:sk|pk|rk|key|gsk|xai|hf|AIza)[-_][\w*.\-]{6,}|bearer\s+\S+|\b[\w*\-]{40,}"
)

SENTENCES = {
    "unreachable": "The model server {name} cannot be reached.",
    "unknown_host": "The address of the model server {name} is not known.",
    "tls_failed": "No secure connection to the model server {name} could be made.",
    "timeout_connect": "The model server {name} did not accept a connection in time.",
    "timeout_first_token": "The model server {name} did not begin to answer in time.",
    "timeout_idle": "The model server {name} stopped sending in the middle of the answer.",
    "connection_lost": "The connection to the model server {name} broke off.",
    "refused_key": "The model server {name} refused the API key.",
    "unreadable_key": "The key for the model server {name} cannot be read. "
    "Somebody of the staff has to enter it again.",
    "no_credit": "The account at the model server {name} has no credit left.",
    "unknown_model": "The model server {name} does not know this model.",
    "not_found": "The model server {name} has nothing at this address.",
    "bad_request": "The model server {name} refused the request.",
    "too_large_context": "The conversation is too long for this model.",
    "content_filtered": "The model server {name} declined this content.",
    "rate_limited": "The model server {name} is busy and limits requests.",
    "upstream_error": "The model server {name} has a fault.",
    "redirected": "The model server {name} redirected the request, which is not followed.",
    "bad_response": "The model server {name} sent something that is not an answer.",
    "empty_response": "The model server {name} sent an empty answer.",
    "tool_calls": "The model asked for a tool, and none is offered here.",
}
"""Every code with its sentence."""

_PERMANENT = {
    "unreadable_key",
    "refused_key",
    "no_credit",
    "unknown_model",
    "not_found",
    "bad_request",
    "too_large_context",
    "content_filtered",
    "redirected",
    "tls_failed",
    "tool_calls",
}


class UpstreamError(Exception):
    """Why there is no answer, or no more of it.

    `code` is one of `SENTENCES`, `message` the sentence for users. `permanent` says that the same
    request will fail again; `retry_after` is seconds, where the endpoint named a time; `status` the
    HTTP status, where there was one. `detail` is for staff only.
    """

    def __init__(
        self,
        code: str,
        name: str,
        *,
        detail: str = "",
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.code = code
        self.message = SENTENCES[code].format(name=name)
        if retry_after is not None and retry_after >= 1:
            self.message += f" Try again in {_duration(retry_after)}."
        self.permanent = code in _PERMANENT
        self.retry_after = retry_after
        self.status = status
        self.detail = detail[:DETAIL_LIMIT]
        super().__init__(self.message)

    def __repr__(self) -> str:
        return f"UpstreamError({self.code!r}, status={self.status})"


def refusal(
    name: str, status: int, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]
) -> UpstreamError:
    """The error for an answer whose status is not 2xx."""
    words, kind = read_error(body, headers.get("content-type", ""))
    code = _code_of(status, f"{kind} {words}".lower())
    after = retry_after(headers) if status in (408, 409, 429) or status >= 500 else None
    detail = f"HTTP {status}. {describe(words, kind, secrets)}".strip()
    return UpstreamError(code, name, detail=detail, status=status, retry_after=after)


def reported(name: str, error: Any, secrets: Sequence[str]) -> UpstreamError:
    """The error for an `error` object or event within a stream."""
    words, kind = _of_object(error)
    said = f"{kind} {words}".lower()
    code = _code_of(500, said)
    status = error.get("code") if isinstance(error, dict) else None
    if type(status) is int and 400 <= status < 600:
        code = _code_of(status, said)
    return UpstreamError(code, name, detail=f"In the stream. {describe(words, kind, secrets)}")


def _code_of(status: int, said: str) -> str:
    if status < 400:
        return "redirected" if status >= 300 else "bad_response"
    if status == 402 or "insufficient_quota" in said or "billing" in said:
        return "no_credit"
    if status in (401, 403) or "invalid_api_key" in said:
        return "refused_key"
    if status == 429 or "rate_limit" in said:
        return "rate_limited"
    if "context_length" in said or "maximum context" in said or "exceed_context" in said:
        return "too_large_context"
    if status == 413:
        return "too_large_context"
    if "content_filter" in said or "content_policy" in said:
        return "content_filtered"
    if "model_not_found" in said:
        return "unknown_model"
    if status == 404:
        return "unknown_model" if "model" in said else "not_found"
    if status in (408, 409) or status >= 500:
        return "upstream_error"
    return "bad_request"


def read_error(body: bytes, content_type: str) -> tuple[str, str]:
    """Words and kind of an error body; of a page of HTML only that it is one."""
    start = body.lstrip()[:1]
    if "html" in content_type or start == b"<":
        return "", f"an HTML page of {len(body)} bytes"
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        text = body.decode("utf-8", "replace")
        return ("", f"{len(body)} bytes") if "<" in text else (text, "")
    return _of_object(value)


def _of_object(value: Any) -> tuple[str, str]:
    """The message and the identifiers of an error object, whatever its shape."""
    if isinstance(value, dict):
        inner = value.get("error")
        if isinstance(inner, dict | str):
            return _of_object(inner)
        words = value.get("message") or value.get("detail") or ""
        kinds = [value.get(key) for key in ("type", "code", "param")]
        kind = " ".join(str(k)[:64] for k in kinds if isinstance(k, str | int) and k != "")
        return (words if isinstance(words, str) else ""), kind
    return (value, "") if isinstance(value, str) else ("", "")


def describe(words: str, kind: str, secrets: Sequence[str]) -> str:
    """Join an error's kind and words, without what must not be repeated."""
    return scrub(f"{kind}: {words[:WORDS_LIMIT]}" if kind and words else kind or words, secrets)


def scrub(text: str, secrets: Sequence[str]) -> str:
    """Replace markup, anything like a key, and every run of a secret (key or prompt) by `…`."""
    text = re.sub(r"<[^>]*>?", "…", text[: WORDS_LIMIT + 300])
    for secret in secrets:
        if 4 <= len(secret) < _RUN:
            text = text.replace(secret, "…")
    for secret in secrets:
        if len(secret) >= _RUN:
            text = _without_runs(text, secret)
    return _KEY.sub("…", text)


def _without_runs(text: str, secret: str) -> str:
    """Cut out of `text` whatever it shares with `secret` for `_RUN` characters or more."""
    kept: list[str] = []
    at = 0
    while at < len(text):
        end = at + _RUN
        if end <= len(text) and text[at:end] in secret:
            while end < len(text) and text[at : end + 1] in secret:
                end += 1
            kept.append("…")
            at = end
        else:
            kept.append(text[at])
            at += 1
    return "".join(kept)


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


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{round(seconds)} seconds" if round(seconds) != 1 else "1 second"
    return f"{round(seconds / 60)} minutes"
