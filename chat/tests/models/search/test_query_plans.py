"""Plans of the search's statement: an index is read, and the user's own part of it alone."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat.tests.filling import fill_index
from chat.tests.models.search.test_query import Make, found


def test_plan_reads_the_index_alone(alice: User, make_conversation: Make) -> None:
    make_conversation(alice, text="pepper")
    fill_index()
    with CaptureQueriesContext(connection) as asked:
        found(alice, "pepper")
    (query,) = [one["sql"] for one in asked if "FROM chat_messagewords" in one["sql"]]
    with connection.cursor() as cursor:
        if settings.SQLITE:
            cursor.execute(f"EXPLAIN QUERY PLAN {query}")
            plan = [row[3] for row in cursor.fetchall()]
            (scan,) = [line for line in plan if "SCAN chat_messagewords" in line]
            assert "VIRTUAL TABLE INDEX" in scan
            # Its order is that of the index: only the few that were found are sorted.
            assert plan.index(scan) < plan.index("SCAN w")
            assert all("PRIMARY KEY" in line for line in plan if line.startswith("SEARCH"))
        else:
            cursor.execute("SET LOCAL enable_seqscan = off")  # the table is too small for an index
            cursor.execute(f"EXPLAIN {query}")
            text = "\n".join(row[0] for row in cursor.fetchall())
            assert "chat_messagewords_own" in text or "chat_messagewords_pkey" in text
            assert "Seq Scan" not in text


@pytest.mark.skipif(settings.SQLITE, reason="FTS5 has the owner among the words")
def test_index_is_read_for_the_users_own_messages_only(
    alice: User, bob: User, make_conversation: Make
) -> None:
    """Bob's many messages with the words cost Alice nothing."""
    his = make_conversation(bob, text="pepper and salt")
    mine = [make_conversation(alice, text="pepper and salt") for _ in range(3)]
    fill_index()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO chat_messagewords SELECT g, owner, words FROM chat_messagewords"
            " CROSS JOIN generate_series(1000000, 1002999) g WHERE owner = %s AND rowid = %s",
            [bob.pk, his.messages.get(role="assistant").pk],
        )
        cursor.execute("ANALYZE chat_messagewords")
    with CaptureQueriesContext(connection) as asked:
        assert len(found(alice, '"pepper and"')) == len(mine)
    (query,) = [one["sql"] for one in asked if "FROM chat_messagewords" in one["sql"]]
    with connection.cursor() as cursor:
        # So few rows are read quicker by their keys.
        query = query.replace(f" AND rowid < {2**62}", "")
        cursor.execute("SET LOCAL enable_indexscan = off")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) {query}")
        plan = [row[0].strip() for row in cursor.fetchall()]
    scans = [line for line in plan if "Bitmap Index Scan on chat_messagewords_own" in line]
    assert len(scans) == 1, "\n".join(plan)
    assert f"rows={len(mine)}" in scans[0], plan


@pytest.mark.skipif(settings.SQLITE, reason="FTS5 finds the newest ones by itself")
@pytest.mark.parametrize(("q", "in_order"), [("pe", True), ("pepper pe", True), ("peppe", False)])
def test_short_beginning_is_looked_for_among_the_newest(
    alice: User, make_conversation: Make, q: str, *, in_order: bool
) -> None:
    """An index would collect nearly all messages first, for the page that asks at each letter."""
    make_conversation(alice, text="pepper")
    fill_index()
    with CaptureQueriesContext(connection) as asked:
        assert len(found(alice, q)) == 1
    (query,) = [one["sql"] for one in asked if "FROM chat_messagewords" in one["sql"]]
    assert ("ARRAY[owner]" not in query) is in_order
