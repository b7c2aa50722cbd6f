"""A client that leaves while its response is on the way through the middleware."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponseBase
from django.test import AsyncRequestFactory
from pytest_django import Settings

from chat.api.openai.views import completions
from chat.models import Reply, Token
from chat.models.messages import Message
from chat.models.values.states import Status
from chat.replies import process

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _started(settings: Settings) -> Iterator[None]:
    """The process takes connections; nobody produces what they wait for."""
    settings.OPENAI_API_KEY, settings.CHAT_MODEL = "sk-test", ["one"]
    process.ready.set()
    yield
    process.ready.clear()
    process.following._lives.clear()


@pytest.fixture
def token(alice: User) -> str:
    return Token.objects.make(alice, "A program", ["chat"], None)[1]


async def test_response_that_nobody_reads_stops_its_reply(token: str) -> None:
    body = {"model": "one", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
    request = AsyncRequestFactory().post(
        "/v1/chat/completions",
        json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )
    held: list[HttpResponseBase] = []  # by a cycle somewhere, which is collected much later

    async def asking() -> None:
        response: Any = await completions(request)
        assert response.status_code == 200
        held.append(response)
        await asyncio.Event().wait()

    task = asyncio.create_task(asking())
    while not held:
        await asyncio.sleep(0.01)
    assert await Reply.objects.aget(status=Status.QUEUED)
    task.cancel()
    await asyncio.wait({task})
    async with asyncio.timeout(10):
        while await Message.objects.filter(status=Status.QUEUED).aexists():
            await asyncio.sleep(0.01)
    assert (await Reply.objects.aget()).status == Status.STOPPED
    assert not process.connections
