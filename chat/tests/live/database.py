"""The server's database as a test sees it: people are put in, rows are read."""

from __future__ import annotations

import hashlib
import itertools
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.utils.crypto import get_random_string

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Person:
    """Somebody who is logged in."""

    id: int
    name: str
    session: str
    """The value of the session cookie."""

    @property
    def cookie(self) -> str:
        return f"sessionid={self.session}"


class Database:
    """An SQLite file that a running server uses too; each call opens and closes it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        with self._open() as connection:
            return [dict(row) for row in connection.execute(sql, values)]

    def change(self, sql: str, *values: object) -> int:
        """Run one statement; returns the id of an inserted row."""
        with self._open() as connection:
            return connection.execute(sql, values).lastrowid or 0

    def reply(self, uid: str) -> dict[str, Any]:
        (row,) = self.rows("SELECT * FROM chat_message WHERE uid = ?", UUID(uid).hex)
        return row

    def text(self, uid: str) -> str:
        """The stored text of a reply, also of one that still grows."""
        row = self.reply(uid)
        parts = self.rows(
            "SELECT text FROM chat_part WHERE reply_id = ? AND attempt = ? AND track = 'text'"
            " ORDER BY at",
            row["id"],
            row["attempt"],
        )
        return "".join(part["text"] for part in parts) or str(row["text"])

    def counts_of_calls(self, person: Person) -> list[int]:
        """Numbers of messages in the conversations of a person's programs."""
        sql = (
            "SELECT message_count FROM chat_conversation WHERE owner_id = ? AND source = 'api'"
            " ORDER BY id"
        )
        return [row["message_count"] for row in self.rows(sql, person.id)]

    def messages(self, person: Person) -> list[dict[str, Any]]:
        """All messages of all conversations of a person, oldest first."""
        return self.rows("SELECT * FROM chat_message WHERE user_id = ? ORDER BY id", person.id)

    def counter(self, person: Person) -> int:
        rows = self.rows("SELECT value FROM chat_counter WHERE user_id = ?", person.id)
        return int(rows[0]["value"]) if rows else 0

    @contextmanager
    def being_written(self) -> Iterator[None]:
        """Somebody else writes to the file."""
        connection = sqlite3.connect(self.path, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
        finally:
            connection.close()

    # --- people ---------------------------------------------------------------------------

    def add_person(
        self, name: str, *, password: str = "", staff: bool = False, superuser: bool = False
    ) -> Person:
        """An account that is logged in. The name gets a number: people are not shared by tests."""
        name = f"{name}{next(_numbers)}"
        # One round: hashing slowly on purpose is the product's business, not the tests'.
        hashed = PBKDF2PasswordHasher().encode(password, "salt", 1) if password else "!"
        pk = self.change(
            "INSERT INTO auth_user (password, is_superuser, username, first_name, last_name,"
            " email, is_staff, is_active, date_joined) VALUES (?, ?, ?, '', '', '', ?, 1, ?)",
            hashed,
            superuser,
            name,
            staff,
            _stamp(),
        )
        return self.log_in(Person(pk, name, ""))

    def add_conversation(self, person: Person, texts: list[str]) -> UUID:
        """A conversation in which this person has said these things, one after the other."""
        uid, now = uuid4(), _stamp()
        chat = self.change(
            "INSERT INTO chat_conversation (uid, owner_id, title, model, running, message_count,"
            " created, updated, seq) VALUES (?, ?, 'Long', '', 0, ?, ?, ?, 0)",
            uid.hex, person.id, len(texts), now, now,
        )  # fmt: skip
        empty = dict.fromkeys(
            ["status", "reason", "model", "answered_by", "reasoning", "finish_reason",
             "error_code", "error_message", "error_detail", "sha256"], "",
        )  # fmt: skip
        zero = dict.fromkeys(
            ["seq", "attempt", "turn", "faults", "keeps_text", "stop_requested"], 0
        )
        with self._open() as connection:
            parent = None
            for text in texts:
                fields: dict[str, object] = {
                    "uid": uuid4().hex, "conversation_id": chat, "user_id": person.id,
                    "parent_id": parent, "role": "user", "text": text, "created": now,
                    **empty, **zero,
                }  # fmt: skip
                row = connection.execute(
                    f"INSERT INTO chat_message ({', '.join(fields)})"
                    f" VALUES ({', '.join('?' * len(fields))})",
                    tuple(fields.values()),
                )
                parent = row.lastrowid
            sql = "UPDATE chat_conversation SET leaf_id = ? WHERE id = ?"
            connection.execute(sql, (parent, chat))
        return uid

    def log_in(self, person: Person) -> Person:
        """One more session of this person."""
        (row,) = self.rows("SELECT password FROM auth_user WHERE id = ?", person.id)
        user = User(pk=person.id, password=row["password"])
        content = {
            SESSION_KEY: str(person.id),
            BACKEND_SESSION_KEY: "allauth.account.auth_backends.AuthenticationBackend",
            HASH_SESSION_KEY: user.get_session_auth_hash(),
        }
        key = get_random_string(32, "abcdefghijklmnopqrstuvwxyz0123456789")
        self.change(
            "INSERT INTO django_session (session_key, session_data, expire_date) VALUES (?, ?, ?)",
            key,
            SessionStore().encode(content),
            _stamp(timedelta(days=1)),
        )
        return Person(person.id, person.name, key)

    def add_token(self, person: Person, *scopes: str) -> str:
        """An API token of this person, as it is shown once."""
        secret = f"prl_{get_random_string(43)}"
        self.change(
            "INSERT INTO chat_token (uid, user_id, name, digest, hint, scopes, created)"
            " VALUES (?, ?, 'A program', ?, ?, ?, ?)",
            uuid4().hex,
            person.id,
            hashlib.sha256(secret.encode()).hexdigest(),
            secret[-4:],
            json.dumps(scopes),
            _stamp(),
        )
        return secret

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=20)
        connection.row_factory = sqlite3.Row
        try:
            with connection:  # one transaction
                yield connection
        finally:
            connection.close()


def _stamp(later: timedelta = timedelta()) -> str:
    """A time as Django stores it in SQLite."""
    return (datetime.now(UTC) + later).strftime("%Y-%m-%d %H:%M:%S.%f")
