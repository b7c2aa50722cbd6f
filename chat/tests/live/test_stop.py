"""Stop: from anywhere, any number of times, and the endpoint is let go at once."""

from __future__ import annotations

from uuid import uuid4

import pytest

from chat.tests.live.client import Client, client, eventually
from chat.tests.live.server import ENDLESS, HALF, SHORT, SILENT, Server, Upstream
from fake_endpoint import expected_text

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
        await page.say("stop", reply=reply)
        end, text = await page.end(reply)
        assert end["status"] == "stopped"
        assert end["error"] is None
        assert text.startswith(shown)
        assert expected_text(ENDLESS).startswith(text)
    await eventually(lambda: upstream.requests(about)[0]["closed_by_client"])
    assert len(upstream.requests(about)) == 1
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
    await eventually(lambda: upstream.requests(about)[0]["closed_by_client"])
    assert len(upstream.requests(about)) == 1


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


async def test_deactivating_or_deleting_a_user_leaves_nothing_running(
    site: Server, upstream: Upstream
) -> None:
    """By whatever process and way: here rows are changed from a shell."""
    alice, bob = site.database.add_person("alice"), site.database.add_person("bob")
    hers, his = f"Hers {uuid4()}", f"His {uuid4()}"
    async with client(site, alice) as page, client(site, bob) as other:
        sent = await page.send(hers, ENDLESS)
        reply = sent["reply"]
        behind = await page.send(
            "Behind it", SHORT, conversation=sent["conversation"], parent=reply
        )
        await other.has((await other.send(his, ENDLESS))["reply"], 5)
        shown = await page.has(reply, 20)
        site.manage(
            "shell",
            "-c",
            "from django.contrib.auth.models import User\n"
            f"User.objects.filter(pk={alice.id}).update(is_active=False)\n"
            f"User.objects.get(pk={bob.id}).delete()\n",
        )
        assert await page.closed(5) == 4401
        await eventually(
            lambda: not any(upstream.requests(about)[0]["open"] for about in (hers, his))
        )
        await eventually(lambda: site.database.reply(reply)["status"] == "stopped")
    row = site.database.reply(reply)
    assert row["text"].startswith(shown)
    assert expected_text(ENDLESS).startswith(row["text"])
    assert site.database.reply(behind["reply"])["status"] == "stopped"
    assert site.database.messages(bob) == []
    site.database.change("UPDATE auth_user SET is_active = 1 WHERE id = ?", alice.id)
    async with client(site, site.database.log_in(alice)) as page:
        assert (await page.end((await page.send("Again", SHORT))["reply"]))[0][
            "status"
        ] == "complete"
