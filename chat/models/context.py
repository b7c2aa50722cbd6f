"""How much of a conversation fits into a model's context. Pure.

Nothing here asks a tokenizer: they differ from model to model, and most endpoints name none. Four
bytes of UTF-8 a token holds for English, and on the safe side for most other languages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

BYTES_PER_TOKEN = 4
MESSAGE_TOKENS = 4
"""What a message costs beside its text: its role and its ends."""

ANSWER_SHARE = 4
MOST_FOR_ANSWER = 4096
"""Tokens kept free for an answer without a limit of its own: a quarter of the context, at most so
many."""

type Prompt = list[dict[str, Any]]
"""Role and content, from the first message to the last."""


class Trimmed(NamedTuple):
    """A prompt that fits, and how many messages had to be left out for that."""

    messages: Prompt
    left_out: int

    def __repr__(self) -> str:
        return f"<Trimmed by {self.left_out}>"  # it is the prompt


def tokens(text: str) -> int:
    """About how many tokens a text has."""
    return -(-len(text.encode(errors="replace")) // BYTES_PER_TOKEN)


def trim(
    prompt: Sequence[dict[str, Any]], context: int | None, *, answer: int | None, kept: str = ""
) -> Trimmed:
    """Leave out the oldest turns until the rest, the kept text and the answer fit.

    `context` is the model's size in tokens (None: unknown, nothing is left out), `answer` the
    longest answer where one was set. A turn is a user message with what was answered to it. The
    system prompt and the last turn always stay, also where they alone are too long: then the
    endpoint says so.
    """
    if context is None:
        return Trimmed(list(prompt), 0)
    if answer is None or answer >= context:  # a limit above the context leaves it to the model
        answer = min(context // ANSWER_SHARE, MOST_FOR_ANSWER)
    room = context - answer - tokens(kept)
    start = next((at for at, one in enumerate(prompt) if one["role"] != "system"), len(prompt))
    turns = [at for at in range(start, len(prompt)) if prompt[at]["role"] == "user" or at == start]
    weights = [tokens(message["content"]) + MESSAGE_TOKENS for message in prompt]
    total = sum(weights)
    cut = start
    for end in turns[1:]:
        if total <= room:
            break
        total -= sum(weights[cut:end])
        cut = end
    return Trimmed([*prompt[:start], *prompt[cut:]], cut - start)
