"""Trying an endpoint out: what is said, and that it ends in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from chat import endpoint_probe
from chat.endpoint import EndpointConfig
from fake_endpoint import FakeEndpoint

KEY = "sk-canary-7f3a9c1e5b2d"

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[FakeEndpoint]:
    async with FakeEndpoint() as running:
        yield running


def settings(upstream: FakeEndpoint, **fields: Any) -> EndpointConfig:
    given = {"name": "own", "label": "Own", "base_url": upstream.url, "api_key": KEY}
    return EndpointConfig(**given | fields)


def status(code: int, message: str = "It did not work.") -> str:
    return f"status?code={code}&message={quote(message)}"


async def reply_of(upstream: FakeEndpoint, model: str, **fields: Any) -> endpoint_probe.Finding:
    """The finding about one token of this model."""
    listed, reply = await endpoint_probe.test(settings(upstream, **fields), model)
    assert listed.ok
    assert KEY not in repr((listed, reply))
    return reply


async def test_without_a_model_the_first_of_the_list_is_asked(upstream: FakeEndpoint) -> None:
    upstream.listing.want({"ids": ["words?n=5", "other"]})
    listed, reply = await endpoint_probe.test(settings(upstream), None)
    assert (listed.ok, listed.text) == (True, "Its list of models: 2 models.")
    assert reply.ok
    assert reply.text.startswith("A reply from words?n=5")
    assert [chat.body["model"] for chat in upstream.chats] == ["words?n=5"]


async def test_the_connection_is_closed_after_one_token(upstream: FakeEndpoint) -> None:
    assert (await reply_of(upstream, "words?n=9000&rate=50")).ok
    (chat,) = upstream.chats
    while chat.closed_by_client is None:
        await asyncio.sleep(0.01)
    assert chat.packets < 500


async def test_a_reply_goes_on_where_there_is_no_list(upstream: FakeEndpoint) -> None:
    upstream.listing.want({"ids": [], "status": 404})
    listed, reply = await endpoint_probe.test(settings(upstream), "words?n=5")
    assert not listed.ok
    assert "Does the address end where it should" in listed.text
    assert reply.ok


async def test_without_list_and_model_there_is_nobody_to_ask(upstream: FakeEndpoint) -> None:
    upstream.listing.want({"ids": []})
    listed, reply = await endpoint_probe.test(settings(upstream), None)
    assert listed.ok
    assert (reply.ok, reply.text) == (False, "There is no model to test. Add one by its name.")
    assert upstream.chats == []


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (status(401), "refused the API key."),
        (status(404), "Does the address end where it should"),
        ("nobody-has-this", "Is the model's name written as the endpoint writes it?"),
        (status(500), "reported a fault of its own."),
        ("html", "Is this the address of an API, and not of a web page?"),
        ("empty", "sent an empty answer."),
        (
            status(400, "Unsupported parameter: 'max_tokens' is not supported with this model."),
            "Choose the other name for the length limit.",
        ),
    ],
)
async def test_it_says_what_is_wrong(upstream: FakeEndpoint, model: str, words: str) -> None:
    found = await reply_of(upstream, model)
    assert not found.ok
    assert found.text.startswith(f"A reply from {model}: The model server Own")
    assert words in found.text


async def test_a_missing_key_is_named(upstream: FakeEndpoint) -> None:
    found = await reply_of(upstream, status(401), api_key="")
    assert found.text.endswith("It requires a key, but none is set.")


async def test_a_model_that_needs_more_than_one_token_works(upstream: FakeEndpoint) -> None:
    told = "Could not finish the message because max_tokens or model output limit was reached."
    found = await reply_of(upstream, status(400, told), max_tokens_name="max_completion_tokens")
    assert found.ok
    assert found.detail == ""


async def test_an_unreadable_key_asks_nobody(upstream: FakeEndpoint) -> None:
    broken = settings(upstream, problem="It was encrypted with another ENCRYPTION_KEY.")
    (found,) = await endpoint_probe.test(broken, "words")
    assert (found.ok, found.detail) == (False, broken.problem)
    with pytest.raises(endpoint_probe.NotListed) as none:
        await endpoint_probe.models(broken)
    assert none.value.finding == found
    assert upstream.requests == []


async def test_where_nobody_answers_no_second_question_is_asked() -> None:
    nobody = EndpointConfig("own", "Own", "http://127.0.0.1:9/v1")
    (found,) = await endpoint_probe.test(nobody, "words")
    assert "cannot be reached. Is it running" in found.text


async def test_an_endless_wait_ends(
    upstream: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert endpoint_probe.LIST_SECONDS + endpoint_probe.REPLY_SECONDS < 30, "where routers give up"
    monkeypatch.setattr(endpoint_probe, "LIST_SECONDS", 0.05)
    monkeypatch.setattr(endpoint_probe, "REPLY_SECONDS", 0.05)
    upstream.listing.want({"hang": True})
    listed, reply = await endpoint_probe.test(settings(upstream), "stall")
    for found in (listed, reply):
        assert not found.ok
        assert "did not begin to answer in time. It may still be loading the model" in found.text
    with pytest.raises(endpoint_probe.NotListed):
        await endpoint_probe.models(settings(upstream))
