"""Scrubbing of an endpoint's words: keys and prompts are cut out. No I/O.

The work grows in proportion to the length of the secrets, whatever they are: a prompt may
have megabytes, and an endpoint may repeat any part of it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from chat.endpoint import Key

WORDS_LIMIT = 600
"""Characters kept of an endpoint's words."""

AT_ONCE = 64 * 1024
"""Characters of secrets that are looked for without holding anybody up; more belong aside."""

SEARCHED = 8 * 1024 * 1024
"""The most characters of secrets that are searched for; with more, the words are left out."""

NOT_SEARCHED = "The endpoint's words are left out: the request is too long to look for it in them."

_RUN = 12
"""Characters in a row that count as a repeated prompt."""

_KEY_RUN = 6
"""The same of a key."""

_KEY = re.compile(
    r"(?i)\b(?:sk|pk|rk|key|gsk|xai|hf|AIza)[-_][\w*.\-]{6,}|bearer\s+\S+|\b[\w*\-]{40,}"
)

_ESCAPE = re.compile(
    r"""\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|U000([0-9a-fA-F]{5})|([nrt"'/\\]))"""
)
_LETTERS = {"n": "\n", "r": "\r", "t": "\t"}

_MARK = "…"
_WORD = re.compile(r"[\w+/=%~-]{4,}")
_URL_SAFE = str.maketrans("+/", "-_")
_MASKED = re.compile(r"([\w+/=~-]{0,80})(?:[*•]+|\.{2,}|…+)([\w+/=~-]{0,80})")


def describe(words: str, kind: str, secrets: Sequence[str], most: int = AT_ONCE) -> str:
    """Join an error's kind and words, without the secrets.

    Where the secrets have more than `most` characters, neither is repeated.
    """
    if not (kind or words):
        return ""
    if size(secrets) > most:
        return NOT_SEARCHED
    return scrub(said(words, kind), secrets)


def said(words: str, kind: str) -> str:
    """An error's kind and words as they came: for a decision, never to be shown or stored."""
    return f"{kind}: {words[:WORDS_LIMIT]}" if kind and words else kind or words[:WORDS_LIMIT]


def size(secrets: Iterable[str]) -> int:
    """Number of characters to search for."""
    return sum(map(len, secrets))


def scrub(text: str, secrets: Sequence[str]) -> str:
    """Replace markup, anything like a key, and every run of a secret (key or prompt) by `…`.

    Of a `Key` also shorter pieces, the rest that a mask leaves, and its forms in other alphabets.
    """
    text = re.sub(r"<[^>]*>?", "…", _plain(text[: WORDS_LIMIT + 300]))
    hidden = _Hidden(text)
    for secret in secrets:
        if isinstance(secret, Key):
            hidden.hide_key(_plain(secret))
        else:
            hidden.hide(_plain(secret), _RUN)
    return _KEY.sub("…", hidden.rest())


def _plain(text: str) -> str:
    """The text without the escapes of JSON and Python, under which a secret would go unseen."""
    if "\\" not in text:
        return text

    def meant(escape: re.Match[str]) -> str:
        number = escape[1] or escape[2] or escape[3]
        return chr(int(number, 16)) if number else _LETTERS.get(escape[4], escape[4])

    text = _ESCAPE.sub(meant, text)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class _Hidden:
    """A short text, and which characters of it are to be hidden."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._marks = bytearray(len(text))
        self._pieces: dict[int, frozenset[str]] = {}

    def hide(self, secret: str, run: int) -> bool:
        """Hide shared runs of `run` characters of `secret`, or all of a shorter one.

        True if there was any.
        """
        if len(secret) >= run:
            found = self._shared(secret, run)
        else:
            found, run = {secret}, len(secret)
        if run < 4 or not found:
            return False
        any_found = False
        for at in range(len(self._text) - run + 1):
            if self._text[at : at + run] in found:
                self._mark(at, at + run)
                any_found = True
        return any_found

    def hide_key(self, key: str) -> None:
        self.hide(key, _KEY_RUN)
        if len(key) < 4:
            return
        for word in _WORD.finditer(self._text):
            if key.startswith(word[0]) or key.endswith(word[0]):
                self._mark(*word.span())
        for masked in _MASKED.finditer(self._text):
            head, tail = masked.groups()
            begins = len(head) >= 3 and key.startswith(head)
            if begins or (len(tail) >= 3 and key.endswith(tail)):
                self._mark(*masked.span())
        for form in _forms(key):
            if self._shared(form, min(8, len(form))):
                self._hide_words(form)

    def rest(self) -> str:
        """The text with `…` for each hidden stretch."""
        shown: list[str] = []
        for letter, mark in zip(self._text, self._marks, strict=True):
            if not mark:
                shown.append(letter)
            elif not shown or shown[-1] is not _MARK:
                shown.append(_MARK)
        return "".join(shown)

    def _mark(self, start: int, end: int) -> None:
        self._marks[start:end] = b"\1" * (end - start)

    def _hide_words(self, form: str) -> None:
        """Hide whole words, as the characters beside a piece of base64 encode the same bytes."""
        run = min(8, len(form))
        pieces = {form[at : at + run] for at in range(len(form) - run + 1)}
        for word in _WORD.finditer(self._text):
            said = word[0]
            if any(said[at : at + run] in pieces for at in range(len(said) - run + 1)):
                self._mark(*word.span())

    def _shared(self, secret: str, run: int) -> set[str]:
        """The pieces of `run` characters that the text and the secret have both.

        Each such piece holds one of the blocks into which the secret is cut here, so only these
        are looked up, and only the surroundings of those in the text are compared further.
        """
        step = (run + 1) // 2
        windows, blocks = self._windows(run), self._windows(step)
        found: set[str] = set()
        if not windows:
            return found
        for at in range(0, len(secret) - step + 1, step):
            if secret[at : at + step] in blocks:
                around = secret[max(at + step - run, 0) : at + run]
                for start in range(len(around) - run + 1):
                    if (window := around[start : start + run]) in windows:
                        found.add(window)
        return found

    def _windows(self, run: int) -> frozenset[str]:
        known = self._pieces.get(run)
        if known is None:
            text = self._text
            known = frozenset(text[at : at + run] for at in range(len(text) - run + 1))
            self._pieces[run] = known
        return known


def _forms(key: str) -> list[str]:
    """The key in base64, wherever in a longer text it stood, in hexadecimal and in an address."""
    raw = key.encode(errors="replace")
    forms = [raw.hex(), raw.hex().upper()]
    if (quoted := quote(key, safe="")) != key:
        forms.append(quoted)
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        # Characters shared with the bytes before and after it are not the key's own.
        own = whole[(0, 2, 3)[shift] : len(whole) - bool((shift + len(raw)) % 3)]
        forms += [own, own.translate(_URL_SAFE)] if len(own) >= 5 else []
    return list(dict.fromkeys(forms))
