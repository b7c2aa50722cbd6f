"""Tickets: what an `EventSource` of another site opens one stream with."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import Client, RequestFactory
from pytest_django import Settings

from chat.authentication import AuthenticationFailed, Caller, identify, make_ticket
from chat.models import Token
from chat.sessions import log_in, log_in_token

REPLY = uuid4()


def by_token(user: User, *scopes: str) -> Caller:
    row, _ = Token.objects.make(user, "Script", scopes or ["read"], None)
    return Caller(log_in_token(row))


def by_cookie(user: User) -> Caller:
    client = Client()
    client.force_login(user)
    login = log_in(client.cookies["sessionid"].value)
    assert login is not None
    return Caller(login)


def opens(ticket: str, query: str = "") -> HttpRequest:
    return RequestFactory().get(f"/api/v1/replies/{REPLY}/events?ticket={quote(ticket)}{query}")


def refused(request: HttpRequest, *scopes: str) -> str:
    with pytest.raises(AuthenticationFailed) as raised:
        identify(request, *scopes, ticket_for=REPLY)
    if raised.value.code == "bad_ticket":
        assert raised.value.status == 401
    return raised.value.code


@pytest.mark.parametrize("by", [by_token, by_cookie])
def test_a_ticket_opens_the_stream_as_the_login_that_made_it(
    alice: User, by: Callable[[User], Caller]
) -> None:
    caller = by(alice)
    ticket = make_ticket(caller, REPLY)
    same = Caller(replace(caller.login, language="en"))  # that of the request
    for _ in range(2):  # an EventSource may come back
        assert identify(opens(ticket), "chat", "read", ticket_for=REPLY) == same


def test_a_ticket_is_for_one_reply(alice: User) -> None:
    assert refused(opens(make_ticket(by_token(alice), uuid4()))) == "bad_ticket"


def test_a_ticket_opens_nothing_but_streams(alice: User) -> None:
    request = opens(make_ticket(by_token(alice), REPLY))
    with pytest.raises(AuthenticationFailed) as raised:
        identify(request, "read")
    assert raised.value.code == "not_logged_in"


def test_a_ticket_is_judged_alone(alice: User, bob: User) -> None:
    """Neither does a session stand in for a bad one, nor a ticket for a bad token."""
    request = opens("x" * 50)
    request.COOKIES["sessionid"] = by_cookie(bob).login.session_key
    assert refused(request) == "bad_ticket"
    request = opens(make_ticket(by_cookie(alice), REPLY))
    request.META["HTTP_AUTHORIZATION"] = "Bearer prl_" + "x" * 43
    assert refused(request) == "bad_token"


def _log_out(caller: Caller) -> None:
    Client(headers={"Cookie": f"sessionid={caller.login.session_key}"}).post("/accounts/logout/")


def _change_password(caller: Caller) -> None:
    user = User.objects.get(pk=caller.user_id)
    user.set_password("Kestrel-42-lamp")
    user.save()


def _deactivate(caller: Caller) -> None:
    User.objects.filter(pk=caller.user_id).update(is_active=False)


def _revoke(caller: Caller) -> None:
    Token.objects.filter(user=caller.user_id).revoke()


@pytest.mark.parametrize(
    ("by", "end"),
    [
        (by_cookie, _log_out),
        (by_cookie, _change_password),
        (by_cookie, _deactivate),
        (by_token, _revoke),
        (by_token, _deactivate),
    ],
)
def test_a_ticket_ends_with_its_login(
    alice: User, by: Callable[[User], Caller], end: Callable[[Caller], None]
) -> None:
    caller = by(alice)
    ticket = make_ticket(caller, REPLY)
    by(alice)  # another login of hers stays, and is not what the ticket stands for
    end(caller)
    assert refused(opens(ticket)) == "bad_ticket"


def test_a_ticket_of_a_token_has_its_scopes(alice: User) -> None:
    ticket = make_ticket(by_token(alice, "export"), REPLY)
    assert refused(opens(ticket), "chat", "read") == "scope"


def test_switched_off_tokens_leave_no_tickets(alice: User, settings: Settings) -> None:
    ticket = make_ticket(by_token(alice), REPLY)
    own = make_ticket(by_cookie(alice), REPLY)
    settings.API_TOKENS = False
    assert refused(opens(ticket)) == "bad_ticket"
    assert identify(opens(own), ticket_for=REPLY).user_id == alice.pk


def test_a_ticket_is_over_after_its_time(alice: User, settings: Settings) -> None:
    assert settings.TICKET_SECONDS == 60
    ticket = make_ticket(by_token(alice), REPLY)
    assert identify(opens(ticket), ticket_for=REPLY).user_id == alice.pk
    settings.TICKET_SECONDS = -1
    assert refused(opens(ticket)) == "bad_ticket"


def test_a_ticket_of_another_secret_key_is_refused(alice: User, settings: Settings) -> None:
    ticket = make_ticket(by_token(alice), REPLY)
    settings.SECRET_KEY = "another-key-0123456789-0123456789-0123456789"
    assert refused(opens(ticket)) == "bad_ticket"


@pytest.mark.parametrize("ticket", ["", "x", "ä", "=" * 9, "gAAAAA", "\x00", "x" * 100_000])
def test_anything_else_is_no_ticket(db: None, ticket: str) -> None:
    assert refused(opens(ticket)) == "bad_ticket"


def test_no_changed_character_and_no_second_ticket_gets_through(alice: User) -> None:
    ticket = make_ticket(by_token(alice), REPLY)
    for at in (0, 5, 20, 60, len(ticket) - 3):
        other = "A" if ticket[at] != "A" else "B"
        assert refused(opens(ticket[:at] + other + ticket[at + 1 :])) == "bad_ticket"
    assert refused(opens(ticket, f"&ticket={ticket}")) == "bad_ticket"


def test_a_ticket_shows_no_session_key(alice: User) -> None:
    """It is in an address, and the session outlives it."""
    caller = by_cookie(alice)
    ticket = make_ticket(caller, REPLY)
    assert ticket.replace("-", "").replace("_", "").isalnum()  # goes into an address as it is
    assert caller.login.session_key.encode() not in base64.urlsafe_b64decode(ticket + "==")
