"""Classification of an endpoint's errors by status and words. No I/O."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from chat.upstream.errors import UpstreamError
from chat.upstream.scrubbing import NOT_SEARCHED, SEARCHED, describe
from chat.upstream.scrubbing import said as as_it_came
from chat.upstream.wrappings import WORDS

# Words of endpoints in small letters; the first that fits counts. Seen at OpenAI, Azure, DashScope,
# DeepSeek, Gemini, Groq, llama.cpp, Mistral, OpenRouter, Together, vLLM and xAI.
_NO_CREDIT = re.compile(
    r"insufficient_quota|billing_|arrearage|(insufficient|no|out of) (balance|credits?|funds)\b"
    r"|credit balance|free ?tier.{0,40}exhausted|freetieronly|\u4f59\u989d\u4e0d\u8db3|\u6b20\u8d39"
)
_REFUSED_KEY = re.compile(
    r"invalid_?api_?key|(invalid|incorrect) api key|api key (is )?(not valid|invalid)"
    r"|api_key_invalid|invalid_authentication"
)
_UNKNOWN_MODEL = re.compile(r"(model|deployment)_?not_?(found|exist)")
_NO_SUCH_MODEL = re.compile(
    r"(invalid|unknown|unsupported) model\b|model not exist|not a valid model|no endpoints found"
    r"|model_decommissioned"
    r"|model\b.{0,120} (does not exist|has been (deprecated|decommissioned|retired))"
)
"""Words that mean it where the status blames the request."""
_RATE = re.compile(r"rate_?limit|too many requests|capacity[_ ]exceeded")
_CONTEXT = re.compile(
    r"context_length|context length|context size|context window|exceed_context|maximum context"
    r"|maximum prompt length|prompt is too long|input token count|string_above_max_length"
    r"|range of input length|max_new_tokens.{0,3} must be|reduce the length of the messages"
    r"|maximum sequence length|must have less than \d+ tokens|model token limit"
    r"|max(imum)? (message|input|prompt) tokens"
)
_CONTENT = re.compile(
    r"content_filter|content_policy|contentfilter|data_?inspection|responsibleai"
    r"|requires moderation|inappropriate content|content exists risk|contentfilter"
    r"|\u654f\u611f\u5185\u5bb9"
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


class ErrorWords(NamedTuple):
    """An error in the endpoint's words: text for people, identifiers, and its subject."""

    words: str = ""
    kind: str = ""
    about: tuple[str, ...] = ()
    as_api: bool = False
    """True if it has the shape of OpenAI's API: `{"error": …}` with words."""

    def __repr__(self) -> str:
        return "<ErrorWords>"  # not scrubbed yet


def refusal(
    name: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    secrets: Sequence[str],
    sent: Sequence[str] = (),
) -> UpstreamError:
    """The error for an answer whose status is not 2xx; `sent` are the names of settings sent.

    Not for the event loop where the secrets have more than `scrubbing.AT_ONCE` characters.
    """
    said = read_error(body, headers.get("content-type", ""))
    described = describe(said.words, said.kind, secrets, SEARCHED)
    code, setting = _classify(status, said, described, sent)
    after = retry_after(headers) if status in (408, 409, 429) or status >= 500 else None
    detail = f"HTTP {status}{_target(headers)}. {described}".strip()
    return UpstreamError(
        code,
        name,
        detail=detail,
        status=status,
        retry_after=after,
        setting=setting,
        as_api=said.as_api,
    )


_STREAM = r"(?<![\w.])stream(?:ing|ed)?(?!\w)"
_NOT = (
    r"not|n't|unsupported|unavailable|disabled|invalid|false|unknown|unrecognized|unexpected"
    r"|without"
)
_NO_STREAM = re.compile(
    rf"{_STREAM}.{{0,80}}(?:{_NOT})|(?:{_NOT}|must be verified).{{0,80}}{_STREAM}"
)


def refuses_stream(status: int, body: bytes) -> bool:
    """True if a request was refused because it asked for a stream."""
    if status not in (400, 405, 406, 415, 422, 501):
        return False
    said = read_error(body, "")
    if "stream" in said.about:
        return True
    return _NO_STREAM.search(said.words.lower()) is not None


