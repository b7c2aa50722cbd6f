"""What to ask and whom: an endpoint, a request, and what comes back of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

PREFIXES: Final = ("", "plain", "vllm", "flag")
MAX_TOKENS_NAMES: Final = ("max_tokens", "max_completion_tokens")
KEY_HEADERS: Final = ("authorization", "api-key")


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible base URL with its key. Times are seconds.

    `first_token_timeout` counts from the request to the first content, `idle_timeout` from one
    content to the next; bytes without content (keep-alive comments) do not extend either.

    `prefix` is how it continues a text that it is given the beginning of: "" (it cannot), "plain"
    (a trailing assistant message is continued: llama.cpp), "vllm" (`continue_final_message`) or
    "flag" (`"prefix": true` on that message: DeepSeek, Mistral).

    `headers` are sent with every request and may replace ours; their values are secrets like the
    key. `key_header` "api-key" and an `api_version` are Azure's, as is `{model}` in `path`, which
    stands for the model's name.
    """

    name: str
    base_url: str = field(repr=False)
    api_key: str = field(repr=False)
    prefix: str = ""
    connect_timeout: float = 10.0
    first_token_timeout: float = 60.0
    idle_timeout: float = 60.0
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    max_tokens_name: str = "max_tokens"
    key_header: str = "authorization"
    api_version: str = ""
    path: str = "/chat/completions"

    def __post_init__(self) -> None:
        for name, allowed in (
            ("prefix", PREFIXES),
            ("max_tokens_name", MAX_TOKENS_NAMES),
            ("key_header", KEY_HEADERS),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is none of {', '.join(map(repr, allowed))}")

    @property
    def secrets(self) -> list[str]:
        """What no log, page or detail may repeat: key, header values, what the URL hides."""
        hidden = [self.api_key, *(value for _, value in self.headers)]
        try:
            url = urlsplit(self.base_url)
            hidden += [unquote(url.username or ""), unquote(url.password or "")]
            hidden += [value for _, value in parse_qsl(url.query)]
        except ValueError:
            hidden.append(self.base_url)
        # An endpoint may repeat the second half of "Bearer abc" alone.
        words = [word for value in hidden for word in value.split()]
        return [secret for secret in dict.fromkeys([*hidden, *words]) if secret]


@dataclass(frozen=True)
class ChatRequest:
    """A conversation to be answered by `model`, the name that the endpoint knows.

    With `prefix` the last message is an assistant's text which the answer continues, in the way of
    the endpoint. What is None is not sent. `extra` goes into the body as it is, where nothing else
    has its name.
    """

    model: str
    messages: Sequence[dict[str, Any]] = field(repr=False)
    prefix: bool = False
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    reasoning_effort: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Batch(NamedTuple):
    """Everything that had arrived at one step; at least one of the texts is not empty."""

    text: str
    reasoning: str

    def __repr__(self) -> str:
        return f"<Batch of {len(self.text)} and {len(self.reasoning)}>"
