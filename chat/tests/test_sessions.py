"""The check of the logins behind open connections: what it finds, and what it costs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from chat.models import Counter, Token
from chat.sessions import Login, check, log_in, log_in_token


def by_cookie(user: User) -> Login:
    client = Client()
    client.force_login(user)
    login = log_in(client.cookies["sessionid"].value)
    assert login is not None
    return login


def by_token(user: User) -> Login:
    row, _ = Token.objects.make(user, "Script", ["read"], None)
    return log_in_token(row)


def test_a_login_by_token_is_not_one_by_cookie(alice: User) -> None:
    login = by_token(alice)
    assert (login.user_id, login.name, login.session_key) == (alice.pk, "alice", "")
    assert login.token == Token.objects.get().pk
    assert by_cookie(alice).token is None


def _revoke() -> None:
    Token.objects.filter(user__username="alice").revoke()


def _expire() -> None:
    Token.objects.filter(user__username="alice").update(expires=timezone.now())


def _deactivate() -> None:
    User.objects.filter(username="alice").update(is_active=False)


def _delete() -> None:
    User.objects.filter(username="alice").delete()


@pytest.mark.parametrize("end", [_revoke, _expire, _deactivate, _delete])
def test_what_ends_a_token_ends_its_connections(
    alice: User, bob: User, end: Callable[[], None]
) -> None:
    hers, his, page = by_token(alice), by_token(bob), by_cookie(alice)
    assert check([hers, his, page])[0] == set()
    end()
    over, counters = check([hers, his, page])
    assert hers in over
    assert his not in over
    assert (page in over) == (end in (_deactivate, _delete))
    assert bob.pk in counters


def test_a_log_out_does_not_end_a_token(alice: User) -> None:
    token, page = by_token(alice), by_cookie(alice)
    alice.set_password("Kestrel-42-lamp")
    alice.save()
    assert check([token, page])[0] == {page}


def test_counters_come_with_tokens_too(alice: User) -> None:
    Counter.objects.create(user=alice, value=41)
    assert check([by_token(alice)])[1] == {alice.pk: 41}


@pytest.mark.parametrize(("cookies", "tokens", "queries"), [(4, 0, 2), (0, 4, 2), (250, 250, 3)])
def test_500_logins_cost_three_queries_at_most(
    alice: User,
    django_assert_num_queries: DjangoAssertNumQueries,
    cookies: int,
    tokens: int,
    queries: int,
) -> None:
    page, token = by_cookie(alice), by_token(alice)
    logins = [Login(alice.pk, "alice", f"{n}", page.auth_hash) for n in range(cookies)]
    logins += [Login(alice.pk, "alice", "", "", 10**6 + n) for n in range(tokens)]
    logins[:1] = [page] if cookies else []
    logins[-1:] = [token] if tokens else logins[-1:]
    with django_assert_num_queries(queries):
        over, _ = check(logins)
    assert set(logins) - over == {login for login in (page, token) if login in logins}
