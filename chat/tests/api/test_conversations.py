"""Conversations by the API: made, archived, searched, exported; and what they took."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from chat import protocol
from chat.api import exports
from chat.models import Conversation, Counter, Message
from chat.models.reading.exports import PIECE, pieces
from chat.tests.filling import fill_index

type Make = Callable[..., Conversation]
API = "/api/v1"


@pytest.fixture
def page(alice: User) -> Client:
    """Alice's browser."""
    client = Client()
    client.force_login(alice)
    return client


def post(client: Client, body: Any) -> Any:
    return client.post(f"{API}/conversations", body, content_type="application/json")


def titles(client: Client, **query: str) -> list[str]:
    answer = client.get(f"{API}/conversations", query).json()
    return [row["title"] for row in answer["conversations"]]


# --- made and archived --------------------------------------------------------------------


def test_an_empty_conversation_is_made_once(page: Client, alice: User, settings: Settings) -> None:
    settings.OPENAI_API_KEY, settings.CHAT_MODEL = "k", ["one"]
    body: dict[str, Any] = {"id": str(uuid4()), "title": " A\nplan ", "model": "openai/one"}
    body |= {"settings": {"temperature": 1, "system": " Be brief. "}}
    first = post(page, body)
    assert first.status_code == 201
    made = first.json()["conversation"]
    assert (made["title"], made["model"], made["leaf"]) == ("A plan", "openai/one", None)
    assert made["settings"] == {"temperature": 1, "system": "Be brief."}
    again = post(page, body)
    assert (again.status_code, again.json()) == (200, first.json())
    assert Counter.objects.current(alice.pk) == first.json()["seq"] == 1


def test_the_same_id_of_somebody_else_makes_another(page: Client, bob: User) -> None:
    body = {"id": str(uuid4())}
    mine = post(page, body).json()["conversation"]["id"]
    client = Client()
    client.force_login(bob)
    other = post(client, body)
    assert other.status_code == 201
    assert other.json()["conversation"]["id"] not in {mine, body["id"]}


def test_a_deleted_conversation_is_not_made_again(page: Client) -> None:
    body = {"id": str(uuid4())}
    made = post(page, body).json()["conversation"]
    assert made["title"] == "New chat"
    page.delete(f"{API}/conversations/{made['id']}")
    answer = post(page, body)
    assert (answer.status_code, answer.json()["code"]) == (409, "id_reused")
    assert titles(page, archived="all") == []


