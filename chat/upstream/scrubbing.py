"""What an endpoint says, without what must not be repeated. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence

WORDS_LIMIT = 600
"""Characters kept of what an endpoint says."""

_RUN = 12
"""Characters in a row that count as a repeated prompt."""

_KEY = re.compile(
    r"(?i)\b(?:sk|pk|rk|key|gsk|xai|hf|AIza)[-_][\w*.\-]{6,}|bearer\s+\S+|\b[\w*\-]{40,}"
)


_ESCAPE = re.compile(
    r"""\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|U000([0-9a-fA-F]{5})|([nrt"'/\\]))"""
)
_LETTERS = {"n": "\n", "r": "\r", "t": "\t"}


def describe(words: str, kind: str, secrets: Sequence[str]) -> str:
    """Join an error's kind and words, without what must not be repeated."""
    return scrub(f"{kind}: {words[:WORDS_LIMIT]}" if kind and words else kind or words, secrets)


def scrub(text: str, secrets: Sequence[str]) -> str:
    """Replace markup, anything like a key, and every run of a secret (key or prompt) by `…`."""
    text = re.sub(r"<[^>]*>?", "…", _plain(text[: WORDS_LIMIT + 300]))
    secrets = [_plain(secret) for secret in secrets]
    for secret in secrets:
        if 4 <= len(secret) < _RUN:
            text = text.replace(secret, "…")
    for secret in secrets:
        if len(secret) >= _RUN:
            text = _without_runs(text, secret)
    return _KEY.sub("…", text)


def _plain(text: str) -> str:
    """The text without the escapes of JSON and Python, under which a secret would go unseen."""
    if "\\" not in text:
        return text

    def meant(escape: re.Match[str]) -> str:
        number = escape[1] or escape[2] or escape[3]
        return chr(int(number, 16)) if number else _LETTERS.get(escape[4], escape[4])

    text = _ESCAPE.sub(meant, text)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


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