def reported(
    name: str, error: Any, secrets: Sequence[str], sent: Sequence[str] = ()
) -> UpstreamError:
    """The error for an `error` object or event within a stream."""
    said = _of_object(error)
    described = describe(said.words, said.kind, secrets)
    status = _status_of(error)
    code, setting = _classify(status or 500, said, described, sent)
    detail = f"In the stream. {described}".strip()
    return UpstreamError(code, name, detail=detail, status=status, setting=setting)


_NESTED = 8
"""The most objects around an error."""


def _status_of(error: Any, depth: int = 0) -> int | None:
    """The HTTP status that an error object names, as a number or as its digits."""
    if not isinstance(error, dict) or depth > _NESTED:
        return None
    for key in ("code", "status", "status_code", "http_code"):
        value = error.get(key)
        if isinstance(value, str) and re.fullmatch(r"[45]\d\d", value):
            value = int(value)
        if type(value) is int and 400 <= value < 600:
            return value
    inner = error.get("error")
    return _status_of(inner, depth + 1) if isinstance(inner, dict) else None


def _classify(
    status: int, said: ErrorWords, described: str, sent: Sequence[str]
) -> tuple[str, str | None]:
    """The code, and the setting that it is about."""
    if described == NOT_SEARCHED:
        described = as_it_came(said.words, said.kind)  # nothing of it leaves here
    described = described.lower()
    if status in (400, 422) and (setting := _named(said.about, sent)):
        return "refused_setting", setting
    code = _code_of(status, described)
    blamed = code == "bad_request" or (
        code == "too_large_context" and _TOO_LARGE_LIMIT.search(described) is not None
    )
    if blamed and status in (400, 422) and (setting := _mentioned(described, sent)):
        return "refused_setting", setting
    return code, None


def _named(about: Sequence[str], sent: Sequence[str]) -> str | None:
    return next((name for name in sent if set(_aliases(name)) & set(about)), None)


def _aliases(name: str) -> tuple[str, ...]:
    return _ALIASES.get(name, (name,))


def _mentioned(described: str, sent: Sequence[str]) -> str | None:
    """The setting that the words name first."""
    found: list[tuple[int, str]] = []
    for name in sent:
        for alias in _aliases(name):
            if alias.lower() not in described:
                continue  # a pattern for each of many names would take its time
            # "prefix" is also an ordinary word, as may be a name that only the endpoint knows.
            ordinary = alias == "prefix" or (name not in _ALIASES and "_" not in name)
            quote = "['\"`]" if ordinary else ""
            pattern = rf"(?<![\w.]){quote}{re.escape(alias.lower())}{quote}(?!\w)"
            if hit := re.search(pattern, described):
                found.append((hit.start(), name))
    return min(found)[1] if found else None


def _code_of(status: int, described: str) -> str:
    if status < 400:
        return "redirected" if status >= 300 else "bad_response"
    if status == 402 or _NO_CREDIT.search(described):
        return "no_credit"
    if status == 401 or _REFUSED_KEY.search(described):
        return "refused_key"
    blames = status in (400, 403, 404, 410, 422)
    if _UNKNOWN_MODEL.search(described) or (blames and _NO_SUCH_MODEL.search(described)):
        return "unknown_model"
    if _CONTENT.search(described):
        return "content_filtered"
    if status == 403:
        return "refused_key"
    if status == 413 or (status != 429 and _CONTEXT.search(described)):
        return "too_large_context"
    if status == 429 or _RATE.search(described):
        return "rate_limited"
    if status in (404, 405, 410):
        return "unknown_model" if "model" in described else "not_found"
    if status in (408, 409) or status >= 500:
        return "upstream_error"
    return "bad_request"


def read_error(body: bytes, content_type: str) -> ErrorWords:
    """Read an error body; of a page of HTML only its size."""
    start = body.lstrip()[:1]
    if "html" in content_type or start == b"<":
        return ErrorWords("", f"an HTML page of {len(body)} bytes")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        text = body.decode("utf-8", "replace")
        return ErrorWords("", f"{len(body)} bytes") if "<" in text else ErrorWords(text)
    said = _of_object(value)
    error = value.get("error") if isinstance(value, dict) else None
    words = error.get("message") if isinstance(error, dict) else error
    return said._replace(as_api=isinstance(words, str) and bool(words))


