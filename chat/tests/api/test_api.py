"""The JSON API: everything through the owner, every refusal with its code and field."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from chat.models import Conversation, Counter, Endpoint, Message, OfferedModel, finish_removals

type Make = Callable[..., Conversation]
API = "/api/v1"
# Moments that no other time zone has.
FIRST_DAY = base64.urlsafe_b64encode(b"0001-01-01T00:00:00+14:00|5").decode()
LAST_DAY = base64.urlsafe_b64encode(b"9999-12-31T23:59:59-14:00|5").decode()


NOBODYS = UUID("00000000-0000-4000-8000-000000000000")


@pytest.fixture
def page(alice: User) -> Client:
    """Alice's browser."""
    client = Client()
    client.force_login(alice)
    return client


def patch(client: Client, path: str, body: Any) -> Any:
    return client.patch(f"{API}{path}", body, content_type="application/json")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/models"),
        ("get", "/changes?since=0"),
        ("get", "/conversations"),
        ("get", f"/conversations/{NOBODYS}"),
        ("patch", f"/conversations/{NOBODYS}"),
        ("delete", f"/conversations/{NOBODYS}"),
    ],
)
def test_nobody_gets_in_without_a_session(client: Client, db: None, method: str, path: str) -> None:
    answer = getattr(client, method)(f"{API}{path}")
    assert answer.status_code == 401
    assert answer.json()["code"] == "not_logged_in"


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_stranger_gets_the_same_404_as_for_an_unknown_id(
    page: Client, bob: User, make_conversation: Make, method: str
) -> None:
    foreign = make_conversation(bob)
    answers = [
        getattr(page, method)(
            f"{API}/conversations/{uid}", {"title": "mine"}, content_type="application/json"
        )
        for uid in (foreign.uid, uuid4())
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    assert Conversation.objects.get(uid=foreign.uid).title == "Haiku"


def test_changes_need_a_csrf_token(alice: User, make_conversation: Make) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    conversation = make_conversation(alice)
    path = f"{API}/conversations/{conversation.uid}"
    answer = client.delete(path)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")
    assert patch(client, f"/conversations/{conversation.uid}", {"title": "x"}).status_code == 403
    assert Conversation.objects.get().title == "Haiku"


def test_the_list_is_paged_by_last_activity_without_a_gap(
    page: Client, alice: User, bob: User, make_conversation: Make
) -> None:
    made = [str(make_conversation(alice, title=f"T{n}").uid) for n in range(7)]
    make_conversation(bob)
    seen: list[str] = []
    cursor = ""
    for _ in range(4):
        answer = page.get(f"{API}/conversations", {"limit": "2", "cursor": cursor}).json()
        seen += [row["id"] for row in answer["conversations"]]
        cursor = answer["next"] or ""
    assert seen == made[::-1]
    assert not cursor


def test_the_list_can_be_searched_by_title(
    page: Client, alice: User, make_conversation: Make
) -> None:
    make_conversation(alice, title="Holiday in Rome")
    make_conversation(alice, title="Taxes")
    found = page.get(f"{API}/conversations", {"q": "rome"}).json()["conversations"]
    assert [row["title"] for row in found] == ["Holiday in Rome"]


@pytest.mark.parametrize(
    "cursor", ["nonsense", "eA==", "é", "MjAyNnx4", "8J-RjQ==", "AA", FIRST_DAY, LAST_DAY]
)
def test_a_foreign_cursor_is_refused(page: Client, cursor: str) -> None:
    answer = page.get(f"{API}/conversations", {"cursor": cursor})
    assert answer.status_code == 422
    assert answer.json()["field"] == "cursor"


def test_reading_gives_the_tree_with_the_text_of_what_has_ended(
    page: Client,
    alice: User,
    make_conversation: Make,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    conversation = make_conversation(alice)
    with django_assert_num_queries(5):  # session, user, counter, conversation, messages
        answer = page.get(f"{API}/conversations/{conversation.uid}").json()
    question, reply = answer["messages"]
    assert answer["conversation"]["leaf"] == reply["id"]
    assert question["text"] == "Write a haiku."
    assert (reply["parent"], reply["text"]) == (question["id"], "Old pond.")
    assert "error_detail" not in reply


def test_a_growing_reply_comes_without_text(
    page: Client, alice: User, make_conversation: Make
) -> None:
    conversation = make_conversation(alice, status="running", text="")
    reply = page.get(f"{API}/conversations/{conversation.uid}").json()["messages"][1]
    assert "text" not in reply


def test_renaming_choosing_a_leaf_and_a_model(
    page: Client, alice: User, make_conversation: Make, settings: Settings
) -> None:
    settings.OPENAI_API_KEY, settings.CHAT_MODEL = "k", ["one"]
    conversation = make_conversation(alice)
    question = conversation.messages.get(role="user")
    body = {"title": "  New \n name\0 ", "leaf": str(question.uid), "model": "openai/one"}
    answer = patch(page, f"/conversations/{conversation.uid}", body).json()
    assert answer["conversation"]["title"] == "New name"
    assert answer["conversation"]["leaf"] == str(question.uid)
    assert answer["conversation"]["model"] == "openai/one"
    assert answer["seq"] == Counter.objects.current(alice.pk) == 1


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"title": ""}, "bad_field", "title"),
        ({"title": " \n"}, "bad_field", "title"),
        ({"title": 7}, "bad_field", "title"),
        ({"title": "x" * 501}, "bad_field", "title"),
        ({"leaf": "x"}, "bad_field", "leaf"),
        ({"model": "none/such"}, "no_model", "model"),
        ({"owner": 1}, "bad_field", "owner"),
    ],
)
def test_a_bad_change_names_the_field_and_changes_nothing(
    page: Client, alice: User, make_conversation: Make, body: Any, code: str, field: str
) -> None:
    conversation = make_conversation(alice)
    answer = patch(page, f"/conversations/{conversation.uid}", body)
    assert answer.status_code == 422
    assert (answer.json()["code"], answer.json()["field"]) == (code, field)
    assert Counter.objects.current(alice.pk) == 0


