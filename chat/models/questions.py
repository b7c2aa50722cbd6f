"""What a model is asked, when a reply is claimed."""

from __future__ import annotations

from typing import Any, NamedTuple

from chat.models.api_calls import ApiCall
from chat.models.context import trim
from chat.models.messages import Message


class Question(NamedTuple):
    """A prompt, and how it is to be answered."""

    messages: list[dict[str, Any]]
    left_out: int
    """How many messages did not fit into the model's context."""
    settings: dict[str, Any]
    """What was set, the system prompt among it."""
    extra: dict[str, Any]
    """Parameters of an API call that only the endpoint knows."""

    def __repr__(self) -> str:
        return f"<Question of {len(self.messages)} messages>"


def question(reply: Message, context: int | None, *, kept: str) -> Question:
    """What to ask for this reply: its conversation, cut to the model's context.

    An API call is asked as it came, whole: its client is told when that is too long.
    """
    conversation = reply.conversation
    chosen = dict(conversation.settings)
    call = ApiCall.objects.filter(reply=reply.pk).first() if conversation.source else None
    if call is not None:
        known, extra = call.split()
        system = {"system": chosen["system"]} if "system" in chosen else {}
        return Question(call.prompt(conversation.prompt(reply)), 0, system | known, extra)
    prompt = trim(conversation.prompt(reply), context, answer=chosen.get("max_tokens"), kept=kept)
    return Question(prompt.messages, prompt.left_out, chosen, {})
