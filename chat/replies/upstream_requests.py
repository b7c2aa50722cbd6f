"""Conversion of claims to upstream requests."""

from __future__ import annotations

from collections.abc import Collection

from chat.models import Claim
from chat.upstream import ChatRequest

GO_ON = (
    "Continue exactly where your last message stopped, in the middle of a word if need be. "
    "Do not repeat any of it, and do not say that you continue."
)


def continues_prefix(claim: Claim) -> bool:
    """True if the endpoint goes on with the kept text by itself."""
    return bool(claim.text and claim.endpoint and claim.endpoint.continues_prefix)


def request_of(
    claim: Claim, model: str, *, prefix: bool, without: Collection[str] = ()
) -> ChatRequest:
    """The prompt, with the kept text where there is one: as a prefix, or with an instruction.

    `without` are parameters that only the endpoint knows, and does not take.
    """
    messages = list(claim.messages)
    if claim.text:
        kept = {"role": "assistant", "content": claim.text}
        if messages and messages[-1]["role"] == "assistant":
            # An API call that gave the beginning of its answer: the text goes on from there.
            begun = messages.pop()
            kept = begun | {"content": begun["content"] + claim.text}
        messages.append(kept)
        if not prefix:
            messages.append({"role": "user", "content": GO_ON})
    chosen = claim.settings
    return ChatRequest(
        model=model,
        messages=messages,
        prefix=prefix,
        temperature=chosen.get("temperature"),
        top_p=chosen.get("top_p"),
        max_tokens=chosen.get("max_tokens"),
        reasoning_effort=chosen.get("reasoning_effort"),
        extra={name: value for name, value in claim.extra.items() if name not in without},
    )
