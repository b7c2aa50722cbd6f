"""`POST /api/v1/search`: results with marks, one's own only, and no words in an address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from chat.models import Conversation
from chat.models.search import filling
from chat.tests.filling import fill_index

type Make = Callable[..., Conversation]


def ask(client: Client, user: User, **body: Any) -> tuple[int, dict[str, Any]]:
    client.force_login(user)
    response = client.post("/api/v1/search", body, content_type="application/json")
    return response.status_code, response.json()


def test_results_tell_all_that_a_list_shows(
    client: Client, alice: User, make_conversation: Make
) -> None:
    row = make_conversation(alice, title="Pfeffer & Salz", text="Black <b>pepper</b> is hot.")
    row.archived = True
    row.save()
    fill_index()
    status, found = ask(client, alice, q="PEPPER")
    assert status == 200
    answer = row.messages.get(role="assistant")
    (result,) = found["results"]
    assert result["conversation"] == str(row.uid)
    assert (result["title"], result["archived"], result["source"]) == ("Pfeffer & Salz", True, None)
    assert result["title_pieces"] == [{"text": "Pfeffer & Salz", "marked": False}]
    assert result["excerpts"] == [
        {
            "message": str(answer.uid),
            "role": "assistant",
            "pieces": [
                {"text": "Black <b>", "marked": False},
                {"text": "pepper", "marked": True},
                {"text": "</b> is hot.", "marked": False},
            ],
        }
    ]
    assert (found["next"], found["terms"], found["complete"]) == (None, 1, True)


def test_pages_follow_by_before(client: Client, alice: User, make_conversation: Make) -> None:
    rows = [make_conversation(alice, text="pepper") for _ in range(5)]
    fill_index()
    seen: list[str] = []
    body: dict[str, Any] = {"q": "pepper", "limit": 2}
    while True:
        status, found = ask(client, alice, **body)
        assert status == 200
        seen += [result["conversation"] for result in found["results"]]
        if found["next"] is None:
            break
        body["before"] = found["next"]
    assert seen == [str(row.uid) for row in reversed(rows)]


def test_matches_of_one_conversation(
    client: Client, alice: User, bob: User, make_conversation: Make
) -> None:
    row = make_conversation(alice, text="haiku")
    make_conversation(alice, text="haiku")
    fill_index()
    _, found = ask(client, alice, q="haiku", conversation=str(row.uid))
    (result,) = found["results"]
    keys = row.messages.order_by("pk").values_list("uid", flat=True)
    assert [one["message"] for one in result["excerpts"]] == [str(key) for key in keys]
    assert ask(client, bob, q="haiku", conversation=str(row.uid))[0] == 404
    assert ask(client, bob, q="haiku")[1]["results"] == []


def test_incomplete_index_says_so(client: Client, alice: User, make_conversation: Make) -> None:
    make_conversation(alice, text="pepper")
    filling.begin_again()
    status, found = ask(client, alice, q="pepper")
    assert (status, found["results"], found["complete"]) == (200, [], False)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"q": ""}, 200),
        ({"q": '"%\\'}, 200),
        ({"q": "a\x00b"}, 200),
        ({"q": "x" * 201}, 422),
        ({}, 422),
        ({"q": "x", "limit": 0}, 422),
        ({"q": "x", "before": "nonsense"}, 422),
        ({"q": "x", "conversation": "7"}, 422),
        ({"q": "x", "other": 1}, 422),
    ],
)
def test_questions(client: Client, alice: User, body: dict[str, Any], status: int) -> None:
    assert ask(client, alice, **body)[0] == status


def test_words_are_not_taken_from_an_address(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.get("/api/v1/search?q=secret").status_code == 405
