"""Request for a chat completion, apart from the endpoint that gets it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

HINTS: Final = frozenset(
    [
        "user",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "prompt_cache_options",
        "service_tier",
        "prediction",
        "seed",
        "verbosity",
    ]
)
"""Parameters that change how an answer is made or accounted for, and nothing in it: an endpoint
that refuses one is asked again without it."""


@dataclass(frozen=True)
class ChatRequest:
    """A conversation to be answered by `model`, the name that the endpoint knows.

    With `prefix` the last message is an assistant's text which the answer continues, in the way of
    the endpoint. None is not sent. `extra` goes into the body as it is, where nothing else
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
