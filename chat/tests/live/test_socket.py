"""Frames about replies and conversations of a client."""

from __future__ import annotations

import hashlib
from uuid import uuid4

import pytest

from chat.tests.live.client import Shown, client
from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import SHORT, SILENT, SLOW, THOUGHTS, Server
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio


async def test_deltas_join_to_the_stored_text(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        accepted = await page.send("Say something", SHORT)
        end, text = await page.end(accepted["reply"])
    row = site.database.reply(accepted["reply"])
    assert text == expected_text(SHORT) == row["text"]
    assert any(ord(character) > 0xFFFF for character in text)  # counted once, not as two
    assert end["status"] == row["status"] == "complete"
    assert end["finish_reason"] == "stop"
    assert end["length"] == row["length"] == len(text)
    assert end["sha256"] == row["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert end["usage"]["completion_tokens"] == 40
    assert end["model"] == f"openai/{SHORT}"
    assert 0 <= end["timing"]["first_token_ms"] <= end["timing"]["total_ms"]
    assert site.database.rows("SELECT * FROM chat_part WHERE reply_id = ?", row["id"]) == []


async def test_accepted_comes_before_all_else_about_its_reply(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        replies = [(await page.send(f"Number {n}", SHORT))["reply"] for n in range(4)]
        for reply in replies:
            await page.end(reply)
        for reply in replies:
            about = [frame for frame in page.frames if reply in str(frame)]
            assert about[0]["type"] == "accepted"
            assert about[-1]["type"] in ("end", "message", "conversation")


async def test_thoughts_travel_on_their_own_track(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        reply = (await page.send("Think", THOUGHTS))["reply"]
        end, text = await page.end(reply)
        assert text == "Hello, wörld 👍"
        assert page.shown[reply].reasoning == "Let me see."
        assert end["reasoning_length"] == 11
    assert site.database.reply(reply)["reasoning"] == "Let me see."


async def test_surrogates_of_an_endpoint_are_joined_or_replaced(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        _, text = await page.end((await page.send("Odd", "surrogates"))["reply"])
    assert text == "Hello, wörld 👍\ufffd\ufffd"


async def test_second_socket_joins_in_mid_reply(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as laptop, client(site, alice) as phone:
        reply = (await laptop.send("Tell me", SLOW))["reply"]
        await laptop.has(reply, 50)
        await phone.follow(reply)
        await phone.has(reply, 100)
        assert (await laptop.end(reply))[1] == (await phone.end(reply))[1] == expected_text(SLOW)
        assert len(phone.shown[reply].snapshots) == 1


async def test_position_is_where_reading_goes_on(site: Server) -> None:
    """From any position, also in the middle of a grapheme, and also ahead of what is known."""
    alice = site.database.add_person("alice")
    async with client(site, alice) as laptop, client(site, alice) as phone:
        reply = (await laptop.send("Tell me", SLOW))["reply"]
        whole = expected_text(SLOW)
        await laptop.has(reply, 30)
        for length in (0, 1, 17, 29, len(whole) - 3):
            await phone.follow(reply, Shown(1, whole[:length]))
            await phone.sync()
            if length < len(whole) - 3:  # else what is still on its way looks like a repetition
                await phone.say("unfollow", reply=reply)
                await phone.sync()
        assert phone.shown[reply].snapshots == []
        assert (await phone.end(reply))[1] == whole
        await laptop.end(reply)
        for length in (0, 1, 50, len(whole)):  # and after the end
            await phone.follow(reply, Shown(1, whole[:length]))
            assert (await phone.end(reply))[1] == whole


async def test_other_attempt_gets_a_snapshot(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        reply = (await page.send("Tell me", SHORT))["reply"]
        await page.end(reply)
        page.shown[reply] = Shown()
        await page.say("follow", reply=reply, attempt=7, text=3, reasoning=0)
        assert (await page.end(reply))[1] == expected_text(SHORT)
        assert page.shown[reply].snapshots[0]["attempt"] == 1


async def test_unfollow_ends_the_deltas_and_follow_goes_on(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        reply = (await page.send("Tell me", SLOW))["reply"]
        await page.has(reply, 20)
        await page.say("unfollow", reply=reply)
        await page.sync()
        known = page.shown[reply]
        length = len(known.text)
        await page.get("message", after=len(page.frames))  # the end, told as a change
        assert len(page.shown[reply].text) == length
        await page.follow(reply, known)
        assert (await page.end(reply))[1] == expected_text(SLOW)


async def test_leaving_does_not_stop_a_reply(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        reply = (await page.send("Tell me", SLOW))["reply"]
        await page.has(reply, 10)
    async with client(site, alice) as page:
        await page.follow(reply)
        end, text = await page.end(reply)
    assert (end["status"], text) == ("complete", expected_text(SLOW))
    assert end["attempt"] == 1


async def test_repeated_send_is_accepted_again_and_stored_once(site: Server) -> None:
    alice = site.database.add_person("alice")
    key = str(uuid4())
    async with client(site, alice) as page:
        first = await page.send("Once", SHORT, id=key)
        again = await page.send("Once", SHORT, id=key)
        assert again == first
        await page.end(first["reply"])
    async with client(site, alice) as page:  # also from elsewhere and after the end
        assert await page.send("Once", SHORT, id=key) == first
        assert (await page.end(first["reply"]))[1] == expected_text(SHORT)
    assert len(site.database.messages(alice)) == 2


async def test_id_with_another_body_is_refused(site: Server) -> None:
    alice = site.database.add_person("alice")
    key = str(uuid4())
    async with client(site, alice) as page:
        accepted = await page.send("This", SHORT, id=key)
        error = await page.refused("send", id=key, conversation=None, parent=None, text="That")
        assert (error["code"], error["field"]) == ("id_reused", "id")
        error = await page.refused("continue", id=key, reply=accepted["reply"])
        assert error["code"] == "id_reused"
    assert len(site.database.messages(alice)) == 2


async def test_ids_are_each_users_own(site: Server) -> None:
    alice, bob = site.database.add_person("alice"), site.database.add_person("bob")
    key = str(uuid4())
    async with client(site, alice) as hers, client(site, bob) as his:
        first = await hers.send("Mine", SHORT, id=key)
        second = await his.send("Mine too", SHORT, id=key)
    assert first["reply"] != second["reply"]


async def test_changes_are_numbered_without_a_gap(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as laptop, client(site, alice) as phone:
        first = await laptop.send("One", SHORT)
        await laptop.end(first["reply"])
        second = await laptop.send(
            "Two", SHORT, conversation=first["conversation"], parent=first["reply"]
        )
        await laptop.end(second["reply"])
        last = site.database.counter(alice)
        for page in (laptop, phone):
            await page.until(lambda page=page: page.changes[-1]["seq"] == last or None)  # type: ignore[misc]
            assert [frame["seq"] for frame in page.changes] == list(range(1, last + 1))
        assert laptop.changes == phone.changes
    told = {str(frame): frame for frame in laptop.changes}.values()
    for since in range(last + 1):
        status, found = site.ask(alice, "GET", f"/api/v1/changes?since={since}")
        assert (status, found["seq"], found["reset"]) == (200, last, False)
        for kind in ("message", "conversation"):
            newest = {
                frame[kind]["id"]: frame[kind]
                for frame in told
                if frame["type"] == kind and frame["seq"] > since
            }
            assert {thing["id"]: thing for thing in found[f"{kind}s"]} == newest


async def test_no_frame_carries_the_text_of_a_reply_in_an_object(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        await page.end((await page.send("Tell me", SHORT))["reply"])
        objects = [frame["message"] for frame in page.of("message")]
    assert {thing["role"] for thing in objects} == {"user", "assistant"}
    assert all(("text" in thing) == (thing["role"] == "user") for thing in objects)


async def test_silence_is_broken_by_a_ping(make_server: MakeServer) -> None:
    server = make_server(SILENCE_SECONDS="3")
    server.start()
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        await page.send("Hang", SILENT)
        await page.get("status", status="running")
        ping = await page.get("ping")
        assert ping["seq"] == server.database.counter(alice)
