"""Prompts: the messages that a model is asked with, read when a reply is claimed."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db import connection

from chat.models.api_calls import ApiCall
from chat.models.attempting.context import (
    BYTES_PER_TOKEN,
    MESSAGE_TOKENS,
    PromptMessages,
    alternating,
    trim,
)
from chat.models.conversations import Conversation
from chat.models.messages import Message


class Prompt(NamedTuple):
    """A prompt, and how it is to be answered."""

    messages: list[dict[str, Any]]
    left_out: int
    """Number of messages that did not fit into the model's context."""
    settings: dict[str, Any]
    """The settings, the system prompt among them."""
    extra: dict[str, Any]
    """Parameters of an API call that only the endpoint knows."""

    def __repr__(self) -> str:
        return f"<Prompt of {len(self.messages)} messages>"


def build_prompt(
    conversation: Conversation,
    message: Message,
    context: int | None,
    *,
    kept: str = "",
    call: ApiCall | None = None,
) -> Prompt:
    """The prompt for a reply to this message: its conversation, cut to the model's context.

    `kept` is the beginning of the reply, where there is one. An API call is sent whole, as it
    came: its client gets an error when that is too long. Roles take turns in both, see
    `alternating`.
    """
    chosen = dict(conversation.settings)
    if call is not None:
        known, extra = call.split()
        system = {"system": chosen["system"]} if "system" in chosen else {}
        messages = alternating(call.prompt(prompt(conversation, message)))
        return Prompt(messages, 0, system | known, extra)
    said = _path(message, None if context is None else context * BYTES_PER_TOKEN)
    whole = _prompt(conversation, said)
    fits = trim(whole, context, answer=chosen.get("max_tokens"), kept=kept)
    unread = 0 if context is None else depth_of(message) + 1 - len(said)
    return Prompt(alternating(fits.messages), fits.left_out + unread, chosen, {})


def prompt(conversation: Conversation, message: Message) -> PromptMessages:
    """Role and content from the system prompt and the root to this message.

    Empty ones are left out.
    """
    return _prompt(conversation, _path(message))


def depth_of(message: Message) -> int:
    """Number of messages before it on its path; counted where it was never stored."""
    if message.depth is None:
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH RECURSIVE path (parent) AS ("
                "SELECT parent_id FROM chat_message WHERE id = %s UNION ALL"
                " SELECT m.parent_id FROM path JOIN chat_message m ON m.id = path.parent)"
                " SELECT COUNT(parent) FROM path",
                [message.pk],
            )
            (message.depth,) = cursor.fetchone()
    return int(message.depth or 0)


def _prompt(conversation: Conversation, said: list[tuple[str, str]]) -> PromptMessages:
    if system := conversation.settings.get("system"):
        said = [("system", system), *said]
    return [{"role": role, "content": text} for role, text in said if text]


def _path(message: Message, most: int | None = None) -> list[tuple[str, str]]:
    """Role and text from the root to this message; of a long path its end, a bit more than `most`.

    `most` counts code points, as many bytes at least. One statement, or none for a first message.
    """
    if message.parent_id is None and "text" not in message.get_deferred_fields():
        return [(message.role, message.text)]
    overhead = MESSAGE_TOKENS * BYTES_PER_TOKEN
    size = f"CASE WHEN m.text = '' THEN 0 ELSE LENGTH(m.text) + {overhead} END"
    bound = "" if most is None else " WHERE path.size <= %s"
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE path (id, parent, size, step) AS ("  # noqa: S608
            f" SELECT m.id, m.parent_id, {size}, 1 FROM chat_message m WHERE m.id = %s"
            f" UNION ALL SELECT m.id, m.parent_id, path.size + {size}, step + 1"
            f" FROM path JOIN chat_message m ON m.id = path.parent{bound})"
            " SELECT m.role, m.text FROM path JOIN chat_message m ON m.id = path.id"
            " ORDER BY step DESC",
            [message.pk] if most is None else [message.pk, most],
        )
        found = list(cursor.fetchall())
    if found:
        message.text = found[-1][1]  # for the end of its reply, which needs it once more
    return found
