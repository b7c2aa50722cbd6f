"""Trying an endpoint out, for those who set it up: its list of models, and one token of a reply."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from chat.models import EndpointSettings
from chat.replies.asking import endpoint_of
from chat.upstream import ChatRequest, Client, UpstreamError

CONNECT_SECONDS = 6.0
LIST_SECONDS = 8.0
REPLY_SECONDS = 20.0
"""Both questions together stay below the 30 seconds after which routers of platforms give up. A
model that loads first may need more, once."""

NO_CONNECTION = {"unreachable", "unknown_host", "tls_failed", "timeout_connect"}
"""Where nobody answers, there is no second question."""

NEEDS_MORE = "output limit was reached"
"""What OpenAI's reasoning models say to a limit of one token, having answered otherwise."""

HINTS = {
    "unreachable": "Is it running, and can this server reach that host and port?",
    "unknown_host": "Is the host name spelt right?",
    "tls_failed": "Is it https there, with a certificate that this server trusts?",
    "not_found": "Does the address end where it should, mostly in /v1? Is the path right?",
    "redirected": "Use the address it redirects to.",
    "bad_response": "Is this the address of an API, and not of a web page?",
    "unknown_model": "Is the model's name written as the endpoint writes it?",
    "timeout_first_token": "It may still be loading the model: try again in a minute.",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was tried. `detail` is what the endpoint said, for staff."""

    ok: bool
    text: str
    detail: str = ""


class NotListed(Exception):
    """There is no list of models; the finding says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.text)
        self.finding = finding


async def test(settings: EndpointSettings, model: str | None) -> list[Finding]:
    """Ask for the models and for one token, and say in words what works and what is wrong.

    `model` is its name at the endpoint; without one the first of the endpoint's list is asked.
    """
    if settings.problem:
        return [_unreadable(settings)]
    client = _client(settings)
    try:
        try:
            names = await _names(client)
            listed = Finding(True, f"Its list of models: {_count(names)}.")
        except UpstreamError as problem:
            names = []
            listed = _failed("Its list of models", problem, client)
            if problem.code in NO_CONNECTION:
                return [listed]
        model = model or (names[0] if names else None)
        if model is None:
            return [listed, Finding(False, "There is no model to ask: add one by its name.")]
        return [listed, await _try_reply(client, model)]
    finally:
        await client.close()


async def models(settings: EndpointSettings) -> list[str]:
    """What the endpoint calls its models, at least one. Raises `NotListed`."""
    if settings.problem:
        raise NotListed(_unreadable(settings))
    client = _client(settings)
    try:
        names = await _names(client)
    except UpstreamError as problem:
        raise NotListed(_failed("Its list of models", problem, client)) from None
    finally:
        await client.close()
    if not names:
        raise NotListed(Finding(False, "Its list of models is empty. Add them by their names."))
    return names


def _unreadable(settings: EndpointSettings) -> Finding:
    return Finding(False, UpstreamError("unreadable_key", settings.label).message, settings.problem)


def _client(settings: EndpointSettings) -> Client:
    return Client(
        replace(
            endpoint_of(settings),
            connect_timeout=min(settings.connect_timeout, CONNECT_SECONDS),
            first_token_timeout=min(settings.first_token_timeout, REPLY_SECONDS),
        )
    )


async def _names(client: Client) -> list[str]:
    try:
        async with asyncio.timeout(LIST_SECONDS):
            return await client.models()
    except TimeoutError:
        raise UpstreamError("timeout_first_token", client.endpoint.name) from None


def _count(names: list[str]) -> str:
    return "1 model" if len(names) == 1 else f"{len(names)} models"


async def _try_reply(client: Client, model: str) -> Finding:
    request = ChatRequest(model, [{"role": "user", "content": "Hi"}], max_tokens=1)
    loop = asyncio.get_running_loop()
    began = loop.time()
    answered = None
    try:
        async with asyncio.timeout(REPLY_SECONDS), client.stream(request) as stream:
            async for _ in stream:
                break  # one token is enough, and closing the stream ends it there, too
            answered = stream.model
    except TimeoutError:
        problem = UpstreamError("timeout_first_token", client.endpoint.name)
        return _failed(f"A reply of {model}", problem, client)
    except UpstreamError as problem:
        if NEEDS_MORE not in problem.detail:
            return _failed(f"A reply of {model}", problem, client)
    by = f", answered by {answered}" if answered not in (None, model) else ""
    return Finding(True, f"A reply of {model}{by}: after {loop.time() - began:.1f} s.")


def _failed(what: str, problem: UpstreamError, client: Client) -> Finding:
    """A sentence with what to look at, where that can be told."""
    hint = HINTS.get(problem.code, "")
    if problem.code == "refused_key" and not client.endpoint.api_key:
        hint = "It wants a key, and none is set."
    elif problem.setting in ("max_tokens", "max_completion_tokens"):
        hint = "Choose the other name of the length limit."
    return Finding(False, f"{what}: {problem.message} {hint}".strip(), problem.detail)
