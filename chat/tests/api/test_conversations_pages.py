"""A long conversation is read in pages: what one costs does not grow with the whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat.models import Conversation, Counter, changes_since
from chat.models.messages import Message
from chat.models.reading.paths import path_keys

pytestmark = pytest.mark.django_db

API = "/api/v1"


@pytest.fixture
def page(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def long_conversation(owner: User, length: int, text: str = "") -> Conversation:
    """Questions and replies on one path, numbered from 0."""
    chat = Conversation.objects.create(
        owner=owner, title="Long", updated=timezone.now(), message_count=length
    )
    rows = Message.objects.bulk_create(
        Message(conversation=chat, user=owner, text=f"no. {n}{text}", **kind(n))
        for n in range(length)
    )
    assert rows[-1].pk == rows[0].pk + length - 1
    chat.messages.filter(pk__gt=rows[0].pk).update(parent_id=F("pk") - 1)
    chat.leaf_id = rows[-1].pk
    chat.save()
    return chat


def kind(n: int) -> dict[str, Any]:
    if n % 2 == 0:
        return {"role": "user"}
    facts = {"status": "complete", "attempt": 1, "length": 10, "reasoning_length": 0}
    return {"role": "assistant", "ended": timezone.now(), **facts}


def read(page: Client, chat: Conversation | UUID, **query: Any) -> dict[str, Any]:
    uid = chat.uid if isinstance(chat, Conversation) else chat
    answer = page.get(f"{API}/conversations/{uid}", query)
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def numbers(body: dict[str, Any]) -> list[int]:
    return [int(message["text"].split()[1]) for message in body["messages"]]


def test_pages_from_the_newest_to_the_first_make_the_whole_path(page: Client, alice: User) -> None:
    chat = long_conversation(alice, 105)
    body = read(page, chat, limit=20)
    assert numbers(body) == list(range(85, 105))
    assert not body["complete"]
    assert body["last"] == body["conversation"]["leaf"] == body["messages"][-1]["id"]
    found = body["messages"]
    while body["earlier"]:
        body = read(page, chat, limit=20, before=body["earlier"])
        found = body["messages"] + found
        assert body["messages"][-1]["id"] == found[len(body["messages"])]["parent"]
    assert [message["text"] for message in found] == [f"no. {n}" for n in range(105)]
    assert found == read(page, chat)["messages"], "an old client gets the whole, as it ever did"


def test_what_fits_into_a_page_comes_whole_with_all_its_branches(page: Client, alice: User) -> None:
    chat = long_conversation(alice, 10)
    root = chat.messages.get(text="no. 0")
    Message.objects.create(conversation=chat, user=alice, parent=None, role="user", text="no. 10")
    Message.objects.create(conversation=chat, user=alice, parent=root, text="no. 11", **kind(1))
    chat.message_count = 12
    chat.save()
    body = read(page, chat, limit=12)
    assert numbers(body) == list(range(12))
    assert (body["complete"], body["earlier"], body["versions"]) == (True, None, [])
    assert body["messages"] == read(page, chat)["messages"]
    assert read(page, chat)["complete"]


def test_the_first_page_of_ten_thousand_costs_what_that_of_three_hundred_costs(
    page: Client, alice: User
) -> None:
    costs = []
    for length in (300, 10_000):
        chat = long_conversation(alice, length)
        with CaptureQueriesContext(connection) as queries:
            body = read(page, chat, limit=100)
        assert numbers(body) == list(range(length - 100, length))
        read_rows = len(body["messages"]) + len(body["versions"])
        assert read_rows == 100
        assert len(path_keys(chat.leaf_id, 100)) == 100
        costs.append(len(queries))
        if length > 300:
            sql = [query["sql"] for query in queries if "chat_message" in query["sql"]]
            assert not [one for one in sql if "conversation_id" in one and "COUNT" in one]
    assert costs[0] == costs[1] <= 8


def test_a_page_ends_where_its_texts_are_long(page: Client, alice: User) -> None:
    chat = long_conversation(alice, 30, text=" " + "x" * 300_000)
    Message.objects.filter(role="assistant").update(length=300_000)
    body = read(page, chat, limit=100)
    assert numbers(body) == [27, 28, 29]
    assert numbers(read(page, chat, limit=100, before=body["earlier"])) == [24, 25, 26]


def test_versions_beside_a_page_are_told_without_texts_and_read_through_their_ids(
    page: Client, alice: User
) -> None:
    chat = long_conversation(alice, 300)
    at = chat.messages.get(text="no. 250")
    beside = Message.objects.create(
        conversation=chat, user=alice, parent=at.parent, role="user", text="no. 1000"
    )
    for n in (1001, 1002):
        last = Message.objects.create(
            conversation=chat, user=alice, parent=beside, text=f"no. {n}", **kind(1)
        )
    body = read(page, chat, limit=100)
    (version,) = body["versions"]
    assert version == {
        "id": str(beside.uid), "parent": str(at.parent.uid) if at.parent else None, "role": "user",
        "created": version["created"], "seq": 0, "status": None,
    }  # fmt: skip
    body = read(page, chat, limit=100, through=beside.uid)
    assert numbers(body) == [*range(152, 250), 1000, 1002], "the newest of those below it"
    assert body["last"] == str(last.uid)
    assert {version["id"] for version in body["versions"]} == {
        str(at.uid), str(chat.messages.get(text="no. 1001").uid),
    }  # fmt: skip
    body = read(page, chat, limit=100, through=at.uid)
    assert numbers(body) == list(range(200, 300))


def test_what_follows_on_the_end_of_the_shown_path_is_told(page: Client, alice: User) -> None:
    chat = long_conversation(alice, 300)
    inner = chat.messages.get(text="no. 199")
    chat.leaf = inner
    chat.save()
    body = read(page, chat, limit=50)
    assert numbers(body) == list(range(150, 200))
    assert [version["parent"] for version in body["versions"]] == [str(inner.uid)]


def test_beginnings_beside_the_first_are_told_with_the_first_page_of_the_path(
    page: Client, alice: User
) -> None:
    chat = long_conversation(alice, 300)
    other = Message.objects.create(conversation=chat, user=alice, role="user", text="no. 1000")
    other_chat = long_conversation(alice, 3)
    body = read(page, chat, limit=200)
    assert body["versions"] == []
    body = read(page, chat, limit=200, before=body["earlier"])
    assert numbers(body) == list(range(100))
    assert [version["id"] for version in body["versions"]] == [str(other.uid)]
    assert other_chat.messages.count() == 3


@pytest.mark.parametrize("name", ["before", "through"])
def test_a_message_of_another_conversation_is_as_unknown_as_none(
    page: Client, alice: User, bob: User, name: str
) -> None:
    chat = long_conversation(alice, 3)
    own, foreign = long_conversation(alice, 3), long_conversation(bob, 3)
    asked = [chat_.messages.order_by("pk")[0].uid for chat_ in (own, foreign)]
    answers = {
        page.get(f"{API}/conversations/{chat.uid}", {name: str(uid)}).content
        for uid in (*asked, uuid4())
    }
    assert len(answers) == 1
    assert page.get(f"{API}/conversations/{chat.uid}", {name: str(uuid4())}).status_code == 404
    assert page.get(f"{API}/conversations/{foreign.uid}", {"limit": 10}).status_code == 404


@pytest.mark.parametrize("limit", ["0", "501", "x", "-1"])
def test_a_limit_is_within_bounds(page: Client, alice: User, limit: str) -> None:
    chat = long_conversation(alice, 2)
    assert page.get(f"{API}/conversations/{chat.uid}", {"limit": limit}).status_code == 422


def test_a_path_is_read_with_two_statements_however_many_branches_there_are(
    alice: User, django_assert_num_queries: Callable[..., Any]
) -> None:
    chat = long_conversation(alice, 50)
    root = chat.messages.get(text="no. 0")
    for _ in range(50):
        Message.objects.create(conversation=chat, user=alice, parent=root, text="", **kind(1))
    with django_assert_num_queries(2):
        assert [message.text for message in chat.path()] == [f"no. {n}" for n in range(50)]
    assert len(path_keys(chat.leaf_id)) == 50


def test_a_reset_is_said_before_any_object_is_read(alice: User, settings: Any) -> None:
    settings.CHANGES_OBJECTS = 100
    chat = long_conversation(alice, 300)
    for n, pk in enumerate(chat.messages.values_list("pk", flat=True), start=1):
        Message.objects.filter(pk=pk).update(seq=n)
    Counter.objects.create(user=alice, value=300)
    with CaptureQueriesContext(connection) as queries:
        assert changes_since(alice.pk, 0).reset
    assert len(queries) == 2
    assert all("text" not in query["sql"] for query in queries)
    assert "LIMIT 101" in queries[1]["sql"]
    with CaptureQueriesContext(connection) as queries:
        found = changes_since(alice.pk, 250)
    assert len(found.messages) == 50
    assert len(queries) == 5


def test_of_a_changed_reply_no_text_is_read(alice: User) -> None:
    chat = long_conversation(alice, 2)
    chat.messages.update(seq=1)
    Counter.objects.create(user=alice, value=1)
    found = changes_since(alice.pk, 0)
    assert {message.text for message in found.messages} == {"no. 0", ""}
