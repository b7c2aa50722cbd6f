"""A disk that is full, faulty or read-only: told by replies, monitors and starts."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from chat.tests.live.client import client, eventually
from chat.tests.live.conftest import MakeServer
from chat.tests.live.database import Database
from chat.tests.live.http_client import NDJSON, SSE, events
from chat.tests.live.server import ENDLESS, ROOT, SHORT, SLOW, Server, free_port
from fake_endpoint import expected_text

DISK_BYTES = 8 * 1024 * 1024
FULL = "The disk of the server's database is full"
FAULTY = "The disk of the server's database has a fault"


class Disk:
    """A small disk of its own."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._filler = place / "filler"

    def fill(self) -> None:
        with suppress(OSError), open(self._filler, "ab", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))

    def free(self) -> None:
        self._filler.unlink()

    def allow(self, what: str) -> None:
        """Mount it again: `ro` or `rw`."""
        subprocess.run(["mount", "-o", f"remount,{what}", str(self.place)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "parley-test", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only who may mount can have a disk to fill")
    yield Disk(place)
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def on_disk(disk: Disk, make_server: MakeServer, template: Path) -> Server:
    """A server with its database on that disk, and its log elsewhere."""
    path = disk.place / "parley.sqlite3"
    shutil.copy(template, path)
    server = make_server(DATABASE_URL=f"sqlite:///{path}")
    server.database = Database(path)
    server.start()
    return server


def missing(server: Server) -> dict[str, str]:
    """The problems that `/readyz` names."""
    try:
        with urllib.request.urlopen(f"{server.origin}/readyz", timeout=10) as answer:
            told = json.load(answer)
    except urllib.error.HTTPError as refused:
        told = json.load(refused)
    found: dict[str, str] = told["missing"]
    return found


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
