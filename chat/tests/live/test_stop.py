"""Stop: from anywhere, any number of times, and the endpoint is let go at once."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest

from bench.upstream import expected_text
from chat.tests.live.client import Client, client, eventually
from chat.tests.live.server import ENDLESS, HALF, SHORT, SILENT, Server, Upstream

pytestmark = pytest.mark.asyncio


async def _stop(page: Client, reply: str) -> dict[str, object]:
    mark = len(page.frames)
    await page.say("stop", reply=reply)
    return await page.get("end", after=mark, reply=reply)


async def test_stop_keeps_the_text_and_closes_the_upstream(
    site: Server, upstream: Upstream
) -> None:
    alice, about = site.database.add_person("alice"), f"Go on {uuid4()}"
    async with client(site, alice) as page:
        reply = (await page.send(about, ENDLESS))["reply"]
        shown = await page.has(reply, 20)
        stopped = time.monotonic()  # the same clock in all processes
        await page.say("stop", reply=reply)
        end, text = await page.end(reply)
        assert end["status"] == "stopped"
        assert end["error"] is None
        assert text.startswith(shown)
        assert expected_text(ENDLESS).startswith(text)
    (request,) = upstream.requests(about)
    assert not request["open"]
    assert request["closed_by_client"] - stopped < 1
    row = site.database.reply(reply)
    assert (row["status"], row["text"]) == ("stopped", text)


async def test_stop_before_the_first_token(site: Server, upstream: Upstream) -> None:
    alice, about = site.database.add_person("alice"), f"Nothing {uuid4()}"
    async with client(site, alice) as page:
        reply = (await page.send(about, SILENT))["reply"]
        await page.get("status", reply=reply, status="running")
        await eventually(lambda: upstream.requests(about))
        end = await _stop(page, reply)
        assert (end["status"], end["length"]) == ("stopped", 0)
    (request,) = upstream.requests(about)
    assert request["closed_by_client"] is not None


async def test_stop_right_after_accepted(site: Server) -> None:
    """Before, while or after it is claimed: it always ends, and as stopped."""
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        for _ in range(8):
            reply = (await page.send("Go on", HALF))["reply"]
            assert (await _stop(page, reply))["status"] == "stopped"
        assert {row["status"] for row in site.database.messages(alice)} == {"", "stopped"}


async def test_stop_from_another_socket_ends_it_on_both(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as laptop, client(site, alice) as phone:
        reply = (await laptop.send("Go on", ENDLESS))["reply"]
        await laptop.has(reply, 20)
        end = await _stop(phone, reply)  # which follows nothing
        assert (await laptop.end(reply))[0] == end
        assert [frame["type"] for frame in phone.frames if frame.get("reply") == reply] == ["end"]


async def test_stop_repeated_is_answered_the_same(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as laptop, client(site, alice) as phone:
        reply = (await laptop.send("Go on", ENDLESS))["reply"]
        await laptop.has(reply, 20)
        for page in (laptop, phone, laptop, phone, laptop):
            await page.say("stop", reply=reply)
        end, _ = await laptop.end(reply)
        counter = site.database.counter(alice)
        for page in (phone, laptop, phone):
            assert await _stop(page, reply) == end
        assert {str(frame) for page in (laptop, phone) for frame in page.of("end")} == {str(end)}
        assert laptop.of("error") == phone.of("error") == []
        assert site.database.counter(alice) == counter


async def test_stop_after_the_end_answers_that_end(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        reply = (await page.send("Say it", SHORT))["reply"]
        end, _ = await page.end(reply)
        assert end["status"] == "complete"
        assert await _stop(page, reply) == end


async def test_stop_of_a_queued_reply_ends_it_and_not_the_one_before(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        first = await page.send("One", HALF)
        second = await page.send(
            "Two", SHORT, conversation=first["conversation"], parent=first["reply"]
        )
        end = await _stop(page, second["reply"])
        assert (end["status"], end["attempt"], end["length"]) == ("stopped", 0, 0)
        await page.sync()
        assert page.shown[first["reply"]].end is None
        assert (await _stop(page, first["reply"]))["status"] == "stopped"
