"""From what is stored to what is asked: an endpoint's settings, a claim's request."""

from __future__ import annotations

from chat.models import Claim, EndpointSettings
from chat.upstream import ChatRequest, Endpoint

GO_ON = (
    "Continue exactly where your last message stopped, in the middle of a word if need be. "
    "Do not repeat any of it, and do not say that you continue."
)


def endpoint_of(settings: EndpointSettings) -> Endpoint:
    """As a client needs it, under the name that error sentences show."""
    return Endpoint(
        name=settings.label,
        base_url=settings.base_url,
        api_key=settings.api_key,
        headers=settings.headers,
        prefix=settings.prefix,
        max_tokens_name=settings.max_tokens_name,
        key_header=settings.key_header,
        api_version=settings.api_version,
        path=settings.path,
        connect_timeout=settings.connect_timeout,
        first_token_timeout=settings.first_token_timeout,
        idle_timeout=settings.idle_timeout,
    )


def continues_prefix(claim: Claim) -> bool:
    """Whether the endpoint goes on with the kept text by itself."""
    return bool(claim.text and claim.endpoint and claim.endpoint.continues_prefix)


def request_of(claim: Claim, model: str, *, prefix: bool) -> ChatRequest:
    """The prompt, with the kept text where there is one: as a prefix, or with an instruction."""
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
        extra=claim.extra,
    )
