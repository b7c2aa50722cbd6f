"""A small disk of its own for a server's database, which can be full or read-only."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from chat.tests.live.conftest import MakeServer
from chat.tests.live.database import Database
from chat.tests.live.server import Server

DISK_BYTES = 8 * 1024 * 1024
FULL = "The disk of the server's database is full"


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
