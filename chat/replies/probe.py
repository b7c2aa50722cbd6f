"""Trying an endpoint out, for those who set it up: its list of models, and one token of a reply."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from chat.models import EndpointSettings
from chat.replies.asking import endpoint_of
from chat.upstream import ChatRequest, Client, UpstreamError

SECONDS = 25.0
"""How long one of the two questions may take; a model that loads first may need more, once."""

HINTS = {
    "unreachable": "Is it running, and can this server reach that host and port?",
    "unknown_host": "Is the host name spelt right?",
    "tls_failed": "Is it https there, with a certificate that this server trusts?",
    "not_found": "Does the address end where it should, mostly in /v1? Is the path right?",
    "redirected": "Use the address it redirects to.",
    "bad_response": "Is this the address of an API, and not of a web page?",
    "unknown_model": "Is the model's name written as the endpoint writes it?",
    "timeout_first_token": "It may still be loading the model: try again in a minute.",
    "unreadable_key": "",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was tried. `detail` is what the endpoint said, for staff."""

    ok: bool
    text: str
    detail: str = ""


async def test(settings: EndpointSettings, model: str | None) -> list[Finding]:
    """Ask for the models and for one token, and say in words what works and what is wrong.

    `model` is its name at the endpoint; without one the first of the endpoint's list is asked.
    """
    if settings.problem:
        return [Finding(False, f"The key cannot be read. {settings.problem}")]
    client = _client(settings)
    try:
        listed = await _try_list(client)
        names = listed[1]
        model = model or (names[0] if names else None)
        if model is None:
            no_model = "There is no model to ask: add one by its name."
            return [listed[0], Finding(False, no_model)]
        return [listed[0], await _try_reply(client, settings, model)]
    finally:
        await client.close()


async def models(settings: EndpointSettings) -> list[str]:
    """What the endpoint calls its models. Raises `UpstreamError`."""
    if settings.problem:
        raise UpstreamError("unreadable_key", settings.label, detail=settings.problem)
    client = _client(settings)
    try:
        return await client.models()
    finally:
        await client.close()


def _client(settings: EndpointSettings) -> Client:
    patience = min(settings.first_token_timeout, SECONDS)
    return Client(replace(endpoint_of(settings), first_token_timeout=patience))


async def _try_list(client: Client) -> tuple[Finding, list[str]]:
    try:
        names = await client.models()
    except UpstreamError as problem:
        return _failed("Its list of models", problem, client), []
    count = "1 model" if len(names) == 1 else f"{len(names)} models"
    return Finding(True, f"Its list of models: {count}."), names


async def _try_reply(client: Client, settings: EndpointSettings, model: str) -> Finding:
    request = ChatRequest(model, [{"role": "user", "content": "Hi"}], max_tokens=1)
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(SECONDS), client.stream(request) as stream:
            async for _ in stream:
                break  # one token is enough, and closing the stream ends it there, too
    except TimeoutError:
        return _failed("A reply", UpstreamError("timeout_first_token", settings.label), client)
    except UpstreamError as problem:
        return _failed(f"A reply of {model}", problem, client)
    answered = stream.model or model
    return Finding(True, f"A reply of {answered}: after {loop.time() - began:.1f} s.")


def _failed(what: str, problem: UpstreamError, client: Client) -> Finding:
    """A sentence with what to look at, where that can be told."""
    hint = HINTS.get(problem.code, "")
    if problem.code == "refused_key" and not client.endpoint.api_key:
        hint = "It wants a key, and none is set."
    elif problem.setting in ("max_tokens", "max_completion_tokens"):
        hint = "Choose the other name of the length limit."
    return Finding(False, f"{what}: {problem.message} {hint}".strip(), problem.detail)
