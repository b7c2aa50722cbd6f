"""Searching: what is found, whose rows are read, and that it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from chat import unavailable
from chat.api.problems import problems_for_pages
from chat.database import waiting
from chat.models import Conversation
from chat.models import search as searching
from chat.models.search import search

type Make = Callable[..., Conversation]

TEXTS = ["Привет мир", "Ärger über ÖL", "Größe", "Cafe\u0301 creme", "100% of a_b \\ c"]
FINDS = [
    ("привет", 0),
    ("ПРИВЕТ", 0),
    ("мир привет", 0),
    ("ärger", 1),
    ("ARGER" if settings.SQLITE else "ÄRGER", 1),
    ("öl", 1),
    ("GRÖSSE", 2),
    ("größe", 2),
    ("Caf\u00e9", 3),
    ("CAFÉ CREME", 3),
    ("0%", 4),
    ("A_B", 4),
    ("\\", 4),
]


def found(user: User, text: str) -> set[int]:
    return set(
        search(Conversation.objects.for_user(user), user.pk, text).values_list("pk", flat=True)
    )


@pytest.mark.parametrize("where", ["title", "text"])
def test_words_are_found_in_any_case_and_any_spelling(
    alice: User, make_conversation: Make, where: str
) -> None:
    rows = [
        make_conversation(
            alice, **({"title": text, "text": "-"} if where == "title" else {"text": text})
        )
        for text in TEXTS
    ]
    for words, number in FINDS:
        assert found(alice, words) == {rows[number].pk}, words
    for words in ("привет ärger", "a%b", "0_o", "nowhere"):
        assert found(alice, words) == set(), words


def test_only_ones_own_rows_are_read(alice: User, bob: User, make_conversation: Make) -> None:
    mine = make_conversation(alice, text="pepper")
    for number in range(20):
        make_conversation(bob, title=f"pepper {number}", text="pepper")
    assert found(alice, "pepper") == {mine.pk}
    with CaptureQueriesContext(connection) as asked:
        found(alice, "pepper")
    (query,) = [one["sql"] for one in asked if "UNION" in one["sql"]]
    assert f"user_id = {alice.pk}" in query
    assert f"owner_id = {alice.pk}" in query
    if settings.SQLITE:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query}")
            plan = " ".join(row[3] for row in cursor.fetchall())
        assert "USING INDEX" in plan
        assert "SCAN chat_" not in plan


@pytest.mark.skipif(settings.SQLITE, reason="SQLite has plans of its own")
@pytest.mark.parametrize("words", ["pepper", "pepper salt"])
def test_each_table_is_read_once_by_its_owner_on_postgres(
    alice: User, bob: User, make_conversation: Make, words: str
) -> None:
    make_conversation(alice, text="pepper")
    for number in range(50):
        make_conversation(bob, title=f"pepper {number}", text="pepper")
    with CaptureQueriesContext(connection) as asked:
        found(alice, words)
    (query,) = [one["sql"] for one in asked if "UNION" in one["sql"]]
    with connection.cursor() as cursor:
        # Counted anew: of empty tables every index costs the same.
        cursor.execute("ANALYZE chat_message, chat_conversation")
        cursor.execute("SET LOCAL enable_seqscan = off")  # these tables are too small for an index
        cursor.execute(f"EXPLAIN {query}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert plan.count(" on chat_message ") == plan.count(" on chat_conversation ") == 1, plan
    assert plan.count(f"Index Cond: (user_id = {alice.pk})") == 1, plan
    assert plan.count(f"Index Cond: (owner_id = {alice.pk})") == 1, plan
    assert not any(word in plan for word in ("Join", "Nested Loop", "SubPlan", "Seq Scan")), plan


@pytest.mark.skipif(settings.SQLITE, reason="SQLite is ended by its progress handler")
def test_search_that_takes_too_long_is_ended_by_postgres(
    alice: User, make_conversation: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_conversation(alice, text="pepper")
    monkeypatch.setattr(searching, "SECONDS", 0.05)
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA slow")
        cursor.execute(
            "CREATE FUNCTION slow.lower(text) RETURNS text LANGUAGE plpgsql"
            " AS 'BEGIN PERFORM pg_sleep(60); RETURN $1; END'"
        )
        cursor.execute("SET LOCAL search_path = slow, public, pg_catalog")
    with pytest.raises(OperationalError, match="statement timeout"):
        found(alice, "pepper")


def test_no_more_than_the_newest_rows_are_read(
    alice: User, make_conversation: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [make_conversation(alice, title="pepper", text="pepper") for _ in range(6)]
    monkeypatch.setattr(searching, "NEWEST", 3)
    assert found(alice, "pepper") <= {row.pk for row in rows}
    assert len(found(alice, "pepper")) == 3


def test_admin_finds_titles_and_owners_in_any_case(
    client: Client, root: User, alice: User, make_conversation: Make
) -> None:
    make_conversation(alice, title="Größe und Привет")
    make_conversation(alice, title="Nothing")
    client.force_login(root)
    for words in ("привет", "GRÖSSE" if settings.SQLITE else "Größe", "ALICE größe"):
        page = client.get("/admin/chat/conversation/", {"q": words}).content.decode()
        assert "Größe und Привет" in page, words
        assert "Nothing" not in page


@pytest.mark.skipif(not settings.SQLITE, reason="Postgres has a limit of its own")
def test_what_nobody_waits_for_any_more_is_ended(db: None) -> None:
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    )
    with waiting.within(10) as work, connection.cursor() as cursor:
        work.break_off()
        with pytest.raises(OperationalError, match="interrupted"):
            cursor.execute(endless)


@pytest.mark.skipif(not settings.SQLITE, reason="Postgres has a limit of its own")
def test_statement_that_takes_too_long_is_ended(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LEAST_SECONDS", 0)
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    )
    with (
        waiting.within(0),
        connection.cursor() as cursor,
        pytest.raises(OperationalError, match="interrupted"),
    ):
        cursor.execute(endless)


# --- one at a time ------------------------------------------------------------------------


class View:
    """Answers when it is told to; keeps what it was called with and under which work."""

    def __init__(self) -> None:
        self.running = self.most = 0
        self.works: list[waiting.Work] = []
        self.go = asyncio.Event()

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        work = waiting.current()
        assert work is not None
        self.works.append(work)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.go.wait()
        finally:
            self.running -= 1
        return HttpResponse("found")


SEARCHES = ["/api/v1/conversations?q=word", "/admin/chat/conversation/?q=word", "/admin/x/?term=w"]


def asked(view: View, path: str, method: str = "GET") -> asyncio.Task[Any]:
    async def get_response(request: HttpRequest) -> HttpResponseBase:
        return await view(request)

    searches = unavailable.searches_in_turn(get_response)
    middleware: Any = unavailable.answered_in_time(problems_for_pages(searches))
    request = RequestFactory().generic(method, path)
    return asyncio.ensure_future(middleware(request))


@pytest.mark.asyncio
async def test_one_search_at_a_time_and_others_pass() -> None:
    view = View()
    searches = [asked(view, path) for path in SEARCHES * 2]
    others = [asked(view, path) for path in ("/", "/api/v1/conversations", "/admin/?page=2")]
    for _ in range(10):
        await asyncio.sleep(0)
    assert view.running == 1 + len(others)
    view.go.set()
    await asyncio.gather(*searches, *others)
    assert view.running == 0


@pytest.mark.asyncio
async def test_search_whose_turn_does_not_come_is_told_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unavailable, "SEARCH_WAIT_SECONDS", 0.02)
    view = View()
    first = asked(view, SEARCHES[0])
    await asyncio.sleep(0)
    late = await asked(view, SEARCHES[1])
    assert (late.status_code, late["Retry-After"]) == (503, "2")
    assert unavailable.BUSY in late.content.decode()
    late = await asked(view, SEARCHES[0])
    assert (late.status_code, late["Retry-After"]) == (503, "2")
    assert json.loads(late.content)["detail"] == unavailable.BUSY
    view.go.set()
    assert (await first).content == b"found"
    assert (await asked(view, SEARCHES[1])).status_code == 200


@pytest.mark.asyncio
@pytest.mark.parametrize(("method", "over"), [("GET", True), ("POST", False), ("DELETE", False)])
async def test_reading_for_a_client_that_left_is_broken_off(method: str, over: bool) -> None:
    class Connection:
        def __init__(self) -> None:
            self.interrupted = asyncio.Event()
            self._loop = asyncio.get_running_loop()

        def interrupt(self) -> None:
            self._loop.call_soon_threadsafe(self.interrupted.set)

    view, used = View(), Connection()
    task = asked(view, SEARCHES[0], method)
    await asyncio.sleep(0)
    view.works[0].uses(used)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    if over:
        await asyncio.wait_for(used.interrupted.wait(), 10)
    assert view.works[0].over is over
