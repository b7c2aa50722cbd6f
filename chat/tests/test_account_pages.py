"""The account's pages: profile, sessions and usage."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from chat.models import Conversation, Message
from chat.models.values.states import Role

PROFILE = "/accounts/profile/"
SESSIONS = "/accounts/sessions/"
USAGE = "/accounts/usage/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
PASSWORD = "Kestrel-42-lamp"


def logged_in(user: User, agent: str) -> Client:
    if not user.check_password(PASSWORD):
        user.set_password(PASSWORD)
        user.save()
    client = Client(headers={"user-agent": agent})
    answer = client.post("/accounts/login/", {"login": user.username, "password": PASSWORD})
    assert answer.status_code == 302
    return client


# --- profile ------------------------------------------------------------------------------


def test_account_begins_with_the_profile(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.get("/accounts/")["Location"] == PROFILE
    page = client.get(PROFILE).text
    assert 'autocomplete="name"' in page
    assert page.count("<h1>") == 1
    assert f'href="{PROFILE}" aria-current="page"' in page


def test_name_is_shown_as_it_was_written(client: Client, alice: User) -> None:
    client.force_login(alice)
    client.post(PROFILE, {"name": "Alice <b>Liddell</b>"})
    alice.refresh_from_db()
    assert alice.get_full_name() == "Alice <b>Liddell</b>"
    assert "<b>Liddell" not in client.get("/").text
    client.post(PROFILE, {"name": ""})
    alice.refresh_from_db()
    assert alice.get_full_name() == ""


def test_profile_that_is_saved_unchanged_keeps_both_names(client: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(first_name="Alice", last_name="Liddell")
    client.force_login(alice)
    client.post(PROFILE, {"name": "Alice Liddell"})
    alice.refresh_from_db()
    assert (alice.first_name, alice.last_name) == ("Alice", "Liddell")


def test_profile_changes_nothing_but_the_name(client: Client, alice: User) -> None:
    client.force_login(alice)
    client.post(PROFILE, {"name": "A", "username": "x", "is_staff": "1", "email": "a@b.example"})
    alice.refresh_from_db()
    assert (alice.username, alice.is_staff) == ("alice", False)
    assert alice.email != "a@b.example"


# --- sessions -----------------------------------------------------------------------------


def test_sessions_name_their_devices_this_one_first(alice: User) -> None:
    logged_in(alice, "<img src=x onerror=alert(1)>")
    here = logged_in(alice, FIREFOX)
    page = here.get(SESSIONS).text
    assert page.index("Firefox on Linux") < page.index("Unknown browser")
    assert "onerror" not in page
    assert page.count("(this session)") == 1


def test_one_session_is_ended(alice: User) -> None:
    there, here = logged_in(alice, FIREFOX), logged_in(alice, FIREFOX)
    key = there.session.session_key
    here.post(SESSIONS, {"session": UserSession.objects.get(session_key=key).pk})
    assert there.get(SESSIONS).status_code == 302
    assert here.get(SESSIONS).status_code == 200


def test_session_of_another_is_as_one_that_is_not_there(alice: User, bob: User) -> None:
    his, hers = logged_in(bob, FIREFOX), logged_in(alice, FIREFOX)
    foreign = UserSession.objects.get(user=bob).pk
    answers = [hers.post(SESSIONS, {"session": one}) for one in (foreign, 10**9, "x", "٣")]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert his.get(SESSIONS).status_code == 200


def test_ending_this_session_asks_as_the_log_out_does(alice: User) -> None:
    here = logged_in(alice, FIREFOX)
    own = UserSession.objects.get(user=alice).pk
    assert here.post(SESSIONS, {"session": own})["Location"] == "/accounts/logout/"
    assert here.get(SESSIONS).status_code == 200


def test_nobody_ends_a_session(client: Client, alice: User) -> None:
    here = logged_in(alice, FIREFOX)
    answer = client.post(SESSIONS, {"session": UserSession.objects.get(user=alice).pk})
    assert answer["Location"].startswith("/accounts/login/")
    assert here.get(SESSIONS).status_code == 200


# --- usage --------------------------------------------------------------------------------


def replied(owner: User, ended: datetime, **facts: Any) -> None:
    chat = Conversation.objects.create(owner=owner, updated=ended)
    Message.objects.create(
        conversation=chat,
        user_id=owner.pk,
        role=Role.ASSISTANT,
        status="complete",
        created=ended,
        ended=ended,
        **facts,
    )


def test_usage_of_a_month_is_the_users_own(
    client: Client, alice: User, bob: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    User.objects.update(date_joined=datetime(2026, 1, 5, tzinfo=UTC))
    took = {"prompt_tokens": 1234, "completion_tokens": 56}
    day = datetime(2026, 2, 28, 23, 59, tzinfo=UTC)
    replied(alice, day, model="m<b>1", usage=took, cost=Decimal("0.5"))
    replied(alice, datetime(2026, 3, 1, tzinfo=UTC), model="march", usage=took)
    replied(bob, day, model="foreign", usage=took)
    client.force_login(alice)
    with django_assert_num_queries(3):  # the session, the user, the rows
        page = client.get(USAGE, {"month": "2026-02"}).text
    assert "m&lt;b&gt;1" in page
    assert "1,234" in page
    assert "march" not in page
    assert "foreign" not in page
    assert 'href="?month=2026-01"' in page
    assert 'href="?month=2026-03"' in page
    assert 'rel="prev"' not in client.get(USAGE, {"month": "2026-01"}).text


def test_usage_without_replies_says_so(client: Client, alice: User) -> None:
    client.force_login(alice)
    page = client.get(USAGE).text
    assert "No replies in this month." in page
    assert 'rel="next"' not in page


@pytest.mark.parametrize("month", ["2026", "2026-13", "1999-01", "x", "2026-1", "٢٠٢٦-٠١"])
def test_a_month_that_is_none_is_not_found(client: Client, alice: User, month: str) -> None:
    client.force_login(alice)
    assert client.get(USAGE, {"month": month}).status_code == 404