SETTINGS = {
    "system": "Answer in rhymes.",
    "temperature": 0.7,
    "top_p": 1,
    "max_tokens": 500,
    "reasoning_effort": "low",
}


def test_settings_are_stored_and_replaced_whole(
    page: Client, alice: User, make_conversation: Make
) -> None:
    path = f"/conversations/{make_conversation(alice).uid}"
    assert patch(page, path, {"settings": SETTINGS}).json()["conversation"]["settings"] == SETTINGS
    assert patch(page, path, {"title": "New"}).json()["conversation"]["settings"] == SETTINGS
    cleared = patch(page, path, {"settings": {"top_p": 0.5, "system": " \n", "temperature": None}})
    assert cleared.json()["conversation"]["settings"] == {"top_p": 0.5}


@pytest.mark.parametrize(
    ("chosen", "field"),
    [
        ({"temperature": 2.1}, "settings.temperature"),
        ({"temperature": -1}, "settings.temperature"),
        ({"temperature": "hot"}, "settings.temperature"),
        ({"temperature": True}, "settings.temperature"),
        ({"top_p": 1.01}, "settings.top_p"),
        ({"max_tokens": 0}, "settings.max_tokens"),
        ({"max_tokens": 1.5}, "settings.max_tokens"),
        ({"max_tokens": 10**7}, "settings.max_tokens"),
        ({"reasoning_effort": "much"}, "settings.reasoning_effort"),
        ({"system": "x" * 32_001}, "settings.system"),
        ({"system": ["x"]}, "settings.system"),
        ({"seed": 1}, "settings.seed"),
        ([], "settings"),
        ("{}", "settings"),
    ],
)
def test_a_bad_setting_is_named_and_nothing_is_stored(
    page: Client, alice: User, make_conversation: Make, chosen: Any, field: str
) -> None:
    conversation = make_conversation(alice)
    answer = patch(page, f"/conversations/{conversation.uid}", {"settings": chosen})
    assert answer.status_code == 422
    assert (answer.json()["code"], answer.json()["field"]) == ("bad_field", field)
    conversation.refresh_from_db()
    assert conversation.settings == {}


def test_settings_that_are_no_number_or_no_text_are_refused(
    page: Client, alice: User, make_conversation: Make
) -> None:
    path = f"/conversations/{make_conversation(alice).uid}"
    for body in (
        '{"settings": {"temperature": NaN}}',
        '{"settings": {"temperature": 1e999}}',
        '{"settings": {"max_tokens": 1%s}}' % ("0" * 400),
    ):
        assert patch(page, path, body).status_code in {400, 422}
    lone = patch(page, path, '{"settings": {"system": "a\\ud800b\\u0000c"}}')
    assert lone.json()["conversation"]["settings"] == {"system": "abc"}


