"""A running fake endpoint and clients for it, with limits short enough for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest_asyncio

from chat.endpoint import EndpointConfig
from chat.upstream import Batch, ChatRequest, Client, UpstreamError, Usage
from fake_endpoint import FakeEndpoint

KEY = "sk-canary-0f6c1d2e3b4a5968"
PROMPT = "the canary prompt: Ärger im Kontor, 4711 sacks of pepper"

type Connect = Callable[..., Client]


@dataclass
class Outcome:
    """A reply read to its end."""

    batches: list[Batch] = field(default_factory=list)
    finish_reason: str | None = None
    usage: Usage | None = None
    model: str | None = None
    detail: str = ""
    error: UpstreamError | None = None

    @property
    def text(self) -> str:
        return "".join(batch.text for batch in self.batches)

    @property
    def reasoning(self) -> str:
        return "".join(batch.reasoning for batch in self.batches)


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[FakeEndpoint]:
    async with FakeEndpoint() as running:
        yield running


@pytest_asyncio.fixture
async def connect(upstream: FakeEndpoint) -> AsyncIterator[Connect]:
    """Makes clients for the fake endpoint; keyword arguments are the endpoint's fields."""
    clients: list[Client] = []

    def make(**fields: Any) -> Client:
        given = {"name": "fake", "label": "Fake", "base_url": upstream.url, "api_key": KEY} | fields
        clients.append(Client(EndpointConfig(**given)))
        return clients[-1]

    yield make
    for client in clients:
        await client.close()


def ask(model: str, prompt: str = PROMPT) -> ChatRequest:
    return ChatRequest(model, [{"role": "user", "content": prompt}])


async def read(client: Client, request: ChatRequest | str) -> Outcome:
    """Read a reply to its end, however it ends."""
    outcome = Outcome()
    asked = ask(request) if isinstance(request, str) else request
    try:
        async with client.stream(asked) as stream:
            try:
                async for batch in stream:
                    outcome.batches.append(batch)
            finally:
                outcome.finish_reason = stream.finish_reason
                outcome.usage = stream.facts.usage
                outcome.model, outcome.detail = stream.facts.model, stream.detail
    except UpstreamError as error:
        outcome.error = error
    return outcome
