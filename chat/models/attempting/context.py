"""Cutting of a prompt to the model's context, with the roles in turn. Pure.

Nothing here asks a tokenizer: they differ from model to model, and most endpoints name none. Four
bytes of UTF-8 a token holds for English, and on the safe side for most other languages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

BYTES_PER_TOKEN = 4
MESSAGE_TOKENS = 4
"""Tokens of a message beside its text: its role and its ends."""

ANSWER_SHARE = 4
MOST_FOR_ANSWER = 4096
"""Tokens kept free for an answer without a limit of its own: a quarter of the context, at most so
many."""

type PromptMessages = list[dict[str, Any]]
"""Role and content, from the first message to the last."""


class Trimmed(NamedTuple):
    """A prompt that fits, and how many messages had to be left out for that."""

    messages: PromptMessages
    left_out: int

    def __repr__(self) -> str:
        return f"<Trimmed by {self.left_out}>"  # it is the prompt


def alternating(messages: PromptMessages) -> PromptMessages:
    """The same with neighbours of one role joined by a blank line.

    A failed or stopped reply leaves two messages of the user in a row, and many a model's template
    refuses those: with them, all that follows in the conversation. An assistant's message without
    text, as a client keeps it of a failed reply, says nothing and is refused as well. A message
    that has more than its text (a name) is left as it is.
    """
    said: list[list[dict[str, Any]]] = []
    for message in messages:
        if _is_plain(message) and message["role"] == "assistant" and not message["content"]:
            continue
        last = said[-1][0] if said else {}
        if _is_plain(message) and _is_plain(last) and last["role"] == message["role"]:
            said[-1].append(message)
        else:
            said.append([message])
    return [run[0] if len(run) == 1 else _joined(run) for run in said]


def _is_plain(message: dict[str, Any]) -> bool:
    return message.keys() == {"role", "content"}


def _joined(run: list[dict[str, Any]]) -> dict[str, Any]:
    texts = [message["content"] for message in run if message["content"]]
    return run[0] | {"content": "\n\n".join(texts)}


def tokens(text: str) -> int:
    """About how many tokens a text has."""
    return -(-len(text.encode(errors="replace")) // BYTES_PER_TOKEN)


def trim(
    prompt: Sequence[dict[str, Any]], context: int | None, *, answer: int | None, kept: str = ""
) -> Trimmed:
    """Leave out the oldest turns until the rest, the kept text and the answer fit.

    `context` is the model's size in tokens (None: unknown, nothing is left out), `answer` the
    longest answer where one was set. A turn is a user message with its replies. The
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
