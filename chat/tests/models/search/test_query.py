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
from django.utils import timezone

from chat import unavailable
from chat.api.problems import problems_for_pages
from chat.database import waiting
from chat.models import Conversation, Message
from chat.models.search import query as searching
from chat.models.search.query import find, find_in, search
from chat.models.search_index import entry, write
from chat.tests.filling import fill_index
from chat.tests.models.slow_match import SLOW_MATCH

type Make = Callable[..., Conversation]

TEXTS = [
    "Привет мир",
    "Ärger über ÖL",
    "Größe und Maß",
    "Cafe\u0301 creme",
    "100% of a_b \\ c",
    "árvíztűrő tükörfúrógép",
    "東京都に行きました",
    "Das ist Straßenbahn-Fahrplan 2026",
]
FINDS = [
    ("привет", 0),
    ("ПРИВЕТ", 0),
    ("мир привет", 0),
    ("прив", 0),
    ("ärger", 1),
    ("ARGER", 1),
    ("öl", 1),
    ("ol", 1),
    ("GRÖSSE", 2),
    ("größe", 2),
    ("grosse mass", 2),
    ("Caf\u00e9", 3),
    ("CAFÉ CREME", 3),
    ("cafe", 3),
    ("100", 4),
    ("A_B", 4),
    ("arvizturo", 5),
    ("TÜKÖRFÚRÓGÉP", 5),
    ("tukorfuro", 5),
    ("東京", 6),
    ("京都", 6),
    ("行", 6),
    ("た", 6),
    ("strassenbahn", 7),
    ('"fahrplan 2026"', 7),
    ("das ist stras", 7),
]
FINDS_NOTHING = [
    "привет ärger",
    "nowhere",
    "ivet",
    "grosses",
    '"2026 fahrplan"',
    '"grosse mass',
    "прив мир",
    "東都",
    "%",
    "\\",
    '"',
    "ger",
]


def found(user: User, q: str) -> set[int]:
    pages = find(user.pk, q, limit=50)
    assert pages.next is None
    return {result.conversation.pk for result in pages.results}


@pytest.mark.parametrize("where", ["title", "text"])
def test_words_are_found_in_any_case_and_with_or_without_accents(
    alice: User, make_conversation: Make, where: str
) -> None:
    rows = [
        make_conversation(
            alice, **({"title": text, "text": "-"} if where == "title" else {"text": text})
        )
        for text in TEXTS
    ]
    fill_index()
    for q, number in FINDS:
        assert found(alice, q) == {rows[number].pk}, q
        assert {row.pk for row in search(Conversation.objects.for_user(alice), alice.pk, q)} == {
            rows[number].pk
        }
    for q in FINDS_NOTHING:
        assert found(alice, q) == set(), q


def test_all_words_are_in_one_message_or_in_the_title(alice: User, make_conversation: Make) -> None:
    row = make_conversation(alice, title="pepper", text="salt")
    fill_index()
    assert found(alice, "haiku write") == {row.pk}  # the question
    assert found(alice, "salt write") == found(alice, "pepper salt") == set()


def test_only_ones_own_rows_are_found(alice: User, bob: User, make_conversation: Make) -> None:
    mine = make_conversation(alice, title="Mine", text="pepper")
    his = make_conversation(bob, title="pepper", text="pepper")
    fill_index()
    assert found(alice, "pepper") == {mine.pk}
    assert found(bob, "pepper") == {his.pk}
    assert find_in(alice.pk, "pepper", mine.uid, limit=5).excerpts
    with pytest.raises(Conversation.DoesNotExist):
        find_in(alice.pk, "pepper", his.uid, limit=5)
    # An index that says otherwise opens nothing, either.
    answer = his.messages.get(role="assistant")
    write([entry(answer.pk, alice.pk, "pepper stolen")])
    assert found(alice, "stolen") == set()


def test_removed_conversations_are_not_found(alice: User, make_conversation: Make) -> None:
    shown, hidden = (make_conversation(alice, title="salt", text="pepper") for _ in range(2))
    fill_index()
    assert found(alice, "pepper") == found(alice, "salt") == {shown.pk, hidden.pk}
    Conversation.objects.filter(pk=hidden.pk).update(deleted_at=timezone.now())
    assert found(alice, "pepper") == found(alice, "salt") == {shown.pk}
    with pytest.raises(Conversation.DoesNotExist):
        find_in(alice.pk, "pepper", hidden.uid, limit=5)


