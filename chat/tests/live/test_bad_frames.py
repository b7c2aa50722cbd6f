"""Frames that no client of ours sends: answered, not obeyed, and never the end of the socket."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from chat.tests.live.client import client
from chat.tests.live.server import SHORT, Server, Upstream

pytestmark = pytest.mark.asyncio

ID = "7e6ff2d4-4a3b-4c6e-9d7e-1f2a3b4c5d6e"


def _send(**fields: Any) -> str:
    frame = {"type": "send", "id": ID, "conversation": None, "parent": None, "text": "Hello"}
    return json.dumps(frame | fields)


def _without(field: str) -> str:
    frame = json.loads(_send())
    del frame[field]
    return json.dumps(frame)


def _follow(**fields: Any) -> str:
    return json.dumps({"type": "follow", "reply": ID} | fields)


BAD_JSON = {
    "nothing": "",
    "words": "hello",
    "half": '{"type":"ping",',
    "array": "[]",
    "array of a frame": '[{"type":"ping","n":1}]',
    "string": '"ping"',
    "null": "null",
    "number": "12",
    "NaN": '{"type":"ping","n":NaN}',
    "Infinity": '{"type":"ping","n":-Infinity}',
    "6,000 digits": '{"type":"ping","n":%s}' % ("9" * 6000),
    "binary": b'{"type":"ping","n":1}',
    "binary that is not text": b"\x00\xff\xfe",
}

TOO_DEEP = {
    "arrays": "[" * 200_000,
    "objects": '{"a":' * 100_000,
    "closed": '{"type":"ping","n":' + "[" * 30_000 + "1" + "]" * 30_000 + "}",
    "small": '{"type":"ping","n":' + "[" * 20 + "1" + "]" * 20 + "}",
}

BAD_TYPE = {
    "unknown": '{"type":"edits"}',
    "of the server": '{"type":"accepted"}',
    "missing": "{}",
    "null": '{"type":null}',
    "number": '{"type":5}',
    "list": '{"type":["ping"]}',
    "object": '{"type":{"a":1}}',
    "lone surrogate": '{"type":"\\ud800"}',
    "NUL": '{"type":"ping\\u0000"}',
}

BAD_FIELD = [
    ("id", _without("id")),
    ("id", _send(id=None)),
    ("id", _send(id="")),
    ("id", _send(id="7e6ff2d4")),
    ("id", _send(id="7e6ff2d4-4a3b-4c6e-9d7e-1f2a3b4c5d6g")),
    ("id", _send(id=5)),
    ("id", _send(id=True)),
    ("id", _send(id=["a"])),
    ("id", _send(id="\ud800" * 32)),
    ("conversation", _without("conversation")),
    ("conversation", _send(conversation="new")),
    ("conversation", _send(conversation=0)),
    ("conversation", _send(conversation=False)),
    ("parent", _without("parent")),
    ("parent", _send(parent="root")),
    ("parent", _send(parent={})),
    ("text", _without("text")),
    ("text", _send(text=None)),
    ("text", _send(text=5)),
    ("text", _send(text=["Hello"])),
    ("text", _send(text="")),
    ("text", _send(text=" \n\t")),
    ("text", _send(text="\0\0")),
    ("text", _send(text="\ud800")),
    ("model", _send(model=5)),
    ("model", _send(model="x" * 201)),
    ("user", _send(user=1)),
    ("role", _send(role="system")),
    ("reply", json.dumps({"type": "stop"})),
    ("reply", json.dumps({"type": "stop", "reply": "all"})),
    ("all", json.dumps({"type": "stop", "reply": ID, "all": True})),
    ("reply", json.dumps({"type": "unfollow", "reply": None})),
    ("reply", json.dumps({"type": "continue", "id": ID})),
    ("reply", json.dumps({"type": "continue", "id": ID, "reply": 1})),
    ("attempt", _follow(attempt=-1)),
    ("attempt", _follow(attempt=True)),
    ("attempt", _follow(attempt=2**63)),
    ("attempt", _follow(attempt=2**200)),
    ("text", _follow(text=-1)),
    ("text", _follow(text="0")),
    ("text", _follow(text=1.5)),
    ("text", _follow(text=None)),
    ("reasoning", _follow(reasoning=2**31 + 1)),
    ("from", _follow(**{"from": 1})),
    ("n", json.dumps({"type": "ping"})),
    ("n", json.dumps({"type": "ping", "n": 2**63})),
    ("n", json.dumps({"type": "ping", "n": "1"})),
    ("n", json.dumps({"type": "ping", "n": False})),
    ("attempt", json.dumps({"type": "ack", "reply": ID})),
    ("text", json.dumps({"type": "ack", "reply": ID, "attempt": 1, "text": -5, "reasoning": 0})),
]


async def _error(site: Server, raw: str | bytes) -> dict[str, Any]:
    """The answer to one frame, after which the socket works and nothing is stored."""
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        await page.raw(raw)
        await page.sync()
        (error,) = page.of("error")
        assert error["message"].endswith(".")
        assert [frame["type"] for frame in page.frames] == ["ready", "error", "pong"]
    assert site.database.messages(alice) == []
    assert site.database.counter(alice) == 0
    return error


@pytest.mark.parametrize("raw", BAD_JSON.values(), ids=BAD_JSON.keys())
async def test_what_is_no_object_of_json_is_bad_json(site: Server, raw: str | bytes) -> None:
    assert (await _error(site, raw))["code"] == "bad_json"


@pytest.mark.parametrize("raw", TOO_DEEP.values(), ids=TOO_DEEP.keys())
async def test_nesting_is_bounded(site: Server, raw: str) -> None:
    assert (await _error(site, raw))["code"] == "too_deep"


@pytest.mark.parametrize("raw", BAD_TYPE.values(), ids=BAD_TYPE.keys())
async def test_unknown_type_is_named(site: Server, raw: str) -> None:
    error = await _error(site, raw)
    assert (error["code"], error["field"]) == ("unknown_type", "type")


@pytest.mark.parametrize(
    ("field", "raw"), BAD_FIELD, ids=[f"{n}-{field}" for n, (field, _) in enumerate(BAD_FIELD)]
)
async def test_bad_field_is_named(site: Server, field: str, raw: str) -> None:
    error = await _error(site, raw)
    assert (error["code"], error["field"]) == ("bad_field", field)


async def test_error_repeats_the_ids_it_is_about(site: Server) -> None:
    assert (await _error(site, _send(text=5)))["id"] == ID
    assert (await _error(site, _follow(text=-1)))["reply"] == ID


async def test_unknown_field_with_odd_characters_is_named_cleanly(site: Server) -> None:
    error = await _error(site, '{"type":"ping","n":1,"\\ud800x\\u0000":1}')
    assert (error["code"], error["field"]) == ("bad_field", "x")


@pytest.mark.parametrize("model", ["openai/nothing", "openai/\ud800", ""])
async def test_model_that_is_not_offered_is_refused(site: Server, model: str) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        error = await page.refused(
            "send", id=ID, conversation=None, parent=None, text="Hello", model=model or "x"
        )
        assert (error["code"], error["field"]) == ("no_model", "model")
    assert site.database.messages(alice) == []


async def test_control_frame_has_at_most_64_kib(site: Server) -> None:
    filler = "x" * (64 * 1024)
    error = await _error(site, json.dumps({"type": "stop", "reply": ID, "x": filler}))
    assert (error["code"], error["reply"]) == ("too_large", ID)


async def test_message_has_at_most_512_kib_of_utf8(site: Server) -> None:
    over = json.dumps(json.loads(_send(text="ä" * (256 * 1024))), ensure_ascii=False)
    assert len(over) < 512 * 1024 < len(over.encode())
    assert (await _error(site, over))["code"] == "too_large"


async def test_message_below_the_limit_is_stored_whole(site: Server) -> None:
    alice = site.database.add_person("alice")
    text = "ä" * (250 * 1024)
    async with client(site, alice) as page:
        frame = json.loads(_send(text=text, id=str(uuid4()), model=f"openai/{SHORT}"))
        await page.raw(json.dumps(frame, ensure_ascii=False))
        await page.end((await page.get("accepted"))["reply"])
    assert site.database.messages(alice)[0]["text"] == text


async def test_nul_and_lone_surrogates_are_cleaned(site: Server, upstream: Upstream) -> None:
    alice = site.database.add_person("alice")
    text = "a\0b\ud83dc \ud83d\ude00 \udc00e\u0301"
    async with client(site, alice) as page:
        accepted = await page.send(text, SHORT)
        assert await page.send(text, SHORT, id=accepted["id"]) == accepted
        await page.end(accepted["reply"])
        told = next(f["message"] for f in page.of("message") if f["message"]["role"] == "user")
        (created,) = [f for f in page.of("conversation") if f["event"] == "created"]
    assert told["text"] == site.database.messages(alice)[0]["text"] == "abc 😀 e\u0301"
    assert created["conversation"]["title"] == "abc 😀 e\u0301"
    (request,) = upstream.requests("abc 😀")
    assert request["body"]["messages"][-1]["content"] == "abc 😀 e\u0301"


async def test_more_than_20_bad_frames_in_a_minute_end_the_socket(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        for _ in range(20):
            await page.raw("{")
        await page.sync()
        assert len(page.of("error")) == 20
        await page.raw("{")
        assert await page.closed() == 4400


async def test_frames_are_rationed_but_stop_and_ping_are_not(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        limit = page.of("ready")[0]["limits"]["frames_per_minute"]
        for n in range(limit + 30):  # 30 too many are no bad frames
            await page.say("continue", id=f"00000000-0000-4000-8000-{n:012}", reply=ID)
        await page.sync()
        codes = [frame["code"] for frame in page.of("error")]
        assert codes == ["not_found"] * limit + ["rate_limited"] * 30
        last = page.of("error")[-1]
        assert 1 <= last["retry_after"] <= 60
        assert last["id"] == f"00000000-0000-4000-8000-{limit + 29:012}"
        mark = len(page.frames)
        await page.say("stop", reply=ID)
        assert (await page.get("error", after=mark))["code"] == "not_found"


async def test_light_frames_have_a_ration_of_their_own(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        for n in range(1201):
            await page.say("ping", n=n)
        assert (await page.get("error"))["code"] == "rate_limited"
        assert len(page.of("pong")) == 1200
        reply = (await page.send("Still here", SHORT))["reply"]
        await page.end(reply)
