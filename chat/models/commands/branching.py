"""Branches: new conversations that begin with the path to a message of another one."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from django.conf import settings as server_settings
from django.db import connection
from django.utils import timezone

from chat.database.statements import update
from chat.models import search_index
from chat.models.changes import Counter, Deletion
from chat.models.conversations import Conversation
from chat.models.messages import Message
from chat.models.values.refusals import IdReused, NotAllowed
from chat.models.values.states import UNFINISHED
from chat.sentence import Sentence

MOST_MESSAGES = 10_000
MOST_LENGTH = 32_000_000
"""Code points: the copy takes a second or two, in which the user's counter is held."""

COPIED = {
    *("role", "text", "created", "status", "attempt", "model", "endpoint", "left_out"),
    *("reasoning", "length", "reasoning_length", "sha256", "finish_reason", "error_code"),
    *("error_message", "answered_by", "ended"),
}
"""Columns of a message that its copy has too: no cost and no usage, which would count twice."""

PATH = """
WITH RECURSIVE path (id, parent, step) AS (
    SELECT id, parent_id, 0 FROM chat_message WHERE id = %s
    UNION ALL SELECT m.id, m.parent_id, step + 1
    FROM path JOIN chat_message m ON m.id = path.parent
)
"""

PAIRS = """
, pairs (old, new) AS (
    SELECT path.id, copy.id FROM path JOIN chat_message copy
    ON copy.depth = (SELECT MAX(step) FROM path) - path.step WHERE copy.conversation_id = %s
)
"""

CHAIN = """
UPDATE chat_message SET parent_id = chain.above FROM (
    SELECT id, LAG(id) OVER (ORDER BY depth) AS above FROM chat_message WHERE conversation_id = %s
) AS chain WHERE chat_message.id = chain.id
"""


def branch(
    user_id: int, key: UUID, *, conversation: UUID, message: UUID
) -> tuple[Conversation, bool]:
    """A conversation with the path to this message and the same settings; whether it is new.

    The same `key` of the same user gives the same one, as it now stands. Raises `NotAllowed`,
    `IdReused`, and `DoesNotExist` of a conversation or message.
    """
    uid = uuid5(key, f"branch of {user_id}")
    with Counter.objects.held(user_id) as counter:
        mine = Conversation.objects.for_user(user_id).with_leaf()
        if row := mine.filter(uid=uid).first():
            if row.branched_message != message:
                raise IdReused
            return row, False
        if Deletion.objects.filter(user_id=user_id, uid=uid).exists():
            raise IdReused
        before = mine.get(uid=conversation)
        leaf = before.messages.only("pk", "uid").get(uid=message)
        count = _check(leaf.pk)
        row = Conversation(
            uid=uid,
            owner_id=user_id,
            title=before.title,
            title_origin=before.title_origin,
            model=before.model,
            settings=before.settings,
            folder_id=before.folder_id,
            branched_conversation=before.uid,
            branched_message=message,
            message_count=count,
            updated=timezone.now(),
            shown_at=timezone.now() if before.temporary else None,
        )
        counter.record(row, "created")
        row.save(force_insert=True)
        _copy(leaf.pk, row)
        row.leaf = row.messages.order_by("-depth").only("pk", "uid")[0]
        update(row, ["leaf"])
    return row, True


def _check(leaf: int) -> int:
    """The number of messages on the path. Raises `NotAllowed` where it cannot be copied."""
    waiting = ", ".join(f"'{status.value}'" for status in UNFINISHED)
    with connection.cursor() as cursor:
        cursor.execute(
            PATH + "SELECT COUNT(*), SUM(LENGTH(m.text) + LENGTH(m.reasoning)),"  # noqa: S608
            f" SUM(CASE WHEN m.status IN ({waiting}) THEN 1 ELSE 0 END)"
            " FROM path JOIN chat_message m ON m.id = path.id",
            [leaf],
        )
        count, length, unfinished = cursor.fetchone()
    if unfinished:
        raise NotAllowed(Sentence("A reply there has not ended yet."))
    if count > MOST_MESSAGES or length > MOST_LENGTH:
        raise NotAllowed(Sentence("This path is too long to be copied."))
    return int(count)


def _copy(leaf: int, row: Conversation) -> None:
    """Insert the copies, from the root on: each is younger than its parent."""
    values: dict[str, Any] = {"conversation": row.pk, "user": row.owner_id, "copied": True}
    names, expressions, parameters = [], [], []
    for field in Message._meta.concrete_fields:
        if field.primary_key:
            continue
        names.append(f'"{field.column}"')
        if field.name in COPIED:
            expressions.append(f'm."{field.column}"')
        elif field.name == "uid":
            expressions.append(_new_uid())
        elif field.name == "depth":
            expressions.append("(SELECT MAX(step) FROM path) - path.step")
        else:
            expressions.append("%s")
            value = values.get(field.name, field.get_default())
            parameters.append(field.get_db_prep_save(value, connection))
    with connection.cursor() as cursor:
        cursor.execute(
            f"{PATH} INSERT INTO chat_message ({', '.join(names)})"  # noqa: S608
            f" SELECT {', '.join(expressions)} FROM path"
            " JOIN chat_message m ON m.id = path.id ORDER BY path.step DESC",
            [leaf, *parameters],
        )
        cursor.execute(CHAIN, [row.pk])
    search_index.copy(row.pk, PATH + PAIRS, [leaf, row.pk])


def _new_uid() -> str:
    """A random UUID, version 4, as an expression of the database."""
    if not server_settings.SQLITE:
        return "gen_random_uuid()"
    variant = "substr('89ab', 1 + (random() & 3), 1)"
    three = "substr(hex(randomblob(2)), 1, 3)"
    parts = ["hex(randomblob(6))", "'4'", three, variant, three, "hex(randomblob(6))"]
    return f"lower({' || '.join(parts)})"