def test_making_is_limited(page: Client, settings: Settings) -> None:
    settings.FRAMES_PER_MINUTE = 3
    answers = [post(page, {"id": str(uuid4())}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert answers[3].json()["code"] == "rate_limited"
    assert int(answers[3]["Retry-After"]) >= 1


def test_changing_and_deleting_are_limited_too(
    page: Client, alice: User, settings: Settings, make_conversation: Make
) -> None:
    settings.FRAMES_PER_MINUTE = 2
    path = f"{API}/conversations/{make_conversation(alice).uid}"
    answers = [
        page.patch(path, {"title": str(n)}, content_type="application/json") for n in range(3)
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert page.delete(path).status_code == 429
    assert Conversation.objects.get().title == "1"


def test_an_archived_conversation_is_in_its_own_list(
    page: Client, alice: User, make_conversation: Make
) -> None:
    old = make_conversation(alice, title="Old")
    make_conversation(alice, title="New")
    path = f"{API}/conversations/{old.uid}"
    answer = page.patch(path, {"archived": True}, content_type="application/json")
    assert answer.json()["conversation"]["archived"] is True
    assert titles(page) == ["New"]
    assert titles(page, archived="true") == ["Old"]
    assert titles(page, archived="all") == ["New", "Old"]
    page.patch(path, {"archived": False}, content_type="application/json")
    assert titles(page) == ["New", "Old"]


def test_a_change_of_nothing_changes_nothing(
    page: Client, alice: User, make_conversation: Make
) -> None:
    path = f"{API}/conversations/{make_conversation(alice).uid}"
    for body in ({}, {"title": None, "archived": None}):
        answer = page.patch(path, body, content_type="application/json")
        assert answer.json()["conversation"]["title"] == "Haiku"
    assert Counter.objects.current(alice.pk) == 0


# --- found --------------------------------------------------------------------------------


def test_words_are_found_in_titles_and_in_what_was_said(
    page: Client, alice: User, bob: User, make_conversation: Make
) -> None:
    make_conversation(alice, title="Frogs", text="An old silent pond.")
    make_conversation(alice, title="Taxes", text="Pay them.")
    make_conversation(bob, title="Frogs", text="A silent pond of Bob's.")
    fill_index()
    assert titles(page, q="POND silent") == ["Frogs"]
    assert titles(page, q="write haiku") == ["Taxes", "Frogs"]
    assert titles(page, q="frog") == ["Frogs"]
    # All words in one message, or all in the title: not one here and one there.
    assert titles(page, q="frogs pond") == []
    assert titles(page, q="\0 100%_") == []
    assert titles(page, q="  ") == ["Taxes", "Frogs"]


def test_a_list_needs_the_same_few_queries_however_long_it_is(
    page: Client,
    alice: User,
    make_conversation: Make,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(12):
        make_conversation(alice)
    fill_index()
    # Session, user, counter, matches in the index, titles, conversations with their leaves; on
    # Postgres the search has a limit of its own, and so a savepoint here.
    with django_assert_num_queries(6 if settings.SQLITE else 9):
        assert len(titles(page, q="haiku", limit="10")) == 10


# --- exported -----------------------------------------------------------------------------


def export(client: Client, conversation: Conversation, **query: str) -> Any:
    return client.get(f"{API}/conversations/{conversation.uid}/export", query)


def content(answer: Any) -> str:
    return b"".join(answer).decode()


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
class TestExport:
    def test_json_has_the_whole_tree(
        self, page: Client, alice: User, make_conversation: Make
    ) -> None:
        conversation = make_conversation(alice)
        question = conversation.messages.get(role="user")
        Message.objects.create(
            conversation=conversation,
            user=alice,
            parent=question,
            role="assistant",
            status="running",
            text="Not yet.",
        )
        told = json.loads(content(export(page, conversation)))
        assert (told["format"], told["version"]) == ("parley.conversation", 1)
        assert told["conversation"]["id"] == str(conversation.uid)
        read = page.get(f"{API}/conversations/{conversation.uid}").json()
        assert told["messages"] == read["messages"]
        assert [message.get("text") for message in told["messages"]] == [
            "Write a haiku.",
            "Old pond.",
            None,
        ]

    def test_markdown_has_the_shown_path_or_all_of_it(
        self, page: Client, alice: User, make_conversation: Make
    ) -> None:
        conversation = make_conversation(alice, text="```\nOld *pond*.")
        question = conversation.messages.get(role="user")
        Message.objects.create(
            conversation=conversation,
            user=alice,
            parent=question,
            role="assistant",
            status="complete",
            text="Another.",
            ended=timezone.now(),
        )
        shown = content(export(page, conversation, format="markdown"))
        assert shown.startswith("# Haiku\n\n---\n\n**You**, ")
        assert "Another." not in shown
        assert shown.endswith("\n\n> ```\n> Old *pond*.\n")
        whole = content(export(page, conversation, format="markdown", branches="all"))
        assert "Old *pond*." in whole
        assert " UTC, no. 2\n" in whole
        assert whole.endswith(" UTC, no. 3, follows no. 1\n\n> Another.\n")

    @pytest.mark.parametrize(
        ("title", "name"),
        [
            ("Plan", "Plan"),
            ('../..\\"; rm -rf / #.exe', "rm -rf exe"),
            ("CON\r\nSet-Cookie: a=b", "CON Set-Cookie a b"),
            ("Reise nach Zürich 🏔", "Reise nach Zürich"),
            ("\u202egnp.exe", "gnp exe"),
            ("...", "conversation"),
        ],
    )
    def test_no_title_makes_a_dangerous_file_name(
        self, page: Client, alice: User, make_conversation: Make, title: str, name: str
    ) -> None:
        answer = export(page, make_conversation(alice, title=title), format="markdown")
        disposition = answer["Content-Disposition"]
        assert disposition.startswith("attachment; filename")
        assert answer["X-Content-Type-Options"] == "nosniff"
        if name.isascii():
            assert disposition == f'attachment; filename="{name}.md"'
        assert re.fullmatch(r"[^\r\n\\]+", disposition)
        content(answer)

    def test_a_title_is_text_in_markdown(
        self, page: Client, alice: User, make_conversation: Make
    ) -> None:
        conversation = make_conversation(alice, title="<img src=x> [a](javascript:b) *c*")
        first, _, _ = content(export(page, conversation, format="markdown")).partition("\n")
        assert first == r"# \<img src=x\> \[a\]\(javascript:b\) \*c\*"

    @pytest.mark.parametrize(
        "text",
        [
            "Yes.\n\n---\n\n**You**, 2026-01-01 10:00 UTC\n\nGive it to me.",
            "Yes.\r\r---\r\r**You**, 2026-01-01 10:00 UTC",
            "Yes.\u2028---\x0b**You**, 2026-01-01 10:00 UTC\x85# You",
            "```\nleft open\n\n---\n\n**You**",
            "- ~~~\n\n---\n**You**",
            "<!-- left open",
            "</blockquote><hr><p><b>You</b>",
            "# You\n\nYou\n===\n",
        ],
    )
    def test_no_text_can_pass_for_a_turn_in_markdown(
        self, page: Client, alice: User, make_conversation: Make, text: str
    ) -> None:
        conversation = make_conversation(alice, text=text)
        lines = content(export(page, conversation, format="markdown")).splitlines()
        ours = [line for line in lines if not line.startswith(">")]
        assert [line[:6] for line in ours if line] == [
            "# Haik",
            "---",
            "**You*",
            "---",
            ours[-2][:6],
        ]
        assert not any(re.search(r"(?<!\\)<[A-Za-z/!?]", line) for line in lines)

    def test_no_more_than_a_piece_is_read_at_once(
        self,
        page: Client,
        alice: User,
        make_conversation: Make,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        conversation = make_conversation(alice, text="x" * PIECE)
        conversation.messages.filter(role="user").update(text="y" * 10)
        assert [len(piece) for piece in pieces(conversation, shown=False)] == [1, 1]
        # session, user, conversation, sizes, and the two pieces
        with django_assert_num_queries(6):
            told = json.loads(content(export(page, conversation)))
        assert [len(message["text"]) for message in told["messages"]] == [10, PIECE]


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
@pytest.mark.parametrize(
    "query", [{}, {"format": "markdown"}, {"format": "markdown", "branches": "all"}]
)
def test_export_is_written_off_the_event_loop(
    page: Client,
    alice: User,
    make_conversation: Make,
    monkeypatch: pytest.MonkeyPatch,
    query: dict[str, str],
) -> None:
    written = []

    def noted[**P, R](write: Callable[P, R]) -> Callable[P, R]:
        def act(*args: P.args, **named: P.kwargs) -> R:
            with pytest.raises(RuntimeError, match="no running event loop"):
                asyncio.get_running_loop()
            written.append(write.__name__)
            return write(*args, **named)

        return act

    monkeypatch.setattr(exports, "_said", noted(exports._said))
    monkeypatch.setattr(protocol, "message_object", noted(protocol.message_object))
    assert content(export(page, make_conversation(alice), **query))
    assert written == (["_said"] if query else ["message_object"]) * len(written) != []


# --- usage --------------------------------------------------------------------------------


def test_usage_is_counted_by_day_and_model(
    page: Client,
    alice: User,
    bob: User,
    make_conversation: Make,
    settings: Settings,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    settings.SHOW_COST = True
    now = datetime(2026, 3, 10, 12, tzinfo=UTC)
    told = {"prompt_tokens": 10, "completion_tokens": 5, "cached_tokens": 2}
    for owner, days, model, usage in (
        (alice, 0, "a/one", told),
        (alice, 0, "a/one", {**told, "reasoning_tokens": 3}),
        (alice, 0, "a/two", None),
        (alice, 1, "a/one", told),
        (alice, 9, "a/one", told),
        (bob, 0, "a/one", told),
    ):
        chat = make_conversation(owner, model=model, usage=usage, cost=usage and Decimal("0.25"))
        chat.messages.filter(role="assistant").update(ended=now - timedelta(days=days))
    make_conversation(alice, status="running", model="a/one", usage=told)
    with django_assert_num_queries(4):  # session, user, counter, and one for all of it
        answer = page.get(f"{API}/usage", {"from": "2026-03-09", "to": "2026-03-10"}).json()
    rows = [(r["day"], r["model"], r["replies"], r["prompt_tokens"]) for r in answer["days"]]
    assert rows == [
        ("2026-03-09", "a/one", 1, 10),
        ("2026-03-10", "a/one", 2, 20),
        ("2026-03-10", "a/two", 1, 0),
    ]
    assert answer["total"] == {
        "replies": 4,
        "prompt_tokens": 30,
        "completion_tokens": 15,
        "reasoning_tokens": 3,
        "cached_tokens": 6,
        "cost": 0.75,
    }
    assert answer["days"][2]["cost"] is None


def test_costs_are_told_only_where_users_see_them(
    page: Client, alice: User, make_conversation: Make, settings: Settings
) -> None:
    settings.SHOW_COST = False
    make_conversation(alice, cost=Decimal(1))
    answer = page.get(f"{API}/usage").json()
    assert (answer["total"]["replies"], answer["total"]["cost"]) == (1, None)
    assert answer["to"] == timezone.now().date().isoformat()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "2026-02-02", "to": "2026-02-01"}, "from"),
        ({"from": "2025-01-01", "to": "2026-02-01"}, "from"),
        ({"from": "9999-12-31"}, "from"),
        ({"from": "0001-01-01"}, "from"),
    ],
)
def test_a_span_that_is_none_or_too_long_is_refused(
    page: Client, query: dict[str, str], field: str
) -> None:
    answer = page.get(f"{API}/usage", query)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_the_ends_of_time_are_days_as_well(page: Client) -> None:
    assert page.get(f"{API}/usage", {"to": "0001-01-01"}).status_code == 200
    assert page.get(f"{API}/usage", {"to": "9999-12-31"}).status_code == 200


# --- the document, and who one is ---------------------------------------------------------


def test_me_is_what_ready_says(page: Client, alice: User) -> None:
    told = page.get(f"{API}/me").json()
    assert (told["v"], told["seq"]) == (1, 0)
    assert told["user"] == {"id": str(alice.pk), "name": "alice"}
    assert told["limits"]["send_bytes"] == 524_288


def test_the_document_names_scopes_and_problems(page: Client) -> None:
    told = page.get(f"{API}/openapi.json").json()
    assert told["openapi"].startswith("3.")
    reading = told["paths"][f"{API}/conversations/{{uid}}"]["get"]
    assert reading["security"] == [{"token": ["read"]}, {"session": []}]
    assert set(reading["responses"]["404"]["content"]) == {"application/problem+json"}
    ids = [one["operationId"] for path in told["paths"].values() for one in path.values()]
    assert len(ids) == len(set(ids)) >= 19
    described = [one["summary"] for path in told["paths"].values() for one in path.values()]
    assert all(re.fullmatch(r"[A-Z].+[.:]", line, re.DOTALL) for line in described)


def test_an_id_is_a_uuid_of_its_own(page: Client) -> None:
    made = post(page, {"id": "7d5e3c1e-6f5b-4a58-9a3e-3f8a5f0d9c11"}).json()["conversation"]["id"]
    assert UUID(made).version == 5
