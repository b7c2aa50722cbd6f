"""A disk that is full, faulty or read-only: told by replies, monitors and starts."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import openai
import pytest
from openai import AsyncOpenAI

from chat.tests.live.client import client, eventually
from chat.tests.live.conftest import MakeServer
from chat.tests.live.disk import FULL, Disk, disk, missing, on_disk
from chat.tests.live.http_client import NDJSON, SSE, events
from chat.tests.live.server import ENDLESS, ROOT, SHORT, SLOW, Server, free_port
from fake_endpoint import expected_text

__all__ = ["disk", "on_disk"]

FAULTY = "The disk of the server's database has a fault"


@pytest.mark.asyncio
async def test_reply_on_a_full_disk_says_so_to_all_until_there_is_room(
    on_disk: Server, disk: Disk
) -> None:
    alice, whole = on_disk.database.add_person("alice"), expected_text(SLOW)
    async with client(on_disk, alice) as page, client(on_disk, alice) as later:
        first = await page.send("Tell me", SLOW)
        reply = first["reply"]
        await page.has(reply, 20)
        disk.fill()
        await page.get("status", reply=reply, status="running", reason="storage_full")
        # What comes meanwhile is shown, and its end is not told before it is stored.
        await page.has(reply, len(whole))
        refused = await page.refused(
            "send", id="5f0c9b1e-3a52-4d2f-9a9b-7a1f0f6f1a01", conversation=None, parent=None,
            text="And this?", model=f"openai/{SHORT}",
        )  # fmt: skip
        assert refused["message"].startswith(FULL)
        await later.follow(reply)
        await later.get("status", reply=reply, reason="storage_full")
        sse = events(on_disk, alice, reply, Accept=SSE)
        ndjson = events(on_disk, alice, reply, Accept=NDJSON)
        async with sse as stream, ndjson as lines:
            await stream.get("status", reply=reply, reason="storage_full")
            await lines.get("status", reply=reply, reason="storage_full")
            assert missing(on_disk)["storage"].startswith(FULL)
            assert page.shown[reply].end is stream.shown[reply].end is None
            disk.free()
            for one in (page, later, stream, lines):
                end, text = await one.end(reply)
                assert (end["status"], end["attempt"], text) == ("complete", 1, whole)
        again = await page.send("And now?", SHORT, conversation=first["conversation"], parent=reply)
        assert (await page.end(again["reply"]))[0]["status"] == "complete"
    assert on_disk.database.text(reply) == whole
    assert on_disk.log.count(FULL) == 1
    assert "waits for the database" not in on_disk.log


@pytest.mark.asyncio
async def test_reply_goes_on_in_silence_once_there_is_room(on_disk: Server, disk: Disk) -> None:
    """In the middle of it."""
    alice = on_disk.database.add_person("alice")
    async with client(on_disk, alice) as page:
        reply = (await page.send("Tell me", ENDLESS))["reply"]
        await page.has(reply, 20)
        disk.fill()
        told = await page.get("status", reply=reply, reason="storage_full")
        disk.free()
        await page.get("status", after=page.frames.index(told), reply=reply, reason=None)
        length = len(page.shown[reply].text)
        await eventually(lambda: len(on_disk.database.text(reply)) >= length)
        assert page.shown[reply].end is None
        await page.say("stop", reply=reply)
        end, text = await page.end(reply)
        assert end["status"] == "stopped"
    assert on_disk.database.text(reply) == text


@pytest.mark.asyncio
async def test_call_of_v1_on_a_full_disk_ends_with_an_error_that_says_so(
    on_disk: Server, disk: Disk
) -> None:
    """Waiting or streaming, begun before or after: never with silence, and no text is lost."""
    alice, whole = on_disk.database.add_person("alice"), expected_text(SLOW)
    token = on_disk.database.add_token(alice, "chat")
    async with AsyncOpenAI(base_url=f"{on_disk.origin}/v1", api_key=token, max_retries=0) as sdk:

        async def ask(text: str, **more: Any) -> Any:
            said: Any = [{"role": "user", "content": text}]
            return await sdk.chat.completions.create(model=SLOW, messages=said, **more)

        waiting = asyncio.create_task(ask("Tell me"))
        stream, text = await ask("And me", stream=True), ""
        while len(text) < 20:
            text += (await anext(stream)).choices[0].delta.content or ""
        disk.fill()

        async def read_on() -> None:
            nonlocal text
            async for chunk in stream:
                text += chunk.choices[0].delta.content or ""

        with pytest.raises(openai.APIError) as ended:
            await read_on()
        assert (text, ended.value.code) == (whole, "unavailable")
        assert str(ended.value).startswith(FULL)
        with pytest.raises(openai.InternalServerError, match=FULL) as refused:
            await waiting
        assert (refused.value.status_code, refused.value.code) == (503, "unavailable")
        assert refused.value.response.headers["x-should-retry"] == "false"
        for more in ({}, {"stream": True}):
            with pytest.raises(openai.InternalServerError, match=FULL) as refused:
                await ask("And now?", **more)
            assert (refused.value.status_code, refused.value.code) == (503, "unavailable")
        disk.free()
        replies = [row for row in on_disk.database.messages(alice) if row["role"] == "assistant"]
        uids = [str(UUID(row["uid"])) for row in replies]
        await eventually(
            lambda: {on_disk.database.reply(one)["status"] for one in uids} == {"complete"}
        )
        assert [on_disk.database.text(one) for one in uids] == [whole, whole]
        again = await ask("And now?")
        assert again.choices[0].message.content == whole
    assert on_disk.log.count(FULL) == 1


@contextmanager
def _no_file_grows(server: Server) -> Iterator[None]:
    """Let writes beyond the first part of a file fail."""
    limits = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (64 * 1024, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, limits)


@pytest.mark.asyncio
@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")
async def test_reply_on_a_faulty_disk_says_so_until_it_is_mended(make_server: MakeServer) -> None:
    server = make_server()
    server.start()
    alice, whole = server.database.add_person("alice"), expected_text(SLOW)
    async with client(server, alice) as page:
        reply = (await page.send("Tell me", SLOW))["reply"]
        await page.has(reply, 20)
        with _no_file_grows(server):
            await page.get("status", reply=reply, status="running", reason="storage_fault")
            await page.has(reply, len(whole))
            assert missing(server)["storage"].startswith(FAULTY)
            assert page.shown[reply].end is None
        end, text = await page.end(reply)
        assert (end["status"], end["attempt"], text) == ("complete", 1, whole)
    assert server.log.count(FAULTY) == 1


COMMANDS: dict[str, list[str]] = {
    "migrate": ["manage.py", "migrate"],
    "run": ["-m", "launcher.run"],
    "daphne": ["-m", "daphne", "-b", "127.0.0.1", "-p", "PORT", "chatproject.asgi:application"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("full", "(No space left on device): free some room there"),
        ("read-only", "(Read-only file system): mount it so that it can be written"),
    ],
)
def test_start_on_such_a_disk_ends_with_one_sentence(
    disk: Disk, template: Path, state: str, said: str, command: list[str]
) -> None:
    path = disk.place / "parley.sqlite3"
    shutil.copy(template, path)
    if state == "full":
        disk.fill()
    else:
        disk.allow("ro")
    port = str(free_port())
    own: dict[str, Any] = {"DATABASE_URL": f"sqlite:///{path}", "HOST": "127.0.0.1", "PORT": port}
    done = subprocess.run(
        [sys.executable, *(port if word == "PORT" else word for word in command)],
        cwd=ROOT,
        env=os.environ | own,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    told = done.stdout + done.stderr
    assert done.returncode == 1, told
    assert f"SQLite cannot write in the folder {disk.place} {said}" in told
    assert "Traceback" not in told
