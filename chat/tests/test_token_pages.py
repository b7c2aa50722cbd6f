"""The account's pages for API tokens."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from chat.models import Token

PASSWORD = "Kestrel-42-lamp"
LIST = "/accounts/tokens/"
NEW = "/accounts/tokens/new/"
CONFIRM = f"/accounts/reauthenticate/?next={NEW}"
SECRET = re.compile(r"prl_[A-Za-z0-9_-]{43}")


@pytest.fixture
def hers(client: Client, alice: User) -> Client:
    """Alice's browser, in which she has just given her password."""
    alice.set_password(PASSWORD)
    alice.save()
    client.force_login(alice)
    answer = client.post(CONFIRM, {"password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, NEW)
    return client


def filled_in(client: Client, **changes: Any) -> dict[str, Any]:
    """The new form as the page has it, filled in."""
    found = re.search(r'name="uid" value="([0-9a-f-]+)"', client.get(NEW).text)
    assert found is not None
    return {"uid": found[1], "name": "Script", "scopes": ["read"], "days": "30"} | changes


# --- making one --------------------------------------------------------------------------------


def test_a_token_is_shown_in_the_answer_and_nowhere_else(hers: Client, alice: User) -> None:
    answer = hers.post(NEW, filled_in(hers, scopes=["chat", "export"]))
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    (secret,) = SECRET.findall(answer.text)
    found = Token.objects.find(secret)
    assert found is not None
    assert (found.user, found.name, found.scopes) == (alice, "Script", ["chat", "export"])
    for path in (LIST, NEW, "/accounts/password/change/", "/"):
        assert not SECRET.search(hers.get(path).text)
    assert secret not in str(hers.session.items()) + str(hers.cookies)
    assert secret[-4:] in hers.get(LIST).text


@pytest.mark.parametrize("days", [7, 30, 90, 365])
def test_it_expires_when_chosen(hers: Client, days: int) -> None:
    before = timezone.now()
    hers.post(NEW, filled_in(hers, days=str(days)))
    expires = Token.objects.get().expires
    assert expires is not None
    assert before + timedelta(days=days) <= expires <= timezone.now() + timedelta(days=days)


def test_it_may_last_for_ever_but_not_unasked(hers: Client) -> None:
    assert re.search(r'value="90"\s+selected', hers.get(NEW).text)
    hers.post(NEW, filled_in(hers, days=""))
    assert Token.objects.get().expires is None
    assert "does not expire" in hers.get(LIST).text


def test_the_form_sent_again_makes_no_second_one(hers: Client) -> None:
    form = filled_in(hers)
    first = hers.post(NEW, form)
    again = hers.post(NEW, form)
    assert again.status_code == 409
    assert "already exists" in again.text
    assert SECRET.search(first.text)
    assert not SECRET.search(again.text)
    assert Token.objects.count() == 1
    hers.post(NEW, filled_in(hers))  # a new form makes another
    assert Token.objects.count() == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "  "}, "This field is required."),
        ({"name": "x" * 81}, "at most 80 characters"),
        ({"name": "a\x00b"}, "Null characters are not allowed."),
        ({"scopes": []}, "Choose at least one."),
        ({"scopes": ["admin"]}, "Select a valid choice."),
        ({"days": "36500"}, "Select a valid choice."),
        ({"uid": ""}, "Open it again."),
        ({"uid": "1"}, "Open it again."),
    ],
)
def test_what_is_wrong_is_said_and_makes_nothing(
    hers: Client, change: dict[str, Any], said: str
) -> None:
    answer = hers.post(NEW, filled_in(hers, **change))
    assert said in answer.text
    assert not Token.objects.exists()


def test_too_many_are_refused_in_words(hers: Client, settings: Settings) -> None:
    settings.TOKENS_PER_USER = 1
    hers.post(NEW, filled_in(hers))
    answer = hers.post(NEW, filled_in(hers))
    assert "You have 1, the maximum." in answer.text
    assert Token.objects.count() == 1


def test_a_name_is_shown_as_it_is(hers: Client) -> None:
    hers.post(NEW, filled_in(hers, name="<b>&amp;"))
    assert "<b>" not in hers.get(LIST).text
    assert "&lt;b&gt;&amp;amp;" in hers.get(LIST).text


def test_name_from_right_to_left_turns_nothing_beside_it(hers: Client) -> None:
    made = hers.post(NEW, filled_in(hers, name="\u05d0\u05d1"))
    name = "<bdi>\u05d0\u05d1</bdi>"
    assert f"The token “{name}”" in made.text
    assert f"<strong>{name}</strong>" in hers.get(LIST).text
    revoke = hers.get(f"/accounts/tokens/{Token.objects.get().uid}/revoke/")
    assert f"Revoke “{name}”?" in revoke.text
    assert 'aria-label="Revoke \u2068\u05d0\u05d1\u2069"' in hers.get(LIST).text
    done = hers.post(f"/accounts/tokens/{Token.objects.get().uid}/revoke/", follow=True)
    assert "“\u2068\u05d0\u05d1\u2069” has been revoked." in done.text


