"""Estimated usage of an attempt whose process died before it could report it."""

from __future__ import annotations

from chat.models.attempting.context import tokens, trim
from chat.models.attempting.prompts import prompt
from chat.models.attempts import Attempt
from chat.models.messages import Message
from chat.models.reading.catalogue import find


def estimate(reply: Message, text: str, reasoning: str) -> None:
    """Record tokens and cost of the current attempt by its stored text.

    Nothing is recorded where its producer has said it, or where nothing new is stored.
    """
    attempt = Attempt.objects.running(reply.pk, reply.attempt).filter(usage__isnull=True).first()
    if attempt is None:
        return
    new = text[attempt.kept :] if attempt.kept else reasoning + text
    if not new:
        return
    offer = find(reply.model, reply.user_id).offer
    assert reply.parent is not None
    sent = trim(
        prompt(reply.conversation, reply.parent),
        offer.context if offer else None,
        answer=attempt.settings.get("max_tokens"),
        kept=text[: attempt.kept],
    )
    attempt.usage = {
        "prompt_tokens": sum(tokens(one["content"]) for one in sent.messages)
        + tokens(text[: attempt.kept]),
        "completion_tokens": tokens(new),
        "reasoning_tokens": None,
        "cached_tokens": None,
        "estimated": True,
    }
    if offer is not None and offer.prices is not None:
        attempt.cost = offer.prices.cost(attempt.usage)
    attempt.save(update_fields=["usage", "cost"])
