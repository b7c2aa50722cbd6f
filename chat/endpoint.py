"""Configuration of an endpoint: each value is defined here once, with its default and its check.

The admin's form, the variables of the environment and `manage.py endpoints add` are derived from
`OPTIONS`. All three check their values with `clean_value`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from chat.address_parts import has_dot_segments, is_host
from chat.sentence import Sentence, wording

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
"""A token of RFC 9110."""

RESERVED_HEADERS: Final = frozenset(
    [
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)
"""Headers that nobody may set: they frame the request and its answer."""

MOST_HEADERS = 20
SECRET_LIMIT = 4096
"""Characters of a key or of a header's value."""
LONGEST_LABEL = 80
LONGEST_ADDRESS = 500
SHORTEST_TIME, LONGEST_TIME = 0.001, 86_400.0
"""Seconds."""

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
PATH = re.compile(r"/(?!/)[\w./-]*(\{model\}[\w./-]*)?")
COMPLETIONS = "/chat/completions"


class WrongValue(ValueError):
    """A value that no endpoint may have. Its text has the allowed values, and no secret."""


class Key(str):
    """A secret of an endpoint: unlike a prompt it is hidden also in part and in other alphabets."""

    __slots__ = ()


# --- options --------------------------------------------------------------------------------


def check_path(path: str) -> None:
    """Raise `WrongValue` for a path that is none, or that leads out of the base URL."""
    if not PATH.fullmatch(path) or has_dot_segments(path):
        raise WrongValue(
            Sentence("A path is allowed, as in /chat/completions, without `.` and `..`.")
        )


@dataclass(frozen=True)
class Option:
    """One option of an endpoint. The type of its default is the type of its values."""

    default: str | float | bool
    label: str
    """Its name for staff."""
    help: str = ""
    choices: Mapping[str, str] | None = None
    """The allowed values, each in words."""
    longest: int = 0
    """Characters of a text."""
    setting: str = ""
    """The setting that has the default of this server."""
    check: Callable[[Any], None] | None = None
    """Raises `WrongValue`."""

    def clean(self, value: Any) -> Any:
        """The value, where it is allowed; raises `WrongValue`."""
        if self.choices is not None and value not in self.choices:
            raise WrongValue(
                Sentence("Allowed are {allowed}.", allowed=", ".join(filter(None, self.choices)))
            )
        if isinstance(self.default, float) and not SHORTEST_TIME <= value <= LONGEST_TIME:
            raise WrongValue(
                Sentence(
                    "Allowed are {shortest_time} to {longest_time} seconds.",
                    shortest_time=format(SHORTEST_TIME, "g"),
                    longest_time=format(LONGEST_TIME, "g"),
                )
            )
        if isinstance(self.default, str) and len(value) > self.longest:
            raise WrongValue(
                Sentence("At most {count} characters are allowed.", count=self.longest)
            )
        if self.check is not None:
            self.check(value)
        return value

    def in_words(self, value: Any) -> str:
        """The value as a list of endpoints shows it."""
        if isinstance(value, bool):
            return "on" if value else "off"
        return f"{value:g} s" if isinstance(value, float) else str(value)


def _option(*args: Any, **kwargs: Any) -> Any:
    option = Option(*args, **kwargs)
    return field(default=option.default, metadata={"option": option})


