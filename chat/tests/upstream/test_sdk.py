"""Requests that are made out of an earlier one, and differ in their bodies."""

from __future__ import annotations

import pytest

from chat.tests.upstream.conftest import Connect, read
from fake_endpoint.server import FakeEndpoint

pytestmark = pytest.mark.asyncio


async def test_a_later_request_has_the_headers_of_the_first_and_its_own_body(
    upstream: FakeEndpoint, connect: Connect
) -> None:
    client = connect(headers=(("X-Team", "blue"),))
    for model in ("words?n=1", "words?n=1&also=more", "words?n=2"):
        assert (await read(client, model)).error is None
    first, longer, last = upstream.requests
    assert [request.body["model"] for request in upstream.requests] == [
        "words?n=1", "words?n=1&also=more", "words?n=2",
    ]  # fmt: skip
    lengths = [int(request.headers["content-length"]) for request in upstream.requests]
    assert lengths == [lengths[0], lengths[0] + 10, lengths[0]]
    assert first.headers == last.headers
    assert dict(longer.headers) | {"content-length": str(lengths[0])} == dict(first.headers)


async def test_a_list_of_models_is_asked_for_beside_them(
    upstream: FakeEndpoint, connect: Connect
) -> None:
    client = connect()
    await read(client, "words?n=1")
    await client.models()
    await client.models()
    asked, *listed = upstream.requests
    assert [(request.method, request.path) for request in listed] == [("GET", "/v1/models")] * 2
    assert asked.headers["content-type"] == "application/json"
