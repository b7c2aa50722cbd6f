"""Statements that a message takes in a running system, and conversations of any length."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from chat.tests.live.client import Client, Frame
from chat.tests.live.database import Database

CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA", "SET ", "DEALLOCATE")
CHECKPOINT = "id, attempt, stop_requested"
PARTS = "INSERT INTO chat_part"
CHECK = "check of chat_part"

QUIET = {
    "CHECKPOINT_SECONDS": "0.3",
    "LEASE_SECONDS": "600",
    "SESSION_CHECK_SECONDS": "300",
}
"""Settings with which the server does nothing of its own meanwhile, but checkpoints."""


def lengthen(database: Database, reply: str, count: int) -> str:
    """Put so many messages behind a reply, by the rows; returns the last one, a reply."""
    first = database.reply(reply)
    uid = "lower(hex(randomblob(16)))" if isinstance(first["uid"], str) else "gen_random_uuid()"
    own = ("id", "uid", "parent_id", "role", "depth")
    same = [name for name in first if name not in own]
    values = ", ".join(f'reply."{name}"' for name in same)
    names = ", ".join(f'"{name}"' for name in same)
    database.change(
        "WITH RECURSIVE series (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < ?)"
        f" INSERT INTO chat_message (uid, role, {names})"
        f" SELECT {uid}, CASE WHEN n / 2 * 2 = n THEN 'assistant' ELSE 'user' END, {values}"
        " FROM chat_message AS reply CROSS JOIN series WHERE reply.id = ? ORDER BY n",
        count,
        first["id"],
    )
    place = "conversation_id = ? AND id > ?", first["conversation_id"], first["id"]
    database.change(
        f"UPDATE chat_message SET parent_id = id - 1, depth = ? + id - ? WHERE {place[0]}",
        first["depth"],
        first["id"],
        *place[1:],
    )
    (last,) = database.rows(
        f"SELECT uid, parent_id FROM chat_message WHERE {place[0]} ORDER BY id DESC LIMIT 1",
        *place[1:],
    )
    return str(UUID(str(last["uid"])))


async def life(
    page: Client, read: Callable[[], list[str]], model: str, below: Frame
) -> tuple[list[str], Frame]:
    """The statements of a message from its `send` to the `end` of its reply, with one checkpoint.

    `read` gives those since it was called last. Also returns what was accepted.
    """
    read()
    accepted = await page.send(
        "And then?", model, conversation=below["conversation"], parent=below["reply"]
    )
    await page.end(accepted["reply"])
    await page.sync()
    found = [plain(sql) for sql in read()]
    own = [sql for sql in found if sql and not sql.upper().startswith(CONTROL)]
    kinds = (CHECKPOINT, PARTS, CHECK)
    checkpoints = [sql for sql in own if any(kind in sql for kind in kinds)]
    assert any(CHECKPOINT in sql for sql in checkpoints), own
    one = {kind: sql for sql in checkpoints for kind in kinds if kind in sql}
    return [sql for sql in own if sql not in checkpoints] + list(one.values()), accepted


def plain(sql: str) -> str:
    """Without quotes and the one table's name before its columns."""
    return sql.replace('"', "").replace("chat_message.", "")
