"""Settings of a user reach the endpoint, and no others; left-out messages are counted."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from chat.tests.live.client import Client, Frame, client
from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import SHORT, Server, Upstream
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio

SETTINGS = {
    "system": "Answer in rhymes.",
    "temperature": 0.3,
    "top_p": 0.9,
    "max_tokens": 64,
    "reasoning_effort": "low",
}
OPTIONS = {"temperature", "top_p", "max_tokens", "max_completion_tokens", "reasoning_effort"}


async def _send(page: Client, text: str, **fields: Any) -> Frame:
    known: Frame = {"id": str(uuid4()), "conversation": None, "parent": None, "text": text}
    return await page.ask("accepted", "send", **known | {"model": f"openai/{SHORT}"} | fields)


async def test_settings_of_the_first_message_are_asked_and_kept(
    site: Server, upstream: Upstream
) -> None:
    alice, about = site.database.add_person("alice"), f"Rhyme {uuid4()}"
    async with client(site, alice) as page:
        first = await _send(page, about, settings=SETTINGS)
        end, _ = await page.end(first["reply"])
        assert end["left_out"] == 0
        told = await page.get("conversation", event="created")
        assert told["conversation"]["settings"] == SETTINGS
        again = await _send(page, "More", conversation=first["conversation"], parent=first["reply"])
        await page.end(again["reply"])
    for request in upstream.requests(about):
        body = request["body"]
        assert body["messages"][0] == {"role": "system", "content": "Answer in rhymes."}
        assert {key: body[key] for key in OPTIONS & set(body)} == {
            key: value for key, value in SETTINGS.items() if key != "system"
        }
    assert len(upstream.requests(about)) == 2


async def test_nothing_set_sends_nothing(site: Server, upstream: Upstream) -> None:
    alice, about = site.database.add_person("alice"), f"Plain {uuid4()}"
    async with client(site, alice) as page:
        await page.end((await _send(page, about))["reply"])
    (request,) = upstream.requests(about)
    assert not OPTIONS & set(request["body"])
    assert [one["role"] for one in request["body"]["messages"]] == ["user"]


async def test_changed_settings_count_from_the_next_reply_on(
    site: Server, upstream: Upstream
) -> None:
    alice, about = site.database.add_person("alice"), f"Change {uuid4()}"
    async with client(site, alice) as page:
        first = await _send(page, about, settings={"temperature": 0.1})
        await page.end(first["reply"])
        path = f"/api/v1/conversations/{first['conversation']}"
        status, _ = site.ask(alice, "PATCH", path, {"settings": {"top_p": 0.5}})
        assert status == 200
        told = await page.until(
            lambda: next(
                (
                    frame["conversation"]
                    for frame in page.frames
                    if frame["type"] == "conversation"
                    and frame["conversation"]["settings"] == {"top_p": 0.5}
                ),
                None,
            )
        )
        assert told["id"] == first["conversation"]
        again = await _send(page, "More", conversation=first["conversation"], parent=first["reply"])
        await page.end(again["reply"])
    before, after = upstream.requests(about)
    assert (before["body"]["temperature"], before["body"].get("top_p")) == (0.1, None)
    assert (after["body"].get("temperature"), after["body"]["top_p"]) == (None, 0.5)


async def test_a_setting_out_of_range_is_refused_with_its_name(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        fields = {"id": str(uuid4()), "conversation": None, "parent": None, "text": "Hi"}
        error = await page.refused("send", **fields, settings={"temperature": 9})
        assert (error["code"], error["field"]) == ("bad_field", "settings.temperature")
    assert site.database.messages(alice) == []


async def test_messages_that_do_not_fit_are_counted_in_every_frame(
    make_server: MakeServer, upstream: Upstream
) -> None:
    server = make_server(ENDPOINT_OPENAI_CONTEXT="400")
    server.start()
    alice, about = server.database.add_person("alice"), f"Long {uuid4()}"
    async with client(server, alice) as page:
        last = await _send(page, "The oldest. " * 90, settings={"system": about})
        end, _ = await page.end(last["reply"])
        assert end["left_out"] == 0
        last = await _send(
            page, "And now?", conversation=last["conversation"], parent=last["reply"]
        )
        end, text = await page.end(last["reply"])
        assert (end["left_out"], text) == (2, expected_text(SHORT))
        running = await page.get("message", event="updated")
        assert "left_out" in running["message"]
    assert server.database.reply(last["reply"])["left_out"] == 2
    sent = upstream.requests(about)[-1]["body"]["messages"]
    assert [one["content"] for one in sent] == [about, "And now?"]


async def test_several_endpoints_of_the_environment_answer_side_by_side(
    make_server: MakeServer, upstream: Upstream
) -> None:
    server = make_server(
        ENDPOINTS="second",
        ENDPOINT_SECOND_URL=upstream.url,
        ENDPOINT_SECOND_KEY="the-second-key",
        ENDPOINT_SECOND_MODELS=SHORT,
        ENDPOINT_SECOND_HEADERS="X-Team=chat",
        ENDPOINT_SECOND_MAX_TOKENS_NAME="max_completion_tokens",
    )
    server.start()
    alice, about = server.database.add_person("alice"), f"Both {uuid4()}"
    async with client(server, alice) as page:
        one = await _send(page, about)
        two = await _send(page, about, model=f"second/{SHORT}", settings={"max_tokens": 9})
        for accepted in (one, two):
            end, text = await page.end(accepted["reply"])
            assert (end["status"], text) == ("complete", expected_text(SHORT))
    first, second = sorted(upstream.requests(about), key=lambda one: len(one["body"]))
    assert first["headers"]["authorization"] == "Bearer the-key-of-the-tests"
    assert second["headers"]["authorization"] == "Bearer the-second-key"
    assert second["headers"]["x-team"] == "chat"
    assert second["body"]["max_completion_tokens"] == 9
    assert "max_tokens" not in second["body"]
    assert server.database.reply(two["reply"])["endpoint"] == "second"