@dataclass(frozen=True)
class EndpointConfig:
    """An OpenAI-compatible base URL with its key, and all that a request to it needs.

    Rows, environment, probe and command make it directly. Times are seconds.
    """

    name: str
    """The first part of its models' public ids."""
    label: str
    """Its name for people, also in errors."""
    base_url: str = field(repr=False)
    api_key: str = field(default="", repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Sent with every request, and may replace ours. Their values are secrets like the key."""

    prefix: str = _option(
        "",
        wording("continuing a text"),
        wording("How an incomplete reply is continued. See docs/endpoints.md."),
        choices={
            "": wording("By an instruction to the model (works with all)"),
            "plain": wording("A trailing assistant message is continued (llama.cpp)"),
            "vllm": wording("continue_final_message (vLLM, SGLang)"),
            "flag": wording("prefix: true on the last message (DeepSeek /beta, Mistral)"),
        },
        longest=10,
    )
    max_tokens_name: str = _option(
        "max_tokens",
        wording("name of the length limit"),
        choices={
            "max_tokens": wording("max_tokens (most endpoints)"),
            "max_completion_tokens": "max_completion_tokens (OpenAI, Azure)",
        },
        longest=24,
    )
    key_header: str = _option(
        "authorization",
        wording("header of the key"),
        choices={
            "authorization": wording("Authorization: Bearer (most endpoints)"),
            "api-key": "api-key (Azure)",
        },
        longest=14,
    )
    api_version: str = _option(
        "", wording("API version"), wording("Azure only, as in 2024-10-21."), longest=40
    )
    path: str = _option(
        COMPLETIONS,
        wording("path"),
        wording(
            "Below the address. {model} stands for the model's name, as in Azure's "
            "/openai/deployments/{model}/chat/completions."
        ),
        longest=200,
        check=check_path,
    )
    connect_timeout: float = _option(
        10.0,
        wording("connect time-out"),
        wording("Seconds until it accepts a connection. Empty: CONNECT_TIMEOUT."),
        setting="CONNECT_TIMEOUT",
    )
    first_token_timeout: float = _option(
        300.0,
        wording("first token time-out"),
        wording("Seconds without text, while it still sends data. Empty: FIRST_TOKEN_TIMEOUT."),
        setting="FIRST_TOKEN_TIMEOUT",
    )
    idle_timeout: float = _option(
        60.0,
        wording("idle time-out"),
        wording("Seconds without a single byte, also before the reply. Empty: IDLE_TIMEOUT."),
        setting="IDLE_TIMEOUT",
    )

    problem: str = ""
    """The reason that it cannot be used now, in words for staff."""
    stored: bool = False
    """A row of the database, not a part of the environment."""
    private: bool = True
    """May be at a loopback or private network address."""

    @property
    def continues_prefix(self) -> bool:
        return bool(self.prefix)

    @property
    def secrets(self) -> list[Key]:
        """Texts that no log, page or detail may repeat: key, header values, secrets in the URL."""
        hidden = [self.api_key, *(value for _, value in self.headers)]
        try:
            url = urlsplit(self.base_url)
            hidden += [unquote(url.username or ""), unquote(url.password or "")]
            hidden += [value for _, value in parse_qsl(url.query)]
        except ValueError:
            hidden.append(self.base_url)
        # An endpoint may repeat the second half of "Bearer abc" alone.
        words = [word for value in hidden for word in value.split()]
        return [Key(secret) for secret in dict.fromkeys([*hidden, *words]) if secret]


OPTIONS: Final[Mapping[str, Option]] = {
    one.name: one.metadata["option"] for one in fields(EndpointConfig) if "option" in one.metadata
}
"""All options by the name of their field, in the order in which they are shown."""


def usual_max_tokens_name(base_url: str) -> str:
    """Name of the length limit at this address, as far as it is known."""
    host = urlsplit(base_url).hostname or ""
    openai = host == "api.openai.com" or host.endswith(".openai.azure.com")
    return "max_completion_tokens" if openai else "max_tokens"


# --- checks ---------------------------------------------------------------------------------


def clean_value(field_name: str, value: Any) -> Any:
    """The value of this field as an endpoint may have it. Raises `WrongValue`."""
    return CLEANERS[field_name](value)


def _clean_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise WrongValue(
            Sentence("Small letters, digits and inner hyphens are allowed, at most 40.")
        )
    return name


def _clean_label(label: str) -> str:
    if not (label.strip() and len(label) <= LONGEST_LABEL):
        raise WrongValue(
            Sentence(
                "Between 1 and {longest_label} characters are allowed.", longest_label=LONGEST_LABEL
            )
        )
    return label


def _clean_base_url(url: str) -> str:
    """The address as it is meant: people also paste the whole one of the completions."""
    url = url.strip().rstrip("/").removesuffix(COMPLETIONS).rstrip("/")
    if not (len(url) <= LONGEST_ADDRESS and _is_base_url(url)):
        # Its fault may be a password in it.
        raise WrongValue(
            Sentence(
                "http:// or https://, a host, and perhaps port and path are allowed, without user, "
                "password, ?, # and `..`, as in https://api.example/v1."
            )
        )
    return url


def _is_base_url(url: str) -> bool:
    """True for `http(s)://host[:port][/path]`.

    The path may have no `..` in it: the address must show its target.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  raises for one that is no number
    except ValueError:
        return False
    # urlsplit overlooks line breaks, and takes blanks for a part of the name.
    plain = url.isprintable() and not set(url) & set(" ?#") and "@" not in parts.netloc
    host = parts.hostname or ""
    named = bool(host) and (not host.isascii() or is_host(f"[{host}]" if ":" in host else host))
    safe = plain and not has_dot_segments(parts.path)
    return parts.scheme in {"http", "https"} and named and safe


def _clean_key(key: str) -> str:
    if key and (not _fits_a_line(key) or " " in key):
        raise WrongValue(
            Sentence(
                "Letters, digits and signs of ASCII are allowed, without blanks, at most {count}.",
                count=SECRET_LIMIT,
            )
        )
    return key


def _clean_headers(
    pairs: Iterable[tuple[str, str | None]],
) -> tuple[tuple[str, str | None], ...]:
    """Names with their values, or None for a stored value that stays.

    A wrong name is reported by its place alone: somebody may have entered a secret there.
    """
    found = tuple(pairs)
    if len(found) > MOST_HEADERS:
        raise WrongValue(Sentence("At most {count} headers are allowed.", count=MOST_HEADERS))
    known: set[str] = set()
    for place, (name, value) in enumerate(found, 1):
        if HEADER_NAME.fullmatch(name) is None:
            raise WrongValue(
                Sentence(
                    "Header {place}: letters, digits and hyphens are allowed in a name.",
                    place=place,
                )
            )
        if name.lower() in RESERVED_HEADERS:
            raise WrongValue(Sentence("{name} cannot be set: Parley sets it.", name=name))
        if name.lower() in known:
            raise WrongValue(Sentence("Header {place} names {name} again.", place=place, name=name))
        if value == "":
            raise WrongValue(Sentence("{name} has no value. Enter one.", name=name))
        if value is not None and not _fits_a_line(value):
            raise WrongValue(
                Sentence(
                    "The value of {name}: letters, digits and signs of ASCII are allowed, on one "
                    "line, at most {count}.",
                    name=name,
                    count=SECRET_LIMIT,
                )
            )
        known.add(name.lower())
    return found


def _fits_a_line(secret: str) -> bool:
    return secret.isascii() and secret.isprintable() and len(secret) <= SECRET_LIMIT


CLEANERS: Final[dict[str, Callable[[Any], Any]]] = {
    "name": _clean_name,
    "label": _clean_label,
    "base_url": _clean_base_url,
    "api_key": _clean_key,
    "headers": _clean_headers,
    **{name: option.clean for name, option in OPTIONS.items()},
}
