"""A file that SQLite cannot use is told in one sentence, by all that would start on it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from chat.database.sqlite_file import Unusable, check_file
from chat.tests.live.server import ROOT, free_port
from chatproject.database_connection import sqlite_options


def test_file_that_is_new_in_use_or_locked_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "parley.sqlite3"
    check_file(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        check_file(path)
        other.execute("BEGIN IMMEDIATE")
        check_file(path)
    check_file(Path(":memory:"))
    check_file(Path("file:memory?mode=memory"))


def test_place_that_cannot_be_written_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "folder.sqlite3").mkdir()
    (tmp_path / "other.sqlite3").write_bytes(b"no database at all" * 100)
    reasons = {
        tmp_path / "missing" / "parley.sqlite3": "No such file or directory",
        tmp_path / "file" / "parley.sqlite3": "Not a directory",
        Path("/proc/parley.sqlite3"): "",
        tmp_path / "folder.sqlite3": "unable to open database file",
        tmp_path / "other.sqlite3": "file is not a database",
    }
    for path, reason in reasons.items():
        with pytest.raises(Unusable) as refused:
            check_file(path)
        said = str(refused.value)
        assert reason in said
        assert str(path.parent) in said
        assert "DATABASE_URL" in said
        assert "\n" not in said


def test_right_to_read_alone_is_not_enough(tmp_path: Path) -> None:
    """A folder, then a file, that this user may not write in."""
    path = tmp_path / "parley.sqlite3"
    sqlite3.connect(path).close()
    path.write_bytes(b"")
    for mode, of_folder, named in ((0o644, 0o555, str(tmp_path)), (0o444, 0o777, str(path))):
        path.chmod(mode)
        tmp_path.chmod(of_folder)
        assert f" {named} " in _refused_as_nobody(path)


def _refused_as_nobody(path: Path) -> str:
    """The words of `check_file` to a user that permissions bind, unlike root."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = b""
        try:
            if os.geteuid() == 0:
                # The folders above are this user's alone.
                os.chdir(path.parent)
                os.setuid(65534)
            check_file(Path(path.name) if os.getcwd() == str(path.parent) else path)
        except Unusable as refused:
            said = str(refused).encode()
        finally:
            os.write(writing, said)
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as answer:
        told = answer.read()
    return told.replace(" . ", f" {path.parent} ").replace(f" {path.name} ", f" {path} ")


LIFESPAN = """
import asyncio
from chatproject.asgi import application

async def receive():
    return {"type": "lifespan.startup"}

async def send(message):
    raise RuntimeError(message)  # as hypercorn does

asyncio.run(application({"type": "lifespan"}, receive, send))
"""
"""A start as other servers than daphne do it."""


@pytest.mark.parametrize(
    "command",
    [
        ["manage.py", "migrate"],
        ["-m", "launcher.run"],
        [
            "-m",
            "daphne",
            "-v",
            "0",
            "-b",
            "127.0.0.1",
            "-p",
            "PORT",
            "chatproject.asgi:application",
        ],
        ["-c", LIFESPAN],
    ],
    ids=["migrate", "run", "daphne", "lifespan"],
)
def test_start_on_a_missing_folder_ends_with_one_sentence(
    command: list[str], tmp_path: Path
) -> None:
    port = str(free_port())
    done = subprocess.run(
        [sys.executable, *(port if word == "PORT" else word for word in command)],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": f"sqlite:///{tmp_path}/missing/parley.sqlite3",
            "HOST": "127.0.0.1",
            "PORT": port,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert f"SQLite cannot write in the folder {tmp_path}/missing (No such file" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(("synchronous", "level"), [("normal", 1), ("full", 2)])
def test_commits_wait_for_the_disk_as_the_setting_says(
    synchronous: str, level: int, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "parley.sqlite3")) as opened:
        opened.executescript(sqlite_options(synchronous)["init_command"])
        assert opened.execute("PRAGMA synchronous").fetchone() == (level,)
        assert opened.execute("PRAGMA journal_mode").fetchone() == ("wal",)
