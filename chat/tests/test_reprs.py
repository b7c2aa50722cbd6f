"""The `repr` of objects ends up in logs and error pages: never a key, never a prompt."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User

from chat import protocol
from chat.endpoint import EndpointConfig
from chat.models import Claim, Conversation, Outcome, Reply, Status, Unsaved
from chat.models.attempting.context import trim
from chat.models.endpoints import Endpoint as EndpointRow
from chat.models.messages import Message
from chat.replies.upstream_requests import request_of
from chat.upstream import Batch, ChatRequest, Client, Stream, UpstreamError
from chat.upstream.chunks import read_chunk
from chat.upstream.habits import Habits
from chat.upstream.overlap import TextOverlap
from chat.upstream.refusals import read_error

KEY = "sk-canary-1f0c7d2e9b4a5968"
HEADER = "canary-header-5d3e8a91c2"
PROMPT = "The canary of the Kontor: 4711 sacks of pepper"
ANSWER = "The canary sings of pepper."

ENDPOINT = EndpointConfig(
    name="local",
    label="Local",
    base_url="https://user:canary-password@model.example/v1?token=canary-query",
    api_key=KEY,
    headers=(("X-Gateway", HEADER),),
)


def _claim() -> Claim:
    return Claim(
        reply=1,
        uid=uuid4(),
        user=1,
        owner=1,
        attempt=1,
        record=1,
        model="local/model",
        offer=None,
        endpoint=ENDPOINT,
        row=Message(text=ANSWER),
        messages=[{"role": "system", "content": PROMPT}, {"role": "user", "content": PROMPT}],
        settings={"temperature": 1},
        text=ANSWER,
        reasoning=ANSWER,
    )


def _send() -> object:
    return protocol.parse(
        '{"type": "send", "id": "7e6ff2d4-4a3b-4c6e-9d7e-1f2a3b4c5d6e", "conversation": null,'
        f' "parent": null, "text": "{PROMPT}", "settings": {{"system": "{PROMPT}"}}}}',
        control_bytes=9999,
        message_bytes=9999,
    )


async def _nobody(_: ChatRequest, __: Callable[[], None]) -> Any:
    raise AssertionError


MADE: dict[str, Callable[[], object]] = {
    "EndpointConfig": lambda: ENDPOINT,
    "Client": lambda: Client(ENDPOINT),
    "Claim": _claim,
    "ChatRequest": lambda: request_of(_claim(), "model", prefix=False),
    "Unsaved": lambda: Unsaved(1, 1, (("text", 0, ANSWER),)),
    "Outcome": lambda: Outcome(Status.FAILED, error_detail="HTTP 400.", tries=[{"detail": "x"}]),
    "Message": lambda: Message(text=PROMPT, role="user"),
    "Reply": lambda: Reply(text=ANSWER, reasoning=ANSWER, role="assistant"),
    "Conversation": lambda: Conversation(title=PROMPT, settings={"system": PROMPT}),
    "endpoint row": lambda: EndpointRow(slug="local", label="Local", sealed=KEY),
    "send": _send,
    "TextOverlap": lambda: TextOverlap(ANSWER),
    "Trimmed": lambda: trim([{"role": "user", "content": PROMPT}], None, answer=None),
    "Batch": lambda: Batch(ANSWER, ANSWER),
    "ErrorWords": lambda: read_error(f'{{"message": "{PROMPT} {KEY}"}}'.encode(), ""),
    "Chunk": lambda: read_chunk(b'{"choices": [{"delta": {"content": "pepper"}}]}'),
}


@pytest.mark.parametrize("name", MADE)
def test_nothing_shows_a_key_or_a_prompt(name: str) -> None:
    made = MADE[name]()
    told = repr(made) + repr([made]) + f"{made!r}"
    if name != "Conversation":  # its title is what the admin shows
        told += str(made)
    assert "canary" not in told
    assert "pepper" not in told


@pytest.mark.asyncio
async def test_a_stream_shows_neither() -> None:
    request = ChatRequest("model", [{"role": "user", "content": PROMPT}])
    made = Stream(ENDPOINT, request, _nobody, Habits())
    assert "canary" not in repr(made) + str(made)


@pytest.mark.parametrize("code", ["refused_key", "bad_request", "unreachable"])
def test_an_error_shows_its_details_to_nobody_who_prints_it(code: str) -> None:
    """They are scrubbed already; users and logs get the sentence alone."""
    try:
        raise UpstreamError(code, "Local", detail=f"HTTP 400. {PROMPT}")
    except UpstreamError as error:
        told = repr(error) + str(error) + "".join(traceback.format_exception(error))
    source = [line for line in told.splitlines() if "raise UpstreamError" not in line]
    assert "canary" not in "\n".join(source)


@pytest.mark.django_db
def test_stored_rows_show_neither(
    alice: User, make_conversation: Callable[..., Conversation]
) -> None:
    conversation = make_conversation(alice, title=PROMPT, text=ANSWER)
    told = repr(Conversation.objects.all()) + repr(Message.objects.all())
    told += repr(Reply.objects.get(conversation=conversation)) + repr(conversation.leaf)
    assert "canary" not in told


def test_the_names_may_be_read() -> None:
    """An endpoint that shows nothing at all would be of no use in a log."""
    assert "Local" in repr(ENDPOINT)
    assert "local" in repr(ENDPOINT)
    assert Batch("a", "b").text == "a"
