"""Reads variables of the environment and of `.env`: each is right, or stops the start by name.

A wrong value raises ImproperlyConfigured with one sentence: the variable, its value (never a
secret), and the allowed values. An empty value is the same as none where the default is empty,
too; elsewhere it is refused, as its meaning would be a guess.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from dotenv import dotenv_values
from dotenv.parser import parse_stream
from environs import Env

LARGEST = 1_000_000_000
"""A count or size beyond it is a slip."""
LONGEST_FILE = 1_000_000
"""The most bytes of the file; a larger one is another file, or an endless device."""
SHOWN = 60
"""Characters of a wrong value that are repeated."""

PLACEHOLDER = re.compile(
    r"<.*>|\$\{|\{\{|\.\.\.|\u2026|change.?(me|this|it)|\byour[-_ ]|replace.?(me|this)|placeholder"
    r"|insecure|example|secret.?key|^todo$|x{8}",
    re.IGNORECASE,
)
"""Placeholders in documents and templates.

Long enough that no secret that was made at random has it by chance.
"""


class Environment(Env):
    """The variables of the process, and behind them those of a file."""

    def __init__(self) -> None:
        super().__init__(eager=True)
        self.asked: set[str] = set()
        """The names of all settings that were read, whether set or not."""

    # --- where values come from -----------------------------------------------------------

    def read_file(self, path: Path, *, required: bool) -> None:
        """Take the variables of a file in the form of `.env`; those of the process go before."""
        if not required and not path.exists():
            return
        try:
            with path.open(encoding="utf-8-sig") as file:
                text = file.read(LONGEST_FILE + 1)
            if len(text) > LONGEST_FILE:
                raise OSError(errno.EFBIG, f"it has more than {LONGEST_FILE} characters")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not UTF-8"
            raise ImproperlyConfigured(f"ENV_FILE is {str(path)!r}: {why}.") from None
        for binding in parse_stream(StringIO(text)):
            if binding.error or (binding.key is not None and binding.value is None):
                line = binding.original.line + _blank_lines(binding.original.string)
                raise ImproperlyConfigured(
                    f"Line {line} of {path} is not NAME=value (a comment begins with #, a value "
                    "in quotes ends with the same quote)."
                )
        values = dotenv_values(stream=StringIO(text))
        self._environ = {name: value for name, value in values.items() if value is not None}

    @property
    def file(self) -> dict[str, str]:
        """Variables that the file sets."""
        return dict(self._environ)

    def _get_value(self, env_key: str, default: Any) -> Any:
        self.asked.add(env_key)
        value = super()._get_value(env_key, default)
        if not isinstance(value, str) or value is default:
            return value
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'`":
            raise ImproperlyConfigured(
                f"{env_key} is in quotes; it is allowed without them (a shell and .env take them "
                "off, `docker --env-file` and most platforms do not)."
            )
        return value

    def text(self, name: str) -> str:
        """The value, without blanks around it; empty if it is not set."""
        value: str = self.str(name, "")
        return value

    def _set(self, name: str, allowed: str) -> str | None:
        """The same for a setting with a default: None where nothing was set; refuses an empty."""
        value: str | None = self.str(name, None)
        if value == "":
            raise ImproperlyConfigured(f"{name} is empty; allowed {allowed}, or leave it out.")
        return value

    # --- kinds of values ------------------------------------------------------------------

    def choice(self, name: str, default: str, choices: Iterable[str]) -> str:
        """One of a few words, in any case of letters."""
        words = list(choices)
        value = self._set(name, f"are {_either(words)}")
        if value is None:
            return default
        for word in words:
            if value.lower() == word.lower():
                return word
        raise wrong_value(name, value, f"are {_either(words)}")

    def switch(self, name: str, default: bool) -> bool:
        """`on` or `off`, as the documentation writes it, or true/false, 1/0, yes/no."""
        value = self._set(name, "are on and off")
        if value is None:
            return default
        if value.lower() in {"on", "true", "1", "yes"}:
            return True
        if value.lower() in {"off", "false", "0", "no"}:
            return False
        raise wrong_value(name, value, "are on and off")

    def number(self, name: str, default: int, minimum: int = 1, maximum: int = LARGEST) -> int:
        """A count, a size or days: a whole number within its bounds, in plain digits."""
        value = self._set(name, f"are {_whole(minimum, maximum)}")
        return default if value is None else _number(name, value, minimum, maximum)

    def number_if_set(self, name: str, minimum: int = 1, maximum: int = LARGEST) -> int | None:
        """The same without a default: None where nothing, or an empty value, was set."""
        value = self.text(name)
        return _number(name, value, minimum, maximum) if value else None

    def seconds(
        self, name: str, default: float, maximum: float = 86400.0, minimum: float = 0.001
    ) -> float:
        """A time, also with a fraction: `8`, `0.04`."""
        value = self._set(name, f"are {_between(minimum, maximum)}")
        return default if value is None else _seconds(name, value, minimum, maximum)

    def seconds_if_set(
        self, name: str, maximum: float = 86400.0, minimum: float = 0.001
    ) -> float | None:
        """The same without a default: None where nothing, or an empty value, was set."""
        value = self.text(name)
        return _seconds(name, value, minimum, maximum) if value else None

    def items(self, name: str, default: Iterable[str] = ()) -> list[str]:
        """The items between commas, without blanks around them and without empty ones."""
        value: str | None = self.str(name, None)
        if value is None:
            return list(default)
        return [item for part in value.split(",") if (item := part.strip())]

    def secret(self, name: str, shortest: int = 0) -> str:
        """A secret of plain characters, or an empty text. No message repeats it."""
        value = self.text(name)
        if value and len(value) < shortest:
            raise ImproperlyConfigured(
                f"{name} has {len(value)} characters; allowed are {shortest} and more. Make one: "
                "python -c 'import secrets; print(secrets.token_urlsafe(32))'"
            )
        return value

    def credential(self, name: str, shortest: int = 0) -> str:
        """A secret that is sent in a header, which takes no blanks and plain ASCII alone."""
        value = self.secret(name, shortest)
        if value and (not value.isascii() or not value.isprintable() or " " in value):
            raise ImproperlyConfigured(
                f"{name} has a blank or a character that no header can carry; allowed are letters, "
                "digits and signs of ASCII, without blanks."
            )
        return value


def wrong_value(name: str, value: object, allowed: str) -> ImproperlyConfigured:
    """The exception to raise: name, value and allowed values."""
    shown = str(value)
    if len(shown) > SHOWN:
        shown = shown[: SHOWN - 1] + "\u2026"
    return ImproperlyConfigured(f"{name} is {shown!r}; allowed {allowed}.")


def looks_like_a_placeholder(value: str) -> bool:
    """True if somebody copied an example and did not replace it."""
    return bool(PLACEHOLDER.search(value))


def _number(name: str, value: str, minimum: int, maximum: int) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", value) or not minimum <= int(value) <= maximum:
        raise wrong_value(name, value, f"are {_whole(minimum, maximum)}")
    return int(value)


def _seconds(name: str, value: str, minimum: float, maximum: float) -> float:
    plain = re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?|\.[0-9]{1,9}", value)
    if not plain or not minimum <= float(value) <= maximum:
        raise wrong_value(name, value, f"are {_between(minimum, maximum)}")
    return float(value)


def _whole(minimum: int, maximum: int) -> str:
    return f"whole numbers from {minimum} to {maximum}"


def _between(minimum: float, maximum: float) -> str:
    return f"numbers from {minimum:g} to {maximum:g}, in seconds"


def _either(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def _blank_lines(text: str) -> int:
    """Number of empty lines with which a binding of dotenv's parser begins."""
    return len(text[: len(text) - len(text.lstrip())].splitlines())
