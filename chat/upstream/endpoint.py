"""What to ask and whom: an endpoint, a request, and what comes back of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible base URL with its key. Times are seconds.

    `first_token_timeout` counts from the request to the first content, `idle_timeout` from one
    content to the next; bytes without content (keep-alive comments) do not extend either.
    """

    name: str
    base_url: str = field(repr=False)
    api_key: str = field(repr=False)
    continues_prefix: bool = False
    connect_timeout: float = 10.0
    first_token_timeout: float = 60.0
    idle_timeout: float = 60.0


@dataclass(frozen=True)
class ChatRequest:
    """A conversation to be answered by `model`, the name that the endpoint knows.

    With `prefix` the last message is an assistant's text which the answer continues, and is sent
    as it is (the convention of llama.cpp).
    """

    model: str
    messages: Sequence[dict[str, str]] = field(repr=False)
    prefix: bool = False


class Batch(NamedTuple):
    """Everything that had arrived at one step; at least one of the texts is not empty."""

    text: str
    reasoning: str
