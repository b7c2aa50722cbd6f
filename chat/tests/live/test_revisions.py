"""Second thoughts over real sockets: every tab hears of them, the endpoint gets what is shown."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from chat.tests.live.client import Client, Frame, client, socket
from chat.tests.live.database import Person
from chat.tests.live.server import ENDLESS, HALF, SHORT, Server, Upstream
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio


async def edit(page: Client, message: str, text: str, model: str | None = None) -> Frame:
    fields: Frame = {"id": str(uuid4()), "message": message, "text": text}
    return await page.ask("accepted", "edit", **fields | _model(model))


async def regenerate(page: Client, reply: str, model: str | None = None) -> Frame:
    fields: Frame = {"id": str(uuid4()), "reply": reply}
    return await page.ask("accepted", "regenerate", **fields | _model(model))


async def withdraw(page: Client, message: str) -> Frame:
    return await page.ask("accepted", "withdraw", id=str(uuid4()), message=message)


async def told(page: Client, event: str, message: str) -> Frame:
    """The message as a change tells of it."""

    def found() -> Frame | None:
        changes = [frame for frame in page.of("message") if frame["event"] == event]
        return next((one for one in changes if one["message"]["id"] == message), None)

    return dict((await page.until(found, f"{event} {message}"))["message"])


async def shows(page: Client, leaf: str) -> None:
    """The last that it was told of a conversation is this leaf."""

    def found() -> bool | None:
        changes = page.of("conversation")
        return (bool(changes) and changes[-1]["conversation"].get("leaf") == leaf) or None

    await page.until(found, f"leaf {leaf}")


def _model(model: str | None) -> Frame:
    return {} if model is None else {"model": f"openai/{model}"}


def asked(upstream: Upstream, about: str) -> list[list[str]]:
    """The prompts that say this, as texts."""
    return [
        [message["content"] for message in request["body"]["messages"]]
        for request in upstream.requests(about)
    ]


def tree(site: Server, person: Person, chat: str) -> dict[str, Any]:
    status, answer = site.ask(person, "GET", f"/api/v1/conversations/{chat}")
    assert status == 200
    return dict(answer)


async def test_edit_makes_a_version_that_both_tabs_see_and_the_endpoint_gets(
    site: Server, upstream: Upstream
) -> None:
    alice, about = site.database.add_person("alice"), f"About {uuid4()}"
    async with client(site, alice) as laptop, client(site, alice) as phone:
        one = await laptop.send("One", SHORT)
        await laptop.end(one["reply"])
        two = await laptop.send(about, conversation=one["conversation"], parent=one["reply"])
        await laptop.end(two["reply"])
        other = await edit(laptop, two["message"], f"{about}, or not")
        for page in (laptop, phone):
            new = await told(page, "created", other["message"])
            assert (new["parent"], new["text"]) == (one["reply"], f"{about}, or not")
        await phone.follow(other["reply"])
        assert await laptop.end(other["reply"]) == await phone.end(other["reply"])
        await shows(phone, other["reply"])
    answer = expected_text(SHORT)
    assert asked(upstream, about) == [["One", answer, about], ["One", answer, f"{about}, or not"]]
    messages = tree(site, alice, one["conversation"])["messages"]
    assert [message["parent"] for message in messages] == [
        None, one["message"], one["reply"], two["message"], one["reply"], other["message"],
    ]  # fmt: skip


async def test_edit_of_what_waits_is_what_the_endpoint_gets(
    site: Server, upstream: Upstream
) -> None:
    alice, about = site.database.add_person("alice"), f"Edited {uuid4()}"
    async with client(site, alice) as page, client(site, alice) as phone:
        one = await page.send("One", HALF)
        two = await page.send("Twoo", SHORT, conversation=one["conversation"], parent=one["reply"])
        three = await page.send(
            "Three", SHORT, conversation=one["conversation"], parent=two["reply"]
        )
        await phone.follow(two["reply"])
        await phone.get("status", reply=two["reply"])
        edited = await edit(page, two["message"], about, ENDLESS)
        assert {**edited, "id": None} == {**two, "id": None}
        assert (await told(phone, "updated", two["message"]))["text"] == about
        await phone.get("status", reply=two["reply"], model=f"openai/{ENDLESS}", status="queued")
        await edit(page, two["message"], about, SHORT)
        await page.say("stop", reply=one["reply"])
        for reply in (two["reply"], three["reply"]):
            assert (await page.end(reply))[0]["status"] == "complete"
        assert (await phone.end(two["reply"]))[1] == expected_text(SHORT)
        half = page.shown[one["reply"]].text
    first, second = asked(upstream, about)
    assert first == ["One", half, about]
    assert second == ["One", half, about, expected_text(SHORT), "Three"]
    assert asked(upstream, "Twoo") == []
    assert len(site.database.messages(alice)) == 6


async def test_regenerate_by_another_model_is_a_sibling_and_waits_for_what_runs(
    site: Server, upstream: Upstream
) -> None:
    alice, about = site.database.add_person("alice"), f"Again {uuid4()}"
    async with client(site, alice) as page, client(site, alice) as phone:
        one = await page.send(about, HALF)
        await page.has(one["reply"], 5)
        other = await regenerate(page, one["reply"], SHORT)
        assert (other["message"], other["conversation"]) == (one["message"], one["conversation"])
        await page.get("status", reply=other["reply"], reason="behind", position=1)
        assert (await told(phone, "created", other["reply"]))["parent"] == one["message"]
        await page.say("stop", reply=one["reply"])
        end, text = await page.end(other["reply"])
        assert (end["model"], text) == (f"openai/{SHORT}", expected_text(SHORT))
        assert page.shown[one["reply"]].text != text
        third = await regenerate(page, other["reply"])
        assert (await page.end(third["reply"]))[0]["model"] == f"openai/{SHORT}"
    assert asked(upstream, about) == [[about]] * 3
    assert tree(site, alice, one["conversation"])["conversation"]["model"] == f"openai/{HALF}"


async def test_withdrawn_message_is_gone_in_both_tabs_and_is_never_asked(
    site: Server, upstream: Upstream
) -> None:
    alice, about = site.database.add_person("alice"), f"Never mind {uuid4()}"
    async with client(site, alice) as page, client(site, alice) as phone:
        one = await page.send("One", HALF)
        chat = one["conversation"]
        two = await page.send(about, SHORT, conversation=chat, parent=one["reply"])
        three = await page.send("Three", SHORT, conversation=chat, parent=two["reply"])
        await phone.follow(two["reply"])
        await phone.get("status", reply=two["reply"])
        gone = await withdraw(page, two["message"])
        assert {**gone, "id": None} == {**two, "id": None}
        for tab in (page, phone):
            error = await tab.get("error", reply=two["reply"])
            assert error["code"] == "not_found"
            for uid in (two["message"], two["reply"]):
                assert await told(tab, "deleted", uid) == {"id": uid}
            assert (await told(tab, "updated", three["message"]))["parent"] == one["reply"]
        await page.get("status", reply=three["reply"], position=1)
        await page.say("stop", reply=one["reply"])
        await page.end(three["reply"])
        about_it = [one["type"] for one in page.frames if one.get("reply") == two["reply"]]
        assert about_it[-2:] == ["accepted", "error"]
    assert asked(upstream, about) == []
    assert [row["id"] for row in tree(site, alice, chat)["messages"]] == [
        one["message"], one["reply"], three["message"], three["reply"],
    ]  # fmt: skip


async def test_withdrawn_only_message_takes_its_conversation_along(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        running = [(await page.send(f"Number {n}", HALF))["reply"] for n in range(3)]
        for reply in running:
            await page.has(reply, 5)
        waiting = await page.send("Wait", SHORT)
        key = str(uuid4())
        gone = await page.ask("accepted", "withdraw", id=key, message=waiting["message"])
        deleted = await page.get("conversation", event="deleted")
        assert deleted["conversation"] == {"id": waiting["conversation"]}
        await page.get("error", reply=waiting["reply"], code="not_found")
        mark = len(page.frames)
        assert await page.ask("accepted", "withdraw", id=key, message=waiting["message"]) == gone
        await page.sync()
        assert [frame["type"] for frame in page.frames[mark:]] == ["accepted", "pong"]
        error = await page.refused("withdraw", id=str(uuid4()), message=waiting["message"])
        assert error["code"] == "not_found"
        for reply in running:
            await page.say("stop", reply=reply)
            await page.end(reply)
    assert len(site.database.messages(alice)) == 6


async def test_repeated_request_on_a_new_connection_is_answered_the_same_and_follows(
    site: Server,
) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        one = await page.send("One", SHORT)
        await page.end(one["reply"])
        requests = [
            ("edit", {"id": str(uuid4()), "message": one["message"], "text": "Eins"}),
            ("regenerate", {"id": str(uuid4()), "reply": one["reply"]}),
        ]
        answers = [await page.ask("accepted", kind, **fields) for kind, fields in requests]
        ends = [await page.end(answer["reply"]) for answer in answers]
    async with client(site, alice) as page:
        for (kind, fields), answer, end in zip(requests, answers, ends, strict=True):
            assert await page.ask("accepted", kind, **fields) == answer
            assert await page.end(answer["reply"]) == end
            error = await page.refused(kind, **fields | {"model": f"openai/{ENDLESS}"})
            assert (error["code"], error["field"]) == ("id_reused", "id")
    assert len(site.database.messages(alice)) == 5


async def test_what_a_tab_missed_is_healed_by_changes(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        async with client(site, alice) as phone:
            one = await page.send("One", HALF)
            chat = one["conversation"]
            two = await page.send("Two", SHORT, conversation=chat, parent=one["reply"])
            three = await page.send("Three", SHORT, conversation=chat, parent=two["reply"])
            await shows(phone, three["reply"])
            known = {row["id"]: row for frame in phone.of("message") if (row := frame["message"])}
            seq = phone.changes[-1]["seq"]
        await withdraw(page, two["message"])
        await edit(page, three["message"], "Drei")
        await page.say("stop", reply=one["reply"])
        await page.end(three["reply"])
        other = await regenerate(page, three["reply"])
        await page.end(other["reply"])
        await edit(page, one["message"], "Eins", SHORT)
        await page.until(lambda: len(page.of("end")) >= 4 or None)
        await page.sync()
    status, changes = site.ask(alice, "GET", f"/api/v1/changes?since={seq}")
    assert (status, changes["reset"]) == (200, False)
    known |= {row["id"]: row for row in changes["messages"]}
    for uid in changes["deleted"]["messages"]:
        known.pop(uid, None)
    fresh = tree(site, alice, chat)
    texts = ("text", "reasoning")  # of replies: a change never carries them
    for row in fresh["messages"]:
        if row["role"] == "assistant":
            for name in texts:
                row.pop(name, None)
    assert known == {row["id"]: row for row in fresh["messages"]}
    assert [row for row in changes["conversations"] if row["id"] == chat] == [fresh["conversation"]]


async def test_only_messages_may_be_large_and_none_may_be_empty(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        one = await page.send("One", SHORT)
        await page.end(one["reply"])
        long = "word " * 20_000
        other = await edit(page, one["message"], long)
        await page.end(other["reply"])
        key = str(uuid4())
        for kind, fields in (
            ("regenerate", {"reply": one["reply"]}),
            ("withdraw", {"message": one["message"]}),
        ):
            error = await page.refused(kind, id=key, **fields, model=long)
            assert error["code"] == "too_large"
        error = await page.refused("edit", id=key, message=one["message"], text=" \n")
        assert (error["code"], error["field"]) == ("bad_field", "text")
    assert len(site.database.messages(alice)) == 4


async def test_revisions_count_as_frames(make_server: Any) -> None:
    site: Server = make_server(FRAMES_PER_MINUTE="3")
    site.start()
    alice = site.database.add_person("alice")
    async with socket(site, alice) as connection:
        for kind in ("edit", "regenerate", "withdraw", "edit"):
            about = "reply" if kind == "regenerate" else "message"
            frame = {"type": kind, "id": str(uuid4()), about: str(uuid4())}
            if kind == "edit":
                frame["text"] = "Hello"
            await connection.send(json.dumps(frame))
        codes: list[str] = []
        while len(codes) < 4:
            said = json.loads(await connection.recv())
            if said["type"] == "error":
                codes.append(said["code"])
    assert codes == ["not_found"] * 3 + ["rate_limited"]
