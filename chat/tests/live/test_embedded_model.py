"""The model that comes with Parley, for real: it answers, stops, and goes on after a power cut."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from chat.tests.live.client import Client, client, eventually
from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import ROOT, Server
from launcher.model_server import MODEL, SLOTS, weights

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.model,
    pytest.mark.skipif(weights() is None, reason="The embedded model is not installed."),
]

STORY = "Write a very long story about a lighthouse keeper and her daughter."


@pytest.fixture(scope="module")
def model_url() -> Iterator[str]:
    command = [sys.executable, "-m", "launcher.model_server", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line.startswith(f"{MODEL} on http://127.0.0.1:"), line
            yield line.split()[-1]
        finally:
            process.kill()


@pytest.fixture
def server(make_server: MakeServer, model_url: str) -> Server:
    """A server that offers nothing else."""
    server = make_server(
        upstream_url="", OPENAI_API_KEY="", CHAT_MODEL="", EMBEDDED_MODEL_URL=model_url
    )
    server.start()
    return server


async def test_it_answers_and_is_stopped(server: Server) -> None:
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        reply = (await page.send("Say hello in one short sentence."))["reply"]
        end, text = await page.end(reply)
        assert (end["status"], end["finish_reason"]) == ("complete", "stop")
        assert end["model"] == f"embedded/{MODEL}"
        assert text.strip()
        assert end["usage"]["completion_tokens"] > 1
        assert end["usage"]["estimated"] is False
        reply = (await page.send(STORY))["reply"]
        await page.has(reply, 20)
        await page.say("stop", reply=reply)
        end, text = await page.end(reply)
        assert end["status"] == "stopped"
        assert len(text) >= 20


async def test_it_goes_on_with_the_stored_text_after_a_power_cut(server: Server) -> None:
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        for _ in range(5):  # now and then the model has little to say
            reply = (await page.send(STORY))["reply"]
            await eventually(lambda reply=reply: server.database.text(reply))  # type: ignore[misc]
            if server.database.reply(reply)["status"] == "running":
                break
        server.kill()
    kept = server.database.text(reply)
    assert server.database.reply(reply)["status"] == "running"
    server.start()
    async with client(server, alice) as page:
        await page.follow(reply)
        await page.has(reply, len(kept) + 5)
        await page.say("stop", reply=reply)
        end, text = await page.end(reply)
        assert end["attempt"] == 2
        assert text.startswith(kept)
        assert len(text) > len(kept)
        if end["status"] == "stopped":
            await page.go_on(reply)
            await page.has(reply, len(text) + 5)
            await page.say("stop", reply=reply)
            end, longer = await page.end(reply)
            assert end["attempt"] == 3
            assert longer.startswith(text)
            assert longer[len(text) - 1 : len(text) + 1] != "  "


async def _begun(page: Client) -> str:
    """A story that is being told, with some of it shown."""
    for _ in range(5):  # now and then the model has little to say
        reply = str((await page.send(STORY))["reply"])
        await page.has(reply, 20)
        if page.shown[reply].end is None:
            return reply
    raise AssertionError("The model has no more to say.")


async def test_stop_lets_the_model_go(make_server: MakeServer, model_url: str) -> None:
    """It has so many places; whoever comes next finds one free at once."""
    server = make_server(
        upstream_url="",
        OPENAI_API_KEY="",
        CHAT_MODEL="",
        EMBEDDED_MODEL_URL=model_url,
        RUNNING_REPLIES_PER_USER=str(2 * SLOTS),
    )
    server.start()
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        for _ in range(2):
            replies = [await _begun(page) for _ in range(SLOTS)]
            for reply in replies:
                await page.say("stop", reply=reply)
            for reply in replies:
                await page.end(reply)
        # Thousands of tokens would be in its way if one of those were still being told.
        reply = (await page.send("Say hello in one short sentence."))["reply"]
        end, text = await page.end(reply)
        assert end["status"] == "complete"
        assert text


async def test_continue_joins_without_a_seam(server: Server) -> None:
    """Cut after a word or after the space behind it: one space in between, as without the cut."""
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        sent = await page.send(STORY, settings={"temperature": 0.0, "max_tokens": 50})
        reply = sent["reply"]
        end, whole = await page.end(reply)
        assert (end["status"], end["finish_reason"]) == ("complete", "length")
        row = server.database.reply(reply)["id"]
        spaces = [at for at in range(40, len(whole) - 20) if whole[at] == " "]
        for cut in (*spaces[:3], *(space + 1 for space in spaces[:3])):
            server.database.change(
                "UPDATE chat_message SET text = ? WHERE id = ?", whole[:cut], row
            )
            await page.go_on(reply)
            _, text = await page.end(reply)
            assert text.startswith(whole[:cut])
            assert text[cut - 1 : cut + 1] == whole[cut - 1 : cut + 1]
