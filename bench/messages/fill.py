"""Rows of years: `python fill.py` fills the database of a tree that may be an earlier commit.

Prints the ids of a short and a long conversation of the first user, with those of their leaves.
All rows are copies of a few made by the models, so columns that an earlier commit lacks, or has
more of, need no care here.
"""

import json
import os
import sys
from typing import Any

CONVERSATIONS = 20_000
MESSAGES = 300_000
SHORT, LONG = 10, 10_000
TEXT = "What was said, about as long as a person writes it. " * 8


def numbers(vendor: str, count: int) -> str:
    """A table `n(i)` with the numbers from 1."""
    if vendor == "postgresql":
        return f"(SELECT generate_series(1, {count}) AS i)"
    return (
        f"(WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {count})"
        " SELECT i FROM s)"
    )


class Copier:
    """Copies of rows with some columns replaced, made by the database itself."""

    def __init__(self, cursor: Any, vendor: str) -> None:
        self._cursor, self._vendor = cursor, vendor
        fresh = "gen_random_uuid()", "lower(hex(randomblob(16)))"
        self._uid = fresh[vendor == "sqlite"]

    def copy(self, model: Any, pk: int, count: int, where: str = "", **columns: str) -> None:
        """`count` copies of one row; `columns` are expressions of `i`, from 1 on."""
        names = [field.column for field in model._meta.concrete_fields]
        given = {"uid": self._uid, **columns}
        chosen = ", ".join(given.get(name, f'r."{name}"') for name in names)
        listed = ", ".join(f'"{name}"' for name in names)
        table = model._meta.db_table
        self._cursor.execute(
            f"INSERT INTO {table} ({listed}) SELECT {chosen} FROM {table} r,"
            f" {numbers(self._vendor, count)} n WHERE r.id = {pk} {where} ORDER BY n.i"
        )


def fill() -> list[list[str]]:
    """Fill the tables; the ids of the two conversations and of their leaves."""
    from django.contrib.auth.models import User
    from django.db import connection, transaction
    from django.utils import timezone

    from chat.models import Conversation, Message

    owner = User.objects.order_by("pk")[0]
    now = timezone.now()
    ended = {"status": "complete", "finish_reason": "stop", "attempt": 1, "ended": now}
    chat = Conversation.objects.create(owner=owner, title="Years", model="", updated=now)
    common: dict[str, Any] = {"conversation": chat, "user": owner, "text": TEXT}
    asked = Message.objects.create(role="user", **common)
    reply = Message.objects.create(
        role="assistant", parent=asked, length=len(TEXT), **ended, **common
    )
    places = []
    with connection.cursor() as cursor, transaction.atomic():
        vendor = connection.vendor
        if vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")
        copier = Copier(cursor, vendor)
        copier.copy(Conversation, chat.pk, CONVERSATIONS - 1, id=f"{chat.pk} + i")
        last = reply.pk

        def chain(conversation: str, count: int, size: int) -> None:
            nonlocal last
            for row, role in ((asked, 1), (reply, 0)):
                copier.copy(
                    Message,
                    row.pk,
                    count,
                    where=f"AND i % 2 = {role}",
                    id=f"{last} + i",
                    conversation_id=conversation,
                    depth=f"(i - 1) % {size}",
                    parent_id=f"CASE WHEN (i - 1) % {size} = 0 THEN NULL ELSE {last} + i - 1 END",
                )
            last += count

        for number, size in ((1, SHORT), (2, LONG)):
            chain(str(chat.pk + number), size, size)
            places.append((chat.pk + number, last))
        size = 2 * (MESSAGES // CONVERSATIONS // 2)
        rest = MESSAGES - SHORT - LONG - 2
        rest -= rest % size
        chain(f"{chat.pk} + 3 + (i - 1) / {size} % {CONVERSATIONS - 4}", rest, size)
        if vendor == "postgresql":
            cursor.execute("SET session_replication_role = DEFAULT")
            for model in (Conversation, Message):
                table = model._meta.db_table
                largest = f"(SELECT max(id) FROM {table})"
                cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {largest})")
        for pk, leaf in places:
            Conversation.objects.filter(pk=pk).update(leaf=leaf)
        _leave_search_index()
    if vendor == "postgresql":  # whose autovacuum does it; for SQLite nobody does
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    found = []
    for pk, leaf in places:
        uids = [Conversation.objects.get(pk=pk).uid, Message.objects.get(pk=leaf).uid]
        found.append([str(uid) for uid in uids])
    return found


def _leave_search_index() -> None:
    """Have no server read all rows for the search while messages are measured."""
    import chat.models

    if state := getattr(chat.models, "SearchState", None):
        state._base_manager.update_or_create(pk=1, defaults={"below": 0})


def main() -> None:
    """Fill, and print where."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproject.settings")
    import django

    django.setup()
    json.dump(fill(), sys.stdout)


if __name__ == "__main__":
    main()