def test_who_has_not_just_given_the_password_is_asked_for_it(client: Client, alice: User) -> None:
    alice.set_password(PASSWORD)
    alice.save()
    client.force_login(alice)
    for answer in (
        client.get(NEW),
        client.post(NEW, {"uid": uuid4(), "name": "Script", "scopes": ["read"], "days": "30"}),
    ):
        assert (answer.status_code, unquote(answer["Location"])) == (302, CONFIRM)
    assert not Token.objects.exists()
    assert client.post(CONFIRM, {"password": "wrong"}).status_code == 200
    assert not Token.objects.exists()


def test_a_form_that_was_held_up_by_the_question_goes_on(client: Client, alice: User) -> None:
    alice.set_password(PASSWORD)
    alice.save()
    client.force_login(alice)
    form = {"uid": uuid4(), "name": "Held up", "scopes": ["read"], "days": "30"}
    client.post(NEW, form)
    answer = client.post(CONFIRM, {"password": PASSWORD, "next": NEW})
    assert SECRET.search(answer.text)
    assert "no-store" in answer["Cache-Control"]
    assert not SECRET.search(client.post(CONFIRM, {"password": PASSWORD, "next": NEW}).text)
    assert Token.objects.get().name == "Held up"


def test_nothing_is_made_without_the_csrf_token(hers: Client, alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = hers.cookies
    answer = strict.post(NEW, filled_in(hers))
    assert answer.status_code == 403
    assert not Token.objects.exists()


# --- seeing and revoking -----------------------------------------------------------------------


def test_the_list_has_what_tells_one_from_another(client: Client, alice: User, bob: User) -> None:
    Token.objects.make(bob, "Somebody else's", ["read"], None)
    row, _ = Token.objects.make(alice, "Nightly", ["read", "export"], None)
    Token.objects.filter(pk=row.pk).update(
        created="2026-01-02T03:04:05Z",
        last_used="2026-02-03T04:05:06Z",
        expires="2026-03-04T05:06:07Z",
    )
    client.force_login(alice)
    text = " ".join(client.get(LIST).text.split())
    for shown in (
        "Nightly",
        f"…{row.hint}",
        "Scopes: read, export",
        "Created 2 January 2026",
        "expired 4 March 2026, 05:06 UTC",
        "Last used 3 February 2026, 04:05 UTC",
        "A new password does not revoke it unless you choose so",
    ):
        assert shown in text
    assert "Somebody" not in text
    assert row.digest not in text


def test_revoking_asks_first(client: Client, alice: User) -> None:
    row, secret = Token.objects.make(alice, "Script", ["read"], None)
    client.force_login(alice)
    page = f"{LIST}{row.uid}/revoke/"
    assert page in client.get(LIST).text
    assert "Revoke “<bdi>Script</bdi>”?" in client.get(page).text
    assert Token.objects.find(secret) is not None
    answer = client.post(page, follow=True)
    assert "“Script” has been revoked." in answer.text
    assert Token.objects.find(secret) is None
    assert "No tokens yet." in client.get(LIST).text
    assert client.get(page).status_code == client.post(page).status_code == 404


@pytest.mark.parametrize("person", ["bob", "carol", "root"])
def test_others_tokens_are_not_found(
    client: Client, alice: User, request: pytest.FixtureRequest, person: str
) -> None:
    row, secret = Token.objects.make(alice, "Script", ["read"], None)
    client.force_login(request.getfixturevalue(person))
    for ask in (client.get, client.post):
        foreign, unknown = ask(f"{LIST}{row.uid}/revoke/"), ask(f"{LIST}{uuid4()}/revoke/")
        assert foreign.status_code == unknown.status_code == 404
        assert foreign.content == unknown.content
    assert Token.objects.find(secret) is not None


# --- switched off ------------------------------------------------------------------------------


def _anonymous(client: Client, user: User) -> None:
    pass


def _logged_in(client: Client, user: User) -> None:
    client.force_login(user)


@pytest.mark.parametrize("come", [_anonymous, _logged_in])
def test_where_tokens_are_switched_off_there_are_no_pages(
    client: Client, alice: User, settings: Settings, come: Callable[[Client, User], None]
) -> None:
    row, _ = Token.objects.make(alice, "Script", ["read"], None)
    settings.API_TOKENS = False
    come(client, alice)
    for path in (LIST, NEW, f"{LIST}{row.uid}/revoke/"):
        assert client.get(path).status_code == client.post(path).status_code == 404


def test_the_account_leads_there_unless_switched_off(
    client: Client, alice: User, settings: Settings
) -> None:
    client.force_login(alice)
    assert f'href="{LIST}"' in client.get("/accounts/sessions/").text
    settings.API_TOKENS = False
    assert f'href="{LIST}"' not in client.get("/accounts/sessions/").text