def _of_object(value: Any, depth: int = 0) -> ErrorWords:
    """The words and identifiers of an error object, whatever its shape."""
    if isinstance(value, str):
        return ErrorWords(value)
    if depth > _NESTED:
        return ErrorWords()
    if isinstance(value, list) and value:
        return _of_object(value[0], depth + 1)  # Gemini
    if not isinstance(value, dict):
        return ErrorWords()
    inner = value.get("error")
    if isinstance(inner, dict | str) and inner:
        return _of_object(inner, depth + 1)
    kinds = [value.get(key) for key in ("type", "code", "error_code", "param")]
    kind = " ".join(str(k)[:64] for k in kinds if isinstance(k, str | int) and k != "")
    param = value.get("param")
    about = [param, param.rpartition(".")[2]] if isinstance(param, str) else []
    words = next((value[name] for name in WORDS if value.get(name)), "")
    if isinstance(words, dict):
        words = words.get("detail") or words.get("message") or ""  # Mistral
    if isinstance(words, list):
        words, places = _of_validation(words)
        about += places
    return ErrorWords(words if isinstance(words, str) else "", kind, tuple(about))


def _of_validation(rows: list[Any]) -> tuple[str, list[str]]:
    """Read FastAPI's error about a body, without its `input`, which repeats the body."""
    words, places = [], []
    for row in rows[:10]:
        if not isinstance(row, dict):
            continue
        place, message = row.get("loc"), row.get("msg")
        path = [str(part)[:64] for part in place] if isinstance(place, list) else []
        places += path[-1:]
        words.append(": ".join([".".join(path), message if isinstance(message, str) else ""]))
    return "; ".join(words), places


def _target(headers: Mapping[str, str]) -> str:
    """The server that a redirect names, as the rest of the address may be secret."""
    try:
        url = urlsplit(headers.get("location", ""))
        return f" to {url.scheme}://{url.hostname}"[:200] if url.hostname else ""
    except ValueError:
        return ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms`, `Retry-After` (seconds or a date), or else from when
    the used up ones of the named limits are renewed."""
    for header, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(header, "").strip()
        if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value):
            return float(value) * unit
    try:
        moment = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return _until_renewed(headers)
    return max(0.0, moment.timestamp() - time.time())


_RESET = re.compile(r"(?:x-)?ratelimit-reset(-[a-z-]+)?")
_SPAN = re.compile(
    r"(?:(\d{1,6}(?:\.\d{1,9})?)h)?(?:(\d{1,6}(?:\.\d{1,9})?)m)?"
    r"(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?"
)
"""A duration such as `6m0s` (https://platform.openai.com/docs/guides/rate-limits)."""
A_DATE = 1e9
"""A number from here on is seconds since 1970, and a thousand times as many are milliseconds."""


def _until_renewed(headers: Mapping[str, str]) -> float | None:
    """The longest wait of the limits that are used up, else the shortest of all."""
    waits: list[float] = []
    used_up: list[float] = []
    for name, value in headers.items():
        seconds = _span(value.strip()) if _RESET.fullmatch(name) else None
        if seconds is not None:
            waits.append(seconds)
            if headers.get(name.replace("reset", "remaining"), "").strip() == "0":
                used_up.append(seconds)
    return max(used_up) if used_up else min(waits, default=None)


def _span(value: str) -> float | None:
    if re.fullmatch(r"\d{1,13}(\.\d{1,9})?", value):
        number = float(value)
        if number >= A_DATE:
            moment = number / 1000 if number >= A_DATE * 1000 else number
            return max(0.0, moment - time.time())
        return number
    found = _SPAN.fullmatch(value)
    if not value or found is None:
        return None
    units = zip(found.groups(), (3600, 60, 1, 0.001), strict=True)
    return sum(float(number) * unit for number, unit in units if number)
