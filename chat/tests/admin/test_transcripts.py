"""A long transcript in pages: the first is fast, and all branches can be reached."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat.models import Attempt, Conversation
from chat.models.messages import Message
from chat.tests.api.test_conversations_pages import kind, long_conversation

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(carol: User) -> Client:
    client = Client()
    client.force_login(carol)
    return client


def read(reader: Client, chat: Conversation, page: object = "") -> dict[str, Any]:
    url = f"/admin/chat/conversation/{chat.pk}/transcript.json"
    answer = reader.get(url, {"page": str(page)} if page else {})
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def numbers(body: dict[str, Any]) -> list[int]:
    return [int(message["text"].split()[1]) for message in body["messages"]]


def test_the_first_page_costs_the_same_whatever_the_length(reader: Client, alice: User) -> None:
    costs = []
    for length in (300, 10_000):
        chat = long_conversation(alice, length)
        with CaptureQueriesContext(connection) as queries:
            body = read(reader, chat)
        assert len(body["messages"]) == (length - 1) % 200 + 1
        costs.append(len(queries))
    assert costs[0] == costs[1] <= 12


def test_the_pages_together_have_every_message_once_with_its_attempts(
    reader: Client, alice: User
) -> None:
    chat = long_conversation(alice, 450)
    reply = chat.messages.get(text="no. 1")
    Attempt.objects.create(reply=reply, number=1, started=reply.created)
    newest = read(reader, chat)
    assert newest["page"] == {
        "number": 3, "pages": 3, "first": 401, "last": 450, "messages": 450,
    }  # fmt: skip
    pages = [read(reader, chat, number) for number in (1, 2, 3)]
    assert sum(map(numbers, pages), []) == list(range(450))  # noqa: RUF017
    assert pages[2]["messages"] == newest["messages"]
    assert len(pages[0]["messages"][1]["attempts"]) == 1
    assert numbers(read(reader, chat, 99)) == numbers(newest)
    assert numbers(read(reader, chat, "x")) == numbers(pages[0])


def test_a_version_tells_what_it_follows_on_another_page(reader: Client, alice: User) -> None:
    chat = long_conversation(alice, 450)
    at = chat.messages.get(text="no. 7")
    Message.objects.create(
        conversation=chat, user=alice, parent=at.parent, text="no. 450", **kind(1)
    )
    Message.objects.create(conversation=chat, user=alice, role="user", text="no. 451")
    places = [message["place"] for message in read(reader, chat)["messages"]]
    assert places[-2:] == [
        "no. 451, follows no. 7, version 2 of 2",
        "no. 452, a new beginning, version 2 of 2",
    ]
    assert places[0] == "no. 401"
    first = [message["place"] for message in read(reader, chat, 1)["messages"]]
    assert (first[0], first[7]) == ("no. 1, version 1 of 2", "no. 8, version 1 of 2")
    assert [message["place"] for message in read(reader, chat, 2)["messages"]] == [None] * 200


def test_the_page_leads_to_all_others(reader: Client, alice: User) -> None:
    chat = long_conversation(alice, 450)
    url = f"/admin/chat/conversation/{chat.pk}/change/"
    shown = reader.get(url, {"page": "2"}).content.decode()
    for words in ("Messages 201–400 of 450", 'href="?page=1"', 'href="?page=3"', "?page=2"):
        assert words in shown
    short = reader.get(f"/admin/chat/conversation/{long_conversation(alice, 5).pk}/change/")
    assert "transcript-pages" not in short.content.decode()