@pytest.mark.parametrize("body", ["", "{", "[]", '"x"', "{" * 10_000])
def test_a_body_that_is_no_object_is_refused(
    page: Client, alice: User, make_conversation: Make, body: str
) -> None:
    conversation = make_conversation(alice)
    answer = patch(page, f"/conversations/{conversation.uid}", body)
    assert answer.status_code in {400, 422}
    assert answer.json()["code"] in {"bad_json", "bad_field"}


def test_a_leaf_of_another_conversation_is_not_found(
    page: Client, alice: User, make_conversation: Make
) -> None:
    one, other = make_conversation(alice), make_conversation(alice)
    leaf = str(other.messages.get(role="user").uid)
    assert patch(page, f"/conversations/{one.uid}", {"leaf": leaf}).status_code == 404


def test_deleting_removes_all_of_it_and_leaves_a_tombstone(
    page: Client, alice: User, make_conversation: Make, settings: Settings
) -> None:
    settings.UNDO_SECONDS = 0
    conversation = make_conversation(alice)
    assert page.delete(f"{API}/conversations/{conversation.uid}").status_code == 204
    assert page.get(f"{API}/conversations/{conversation.uid}").status_code == 404
    assert finish_removals() == 1
    assert not Message.objects.exists()
    changes = page.get(f"{API}/changes", {"since": 0}).json()
    assert changes["deleted"]["conversations"] == [str(conversation.uid)]


@pytest.mark.parametrize("since", ["", "x", "1.5", "-1", "9" * 30])
def test_a_bad_since_is_refused(page: Client, since: str) -> None:
    answer = page.get(f"{API}/changes", {"since": since})
    assert (answer.status_code, answer.json()["field"]) == (422, "since")


def test_a_since_that_is_not_reached_yet_is_from_another_time(page: Client) -> None:
    assert page.get(f"{API}/changes", {"since": 2**62}).json()["reset"]


def test_changes_need_the_same_few_queries_however_many_there_are(
    page: Client,
    alice: User,
    make_conversation: Make,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for n in range(5):
        conversation = make_conversation(alice)
        conversation.messages.update(seq=n + 1)
    Counter.objects.create(user=alice, value=5)
    with django_assert_num_queries(7):  # session, user, counter, and the four kinds of change
        answer = page.get(f"{API}/changes", {"since": 0}).json()
    assert len(answer["messages"]) == 10


def test_models_are_offered_with_the_default_first(page: Client, settings: Settings) -> None:
    settings.OPENAI_API_KEY, settings.CHAT_MODEL = "sk-canary", ["one", "two"]
    settings.EMBEDDED_MODEL_URL = "http://127.0.0.1:1/v1"
    answer = page.get(f"{API}/models")
    assert [(m["id"], m["default"]) for m in answer.json()["models"]] == [
        ("openai/one", True),
        ("openai/two", False),
        ("embedded/smollm2-135m", False),
    ]
    assert b"sk-canary" not in answer.content


def test_a_model_for_some_groups_is_offered_to_those_in_them(
    page: Client, alice: User, bob: User, client: Client
) -> None:
    endpoint = Endpoint.objects.create(slug="own", label="Own", base_url="http://own:1/v1")
    row = OfferedModel.objects.create(endpoint=endpoint, name="m", note="Slow.", context=8192)
    group = Group.objects.create(name="readers")
    row.groups.add(group, Group.objects.create(name="writers"))
    bob.groups.add(group)
    client.force_login(bob)
    assert page.get(f"{API}/models").json()["models"] == []
    (offered,) = client.get(f"{API}/models").json()["models"]
    assert (offered["id"], offered["note"], offered["context"]) == ("own/m", "Slow.", 8192)


def test_models_need_the_same_few_queries_however_many_there_are(
    page: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(3):
        endpoint = Endpoint.objects.create(slug=f"e{number}", label="E", base_url="http://e:1/v1")
        OfferedModel.objects.bulk_create(
            OfferedModel(endpoint=endpoint, name=f"m{n}") for n in range(20)
        )
    with django_assert_num_queries(4):  # session, user, counter, models with their endpoints
        assert len(page.get(f"{API}/models").json()["models"]) == 60