def test_newest_match_comes_first_and_pages_follow(alice: User, make_conversation: Make) -> None:
    rows = [make_conversation(alice, title=f"{number}", text="pepper") for number in range(7)]
    titled = make_conversation(alice, title="pepper", text="-")
    fill_index()
    seen: list[int] = []
    before = None
    while True:
        page = find(alice.pk, "pepper", limit=3, before=before)
        seen += [result.conversation.pk for result in page.results]
        before = page.next
        if before is None:
            break
    assert seen == [titled.pk, *(row.pk for row in reversed(rows))]


def test_many_matches_are_read_in_parts(
    alice: User, make_conversation: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "LOOKED_AT", 4)
    rows = [make_conversation(alice, text="pepper") for _ in range(10)]
    fill_index()
    seen: list[int] = []
    before = None
    for _ in range(10):
        page = find(alice.pk, "pepper", limit=50, before=before)
        assert len(page.results) <= 4
        seen += [result.conversation.pk for result in page.results]
        before = page.next
        if before is None:
            break
    assert seen == [row.pk for row in reversed(rows)]


def test_matches_that_are_left_out_do_not_end_a_search(
    alice: User, make_conversation: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "LOOKED_AT", 2)
    old, *hidden, new = (make_conversation(alice, text="pepper") for _ in range(7))
    fill_index()
    for row in hidden[:3]:
        Conversation.objects.filter(pk=row.pk).update(deleted_at=timezone.now())
    for row in hidden[3:]:
        Conversation.objects.filter(pk=row.pk).update(shown_at=timezone.now())
    first = find(alice.pk, "pepper", limit=5)
    assert [result.conversation for result in first.results] == [new]
    rest = find(alice.pk, "pepper", limit=5, before=first.next)
    assert [result.conversation for result in rest.results] == [old]
    last = find(alice.pk, "pepper", limit=5, before=rest.next) if rest.next else rest
    assert last.next is None


def test_results_have_up_to_three_excerpts_with_marks(alice: User, make_conversation: Make) -> None:
    row = make_conversation(alice, title="Über Pfeffer", text="Say pepper. " * 3)
    for number in range(4):
        Message.objects.create(
            conversation=row,
            user=alice,
            role="assistant",
            status="complete",
            ended=timezone.now(),
            text=f"Pepper number {number}",
        )
    fill_index()
    (result,) = find(alice.pk, "PEPPER", limit=5).results
    assert [one.pieces for one in result.excerpts] == [
        [("Pepper", True), (f" number {number}", False)] for number in (3, 2, 1)
    ]
    assert result.title == [("Über Pfeffer", False)]
    whole = find_in(alice.pk, "pepper", row.uid, limit=50)
    assert len(whole.excerpts) == 5
    assert [one.message.pk for one in whole.excerpts] == sorted(
        one.message.pk for one in whole.excerpts
    )
    (result,) = find(alice.pk, "pfeff", limit=5).results
    assert (result.title, result.excerpts) == ([("Über ", False), ("Pfeffer", True)], [])


@pytest.mark.skipif(settings.SQLITE, reason="SQLite is ended by its progress handler")
def test_search_that_takes_too_long_is_ended_by_postgres(
    alice: User, make_conversation: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_conversation(alice, text="pepper")
    fill_index()
    monkeypatch.setattr(searching, "SECONDS", 0.05)
    with connection.cursor() as cursor:
        for statement in SLOW_MATCH:
            cursor.execute(statement)
        cursor.execute("SET LOCAL search_path = slow, public, pg_catalog")
    with pytest.raises(OperationalError, match="statement timeout"):
        found(alice, "pepper")


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


SEARCHES = [
    "/api/v1/search",
    "/api/v1/conversations?q=word",
    "/admin/chat/conversation/?q=word",
    "/admin/x/?term=w",
]


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
@pytest.mark.parametrize(
    ("method", "path", "over"),
    [
        ("GET", SEARCHES[1], True),
        ("POST", SEARCHES[0], True),
        ("POST", SEARCHES[1], False),
        ("DELETE", SEARCHES[1], False),
    ],
)
async def test_reading_for_a_client_that_left_is_broken_off(
    method: str, path: str, over: bool
) -> None:
    class Connection:
        def __init__(self) -> None:
            self.interrupted = asyncio.Event()
            self._loop = asyncio.get_running_loop()

        def interrupt(self) -> None:
            self._loop.call_soon_threadsafe(self.interrupted.set)

    view, used = View(), Connection()
    task = asked(view, path, method)
    await asyncio.sleep(0)
    view.works[0].uses(used)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    if over:
        await asyncio.wait_for(used.interrupted.wait(), 10)
    assert view.works[0].over is over
