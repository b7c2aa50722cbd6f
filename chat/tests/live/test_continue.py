"""*Retry* and *Continue*: one more attempt of the same reply, on the text it has."""

from __future__ import annotations

from uuid import uuid4

import pytest

from chat.tests.live.client import client, eventually
from chat.tests.live.server import ENDLESS, SHORT, SLOW, Server, Upstream
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio


async def test_continue_of_a_stopped_reply_adds_the_rest(site: Server, upstream: Upstream) -> None:
    alice, about = site.database.add_person("alice"), f"Go on {uuid4()}"
    async with client(site, alice) as page:
        first = await page.send(about, SLOW)
        reply = first["reply"]
        await page.has(reply, 40)
        await page.say("stop", reply=reply)
        stopped, kept = await page.end(reply)
        accepted = await page.go_on(reply)
        assert accepted["message"] == first["message"]
        assert accepted["conversation"] == first["conversation"]
        end, text = await page.end(reply)
        assert (end["status"], end["attempt"]) == ("complete", 2)
        assert stopped["attempt"] == 1
        # With what was kept, and perhaps some of what came since.
        assert page.shown[reply].snapshots[-1]["text"].startswith(kept)
    assert text == expected_text(SLOW)
    # An endpoint that continues no prefix is asked to go on.
    *_, half, ask = upstream.requests(about)[1]["body"]["messages"]
    assert half == {"role": "assistant", "content": kept}
    assert (ask["role"], ask["content"].startswith("Continue")) == ("user", True)
    assert len(site.database.messages(alice)) == 2


async def test_second_socket_hears_of_the_next_attempt(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as laptop, client(site, alice) as phone:
        reply = (await laptop.send("Tell me", ENDLESS))["reply"]
        await phone.follow(reply)
        await phone.has(reply, 20)
        await laptop.say("stop", reply=reply)
        await laptop.end(reply)
        _, kept = await phone.end(reply)
        mark = len(phone.frames)
        await laptop.go_on(reply, SHORT)
        told = await phone.get("message", after=mark, event="updated")
        assert told["message"]["id"] == reply
        assert told["message"]["status"] == "running"  # nothing was in its way
        shown = phone.shown[reply]
        shown.end = None
        await phone.say("follow", reply=reply, **shown.position)
        mine, his = await laptop.end(reply), await phone.end(reply)
        assert mine == his
        assert mine[1].startswith(kept)
        assert mine[0]["model"] == f"openai/{SHORT}"


async def test_repeated_continue_is_one_attempt(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        reply = (await page.send("Fail", "status?code=500"))["reply"]
        await page.end(reply)
        key = str(uuid4())
        first = await page.ask("accepted", "continue", id=key, reply=reply)
        assert await page.ask("accepted", "continue", id=key, reply=reply) == first
        await eventually(lambda: site.database.reply(reply)["status"] == "failed")
        assert await page.ask("accepted", "continue", id=key, reply=reply) == first
        await page.sync()
        assert site.database.reply(reply)["attempt"] == 2


async def test_reply_cut_at_its_length_can_go_on(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        reply = (await page.send("Tell me", "ends?reason=length"))["reply"]
        end, kept = await page.end(reply)
        assert (end["status"], end["finish_reason"]) == ("complete", "length")
        await page.go_on(reply, SHORT)
        end, text = await page.end(reply)
        assert end["attempt"] == 2
        assert text == kept + expected_text(SHORT)


async def test_continue_that_fails_keeps_the_text(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        reply = (await page.send("Tell me", "no-finish"))["reply"]
        _, kept = await page.end(reply)
        await page.go_on(reply, "status?code=500")
        end, text = await page.end(reply)
        assert (end["status"], end["error"]["code"]) == ("interrupted", "upstream_error")
        assert text == kept


async def test_only_an_end_that_can_go_on_may_go_on(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:

        async def refused(reply: str) -> bool:
            error = await page.refused("continue", id=str(uuid4()), reply=reply)
            return str(error["code"]) == "not_allowed"

        complete = await page.send("One", SHORT)
        await page.end(complete["reply"])
        assert await refused(complete["reply"])
        running = (await page.send("Two", ENDLESS))["reply"]
        assert await refused(running)
        await page.has(running, 5)
        assert await refused(running)
        await page.say("stop", reply=running)
        await page.end(running)
        failed = await page.send("Three", "status?code=500")
        await page.end(failed["reply"])
        child = await page.send(
            "Never mind", SHORT, conversation=failed["conversation"], parent=failed["reply"]
        )
        await page.end(child["reply"])
        assert await refused(failed["reply"])  # it has been gone on from
        counter = site.database.counter(alice)
        assert await refused(complete["reply"])
        assert site.database.counter(alice) == counter


async def test_message_can_only_follow_a_reply_of_its_conversation(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        one, two = await page.send("One", SHORT), await page.send("Two", SHORT)
        for sent in (one, two):
            await page.end(sent["reply"])
        counter = site.database.counter(alice)
        wrong = [
            (one["conversation"], one["message"], "not_allowed"),
            (None, one["reply"], "not_allowed"),
            (one["conversation"], two["reply"], "not_found"),
            (one["conversation"], str(uuid4()), "not_found"),
            (str(uuid4()), None, "not_found"),
        ]
        for chat, parent, code in wrong:
            error = await page.refused(
                "send", id=str(uuid4()), conversation=chat, parent=parent, text="Hello"
            )
            assert error["code"] == code
        assert site.database.counter(alice) == counter


async def test_continue_at_once_is_never_answered_by_the_end_before(site: Server) -> None:
    """The producer of the attempt before may still be leaving when the next one is asked for."""
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        reply = (await page.send("Tell me", "no-finish"))["reply"]
        for attempt in range(1, 30):
            end, _ = await page.end(reply)
            assert (end["attempt"], end["status"]) == (attempt, "interrupted")
            await page.go_on(reply)
        await page.end(reply)
