"""Folders and pins by the API, and the lists that follow from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from chat.models import Conversation, Folder

type Make = Callable[..., Conversation]
API = "/api/v1"
JSON = "application/json"


@pytest.fixture
def page(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def make(client: Client, name: str) -> Any:
    body = {"id": str(uuid4()), "name": name}
    return client.post(f"{API}/folders", body, content_type=JSON)


def titles(client: Client, **query: str) -> list[str]:
    answer = client.get(f"{API}/conversations", query).json()
    return [row["title"] for row in answer["conversations"]]


def patch(client: Client, chat: Conversation, body: dict[str, Any]) -> Any:
    return client.patch(f"{API}/conversations/{chat.uid}", body, content_type=JSON)


def test_a_name_is_tidied_as_titles_are(page: Client) -> None:
    made = make(page, " My\n travel\0 ").json()["folder"]
    assert made["name"] == "My travel"
    empty = make(page, " \n ")
    assert (empty.status_code, empty.json()["field"]) == (422, "name")
    listed = page.get(f"{API}/folders").json()
    assert listed["folders"] == [made]
    assert listed["seq"] == made["seq"]


def test_too_many_folders_are_refused_in_words(page: Client, settings: Settings) -> None:
    settings.FOLDERS_PER_USER = 1
    make(page, "One")
    answer = make(page, "Two")
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many")
    assert "FOLDERS_PER_USER" in answer.json()["detail"]


def test_a_conversation_is_put_into_a_folder_and_out_of_it(
    page: Client, alice: User, make_conversation: Make
) -> None:
    folder = make(page, "Travel").json()["folder"]["id"]
    inside, beside = make_conversation(alice, "Inside"), make_conversation(alice, "Beside")
    changed = patch(page, inside, {"folder": folder}).json()["conversation"]
    assert changed["folder"] == folder
    assert titles(page, folder=folder) == ["Inside"]
    assert titles(page, folder="none") == ["Beside"]
    assert (
        patch(page, inside, {"title": "Renamed", "folder": None}).json()["conversation"]["folder"]
        == folder
    ), "null changes nothing"
    assert patch(page, inside, {"folder": "none"}).json()["conversation"]["folder"] is None
    assert beside.folder_id is None


def test_somebody_elses_folder_is_as_unknown(
    page: Client, alice: User, bob: User, make_conversation: Make
) -> None:
    his = Folder.objects.make(bob.pk, uuid4(), "His")[0]
    chat = make_conversation(alice, "Mine")
    answers = [patch(page, chat, {"folder": str(uid)}) for uid in (his.uid, uuid4())]
    assert {one.status_code for one in answers} == {404}
    assert answers[0].content == answers[1].content
    assert titles(page, folder=str(his.uid)) == titles(page, folder=str(uuid4())) == []


def test_pinned_ones_come_first_on_every_page(
    page: Client,
    alice: User,
    make_conversation: Make,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    chats = [make_conversation(alice, f"No. {at}") for at in range(5)]
    body = {"conversations": [str(chats[0].uid), str(chats[2].uid)]}
    answer = page.put(f"{API}/pins", body, content_type=JSON)
    assert [row["title"] for row in answer.json()["conversations"]] == ["No. 0", "No. 2"]
    wanted = ["No. 0", "No. 2", "No. 4", "No. 3", "No. 1"]
    assert titles(page) == wanted
    found, cursor = [], ""
    while True:
        with django_assert_num_queries(4):  # session, user, counter, list
            listed = page.get(f"{API}/conversations?limit=1&cursor={cursor}").json()
        found += [row["title"] for row in listed["conversations"]]
        if not (cursor := listed["next"] or ""):
            break
    assert found == wanted


def test_an_order_with_an_unknown_id_pins_nothing(
    page: Client, alice: User, bob: User, make_conversation: Make
) -> None:
    mine, his = make_conversation(alice, "Mine"), make_conversation(bob, "His")
    answers = []
    for other in (his.uid, uuid4()):
        body = {"conversations": [str(mine.uid), str(other)]}
        answers.append(page.put(f"{API}/pins", body, content_type=JSON))
    assert {one.status_code for one in answers} == {404}
    assert answers[0].content == answers[1].content
    mine.refresh_from_db()
    assert mine.pinned == 0
