"""Bounds of the titles of one process: places, waits after failures, and the drain."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any

import pytest

from chat import metrics
from chat.endpoint import EndpointConfig
from chat.models.commands.titling import Untitled
from chat.models.offers import Offer
from chat.models.reading.catalogue import Choice
from chat.models.values.prices import Prices
from chat.replies.titling import AT_ONCE, PAUSE_SECONDS, WAITING, Titler
from chat.tests.live.titled import asked, model, titled
from chat.upstream import Client
from fake_endpoint import SCENARIOS, FakeEndpoint

pytestmark = pytest.mark.asyncio


class Office:
    """Starts nothing, and counts what it should start."""

    def __init__(self) -> None:
        self.started = 0

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        coroutine.close()
        self.started += 1


def count(name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0.0


def untitled(endpoint: FakeEndpoint, name: str) -> Untitled:
    config = EndpointConfig("fake", "Fake", endpoint.url)
    prices = Prices(input=Decimal(1_000_000), output=Decimal(2_000_000))
    offer = Offer(f"fake/{name}", name, "fake", name, prices=prices)
    return Untitled(1, 1, "Hello", Choice(offer, config), "Hello", "Hi.")


async def test_two_work_and_so_many_wait() -> None:
    office = Office()
    titler = Titler(Client, office.spawn)
    before = count("parley_titles_total", result="crowded")
    for reply in range(WAITING + 5):
        titler.offer(reply)
        titler.offer(reply)
    assert office.started == AT_ONCE
    assert count("parley_titles_total", result="crowded") - before >= 5
    assert titler.close() == list(range(WAITING))
    titler.offer(1)
    assert titler.close() == []


async def test_endpoint_that_fails_is_asked_less_and_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCENARIOS, "titled", titled)
    async with FakeEndpoint() as endpoint:
        clients: list[Client] = []

        def client_of(config: EndpointConfig) -> Client:
            clients.append(Client(config))
            return clients[-1]

        titler = Titler(client_of, Office().spawn)
        broken = untitled(endpoint, model("Frogs", how="status?code=503"))
        whole = untitled(endpoint, model("Frogs"))
        waits = []
        for _ in range(9):
            assert await asyncio.create_task(titler._ask(broken)) == ("", "failed")
            now = asyncio.get_running_loop().time()
            waits.append(round(titler._resumes["fake"] - now))
            assert await asyncio.create_task(titler._ask(whole)) == ("", "paused")
            titler._resumes["fake"] = now  # as if the time were over
        first, longest = PAUSE_SECONDS
        assert waits[:3] == [first, 2 * first, 4 * first]
        assert waits[-1] == longest
        assert len(asked(endpoint)) == 9
        assert await asyncio.create_task(titler._ask(whole)) == ("Frogs", "refused")
        assert titler._resumes == titler._failures == {}
        for client in clients:
            await client.close()


async def test_tokens_and_cost_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCENARIOS, "titled", titled)
    name = model("Frogs")
    labels = {"endpoint": "fake", "model": name}
    async with FakeEndpoint() as endpoint:
        client = Client(EndpointConfig("fake", "Fake", endpoint.url))
        titler = Titler(lambda _: client, Office().spawn)
        kinds = ("prompt", "completion")
        before = [count("parley_title_tokens_total", **labels, kind=kind) for kind in kinds]
        cost = count("parley_title_cost_dollars_total", **labels)
        await asyncio.create_task(titler._ask(untitled(endpoint, name)))
        after = [count("parley_title_tokens_total", **labels, kind=kind) for kind in kinds]
        assert [b - a for a, b in zip(before, after, strict=True)] == [7, 5]
        assert count("parley_title_cost_dollars_total", **labels) - cost == 7 + 2 * 5
        await client.close()
