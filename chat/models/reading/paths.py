"""Paths through the tree of messages, read by one recursive statement each."""

from __future__ import annotations

from django.db import connection


def path_keys(leaf: int | None, limit: int | None = None) -> list[tuple[int, int | None, int]]:
    """From a message upwards, at most so many: key, parent and length. One statement."""
    if leaf is None:
        return []
    bound = "" if limit is None else " WHERE step < %s"
    length = (
        "CASE WHEN {0}.role = 'assistant'"
        " THEN COALESCE({0}.length, 0) + COALESCE({0}.reasoning_length, 0)"
        " ELSE LENGTH({0}.text) END"
    ).format
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE path (id, parent, size, step) AS ("  # noqa: S608
            f" SELECT m.id, m.parent_id, {length('m')}, 1 FROM chat_message m WHERE m.id = %s"
            f" UNION ALL SELECT m.id, m.parent_id, {length('m')}, step + 1"
            f" FROM path JOIN chat_message m ON m.id = path.parent{bound})"
            " SELECT id, parent, size FROM path ORDER BY step",
            [leaf] if limit is None else [leaf, limit],
        )
        return [(pk, parent, size or 0) for pk, parent, size in cursor.fetchall()]


def newest_below(pk: int) -> int:
    """The youngest message below: messages are younger than their parents, so it is a leaf."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE below (id) AS (SELECT id FROM chat_message WHERE id = %s"
            " UNION ALL SELECT m.id"
            " FROM below JOIN chat_message m ON m.parent_id = below.id)"
            " SELECT MAX(id) FROM below",
            [pk],
        )
        (newest,) = cursor.fetchone()
    return int(newest)
