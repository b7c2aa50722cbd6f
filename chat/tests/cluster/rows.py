"""The database of several processes as a test sees it: people are put in, rows are read."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from chat.tests.live.database import Database, Person
from chat.tests.postgres import Postgres

if TYPE_CHECKING:
    from chat.tests.cluster.cluster import Node

_numbers = itertools.count(1)

PATIENCE = 30


class Rows(Database):
    """A database of the tests' Postgres; each call opens and closes a connection of its own."""

    def __init__(self, postgres: Postgres, name: str) -> None:
        super().__init__(Path(name))
        self.name = name
        self.url = postgres.url(name)

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """The rows of one statement; a database that is away is waited for."""
        query = sql.replace("%", "%%").replace("?", "%s") if values else sql
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with psycopg.connect(self.url, autocommit=True) as connection:
                    cursor = connection.execute(query.encode(), values or None)
                    if cursor.description is None:
                        return []
                    names = [column.name for column in cursor.description]
                    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def change(self, sql: str, *values: object) -> int:
        self.rows(sql, *values)
        return 0

    def number(self, sql: str, *values: object) -> int:
        """The one number that a statement gives."""
        ((value,),) = (row.values() for row in self.rows(sql, *values))
        return int(value)

    def connections(self) -> dict[str, int]:
        """Number of connections of each process, by `host:pid`."""
        found = self.rows(
            "SELECT split_part(application_name, ' ', 2) AS process, count(*) AS number"
            " FROM pg_stat_activity WHERE datname = ? AND application_name LIKE 'parley %'"
            " GROUP BY 1",
            self.name,
        )
        return {row["process"]: row["number"] for row in found}

    @contextmanager
    def locked(self, table: str, where: str, *values: object) -> Iterator[None]:
        """These rows are locked, as by a process that is in the middle of its work."""
        query = f"SELECT 1 FROM {table} WHERE {where.replace('?', '%s')} FOR NO KEY UPDATE"
        with psycopg.connect(self.url) as connection:
            assert connection.execute(query.encode(), values).fetchall()
            yield
            connection.rollback()

    def waiting(self) -> int:
        """Number of statements that wait for a lock."""
        return self.number(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = ? AND wait_event_type = 'Lock'",
            self.name,
        )

    def waits(self, node: Node) -> bool:
        """True if this process waits for a lock."""
        query = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE application_name ~ ? AND wait_event_type = 'Lock'"
        )
        return self.number(query, rf"^parley \S+:{node.pid}\M") > 0

    def messages_of(self, conversations: list[str]) -> list[dict[str, Any]]:
        return self.rows(
            "SELECT message.* FROM chat_message AS message"
            " JOIN chat_conversation AS it ON it.id = message.conversation_id"
            " WHERE it.uid = ANY(?::uuid[]) ORDER BY message.id",
            conversations,
        )

    def all_of(self, reply: str) -> list[dict[str, Any]]:
        """Everything that is stored of a reply: its row, its attempts, its parts."""
        row = self.reply(reply)
        attempts = "SELECT * FROM chat_attempt WHERE reply_id = ? ORDER BY number"
        parts = "SELECT * FROM chat_part WHERE reply_id = ? ORDER BY attempt, at"
        return [row, *self.rows(attempts, row["id"]), *self.rows(parts, row["id"])]

    def unfinished(self, conversations: list[str]) -> list[dict[str, Any]]:
        messages = self.messages_of(conversations)
        return [row for row in messages if row["role"] == "assistant" and row["ended"] is None]

    def parts_of(self, conversations: list[str]) -> int:
        """Number of stored parts of growing text."""
        replies = [row["id"] for row in self.messages_of(conversations)]
        return self.number("SELECT count(*) FROM chat_part WHERE reply_id = ANY(?)", replies)

    def add_person(
        self, name: str, *, password: str = "", staff: bool = False, superuser: bool = False
    ) -> Person:
        name = f"{name}{next(_numbers)}"
        hashed = PBKDF2PasswordHasher().encode(password, "salt", 1) if password else "!"
        pk = self.number(
            "INSERT INTO auth_user (password, is_superuser, username, first_name, last_name,"
            " email, is_staff, is_active, date_joined)"
            " VALUES (?, ?, ?, '', '', '', ?, true, now()) RETURNING id",
            hashed,
            superuser,
            name,
            staff,
        )
        return self.log_in(Person(pk, name, ""))
