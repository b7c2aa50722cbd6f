"""Objects of Alice do not exist for Bob: he gets the same answers as for unknown ids."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from chat.tests.live.client import Client, Frame, client
from chat.tests.live.server import HALF, SHORT, Server

pytestmark = pytest.mark.asyncio


def _frames(ids: Frame, own: Frame) -> list[Frame]:
    """Frames of Bob about a conversation, a message and a reply."""
    reply, message, chat = ids["reply"], ids["message"], ids["conversation"]
    position = {"attempt": 1, "text": 3, "reasoning": 0}
    send = {"type": "send", "text": "Hello"}
    return [
        {"type": "follow", "reply": reply},
        {"type": "follow", "reply": reply, **position},
        {"type": "follow", "reply": message},
        {"type": "unfollow", "reply": reply},
        {"type": "ack", "reply": reply, **position},
        {"type": "stop", "reply": reply},
        {"type": "stop", "reply": message},
        {"type": "continue", "id": str(uuid4()), "reply": reply},
        {"type": "continue", "id": str(uuid4()), "reply": message},
        {"type": "edit", "id": str(uuid4()), "message": message, "text": "His"},
        {"type": "edit", "id": str(uuid4()), "message": reply, "text": "His"},
        {"type": "regenerate", "id": str(uuid4()), "reply": reply},
        {"type": "regenerate", "id": str(uuid4()), "reply": message},
        {"type": "withdraw", "id": str(uuid4()), "message": message},
        {"type": "withdraw", "id": str(uuid4()), "message": reply},
        {"id": str(uuid4()), "conversation": chat, "parent": None} | send,
        {"id": str(uuid4()), "conversation": chat, "parent": reply} | send,
        {"id": str(uuid4()), "conversation": own["conversation"], "parent": reply} | send,
        {"id": str(uuid4()), "conversation": own["conversation"], "parent": message} | send,
    ]


async def _answers(page: Client, ids: Frame, own: Frame) -> list[list[str]]:
    """The answers to each of them, with the ids taken out."""
    found = []
    for frame in _frames(ids, own):
        mark = len(page.frames)
        await page.say(**frame)
        await page.sync()
        said = []
        for answer in page.frames[mark:]:
            if answer["type"] not in ("pong", "ping"):
                text = json.dumps(answer)
                for value in (*ids.values(), frame.get("id", "-")):
                    text = text.replace(value, "ID")
                said.append(text)
        found.append(said)
    return found


@pytest.mark.parametrize("model", [SHORT, HALF, "status?code=500"])
async def test_stranger_gets_exactly_what_an_unknown_id_gets(site: Server, model: str) -> None:
    alice, bob = site.database.add_person("alice"), site.database.add_person("bob")
    async with client(site, alice) as hers, client(site, bob) as his:
        accepted = await hers.send("Mine alone", model)
        if model == HALF:
            await hers.has(accepted["reply"], 14)
        else:
            await hers.end(accepted["reply"])
        own = await his.send("His", SHORT)
        await his.end(own["reply"])
        before = _state(site, alice.id), _state(site, bob.id)
        real = {key: accepted[key] for key in ("conversation", "message", "reply")}
        unknown = {key: str(uuid4()) for key in real}
        answers = await _answers(his, real, own)
        assert answers == await _answers(his, unknown, own)
        assert [len(one) for one in answers] == [1, 1, 1, 0, 0, *[1] * 14]
        assert {json.loads(one[0])["code"] for one in answers if one} == {"not_found"}
        assert (_state(site, alice.id), _state(site, bob.id)) == before
        if model == HALF:
            await hers.sync()
            assert hers.shown[accepted["reply"]].end is None
            await hers.say("stop", reply=accepted["reply"])
            await hers.end(accepted["reply"])


async def test_stranger_hears_nothing_of_it(site: Server) -> None:
    alice, bob = site.database.add_person("alice"), site.database.add_person("bob")
    async with client(site, alice) as hers, client(site, bob) as his:
        await hers.end((await hers.send("Mine alone", SHORT))["reply"])
        await his.sync()
        assert [frame["type"] for frame in his.frames] == ["ready", "pong"]


async def test_stranger_gets_the_same_404_from_the_api(site: Server) -> None:
    alice, bob = site.database.add_person("alice"), site.database.add_person("bob")
    async with client(site, alice) as hers:
        accepted = await hers.send("Mine alone", SHORT)
        await hers.end(accepted["reply"])
    before = _state(site, alice.id)
    for method, body in (("GET", None), ("PATCH", {"title": "His"}), ("DELETE", None)):
        real = site.ask(bob, method, f"/api/v1/conversations/{accepted['conversation']}", body)
        unknown = site.ask(bob, method, f"/api/v1/conversations/{uuid4()}", body)
        assert real == unknown
        assert real[0] == 404
    assert _state(site, alice.id) == before


def _state(site: Server, user: int) -> list[list[dict[str, Any]]]:
    """All that a person has."""
    return [
        site.database.rows(f"SELECT * FROM {table} WHERE {column} = ?", user)
        for table, column in (
            ("chat_conversation", "owner_id"),
            ("chat_message", "user_id"),
            ("chat_request", "user_id"),
            ("chat_counter", "user_id"),
        )
    ]
