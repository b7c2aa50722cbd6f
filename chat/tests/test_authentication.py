"""Authentication over HTTP: by token, or by cookie with the CSRF check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from chat.authentication import AuthenticationFailed, Caller, identify
from chat.models import Scope, Token

CSRF = "t" * 32


def asks(
    method: str = "GET",
    path: str = "/api/v1/models",
    *,
    token: str | None = None,
    by: User | None = None,
    secure: bool = False,
    **headers: str,
) -> HttpRequest:
    """A request with this token, or with the cookies of a session of this user."""
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    data: dict[str, Any] = {}
    if method != "GET":
        data = {"data": b"{}", "content_type": "application/json"}
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request: HttpRequest = RequestFactory().generic(
        method, path, headers=headers, secure=secure, **data
    )
    if by is not None:
        client = Client()
        client.force_login(by)
        request.COOKIES["sessionid"] = client.cookies["sessionid"].value
        request.COOKIES["csrftoken"] = CSRF
    return request


def refused(request: HttpRequest, *scopes: str) -> AuthenticationFailed:
    with pytest.raises(AuthenticationFailed) as raised:
        identify(request, *scopes)
    return raised.value


def made(user: User, *scopes: str) -> str:
    return Token.objects.make(user, "Script", scopes or ["read"], None)[1]


# --- by token ----------------------------------------------------------------------------------


def test_a_token_says_who_asks(alice: User, bob: User) -> None:
    made(bob)
    secret = made(alice)
    caller = identify(asks(token=secret), "read")
    assert caller.user_id == alice.pk
    assert caller.token == Token.objects.get(user=alice).pk
    assert Token.objects.get(user=alice).last_used is not None
    assert Token.objects.get(user=bob).last_used is None


@pytest.mark.parametrize("authorization", ["Bearer {}", "bearer {}", "BEARER   {}"])
def test_scheme_may_be_written_in_any_case(alice: User, authorization: str) -> None:
    request = asks(Authorization=authorization.format(made(alice)))
    assert identify(request, "read").user_id == alice.pk


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_a_token_needs_no_csrf_token(alice: User, method: str) -> None:
    request = asks(method, token=made(alice, "chat"), Origin="https://elsewhere.example")
    assert identify(request, "chat").user_id == alice.pk


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "{}",
        "Bearer {}x",
        "Bearer {} x",
        "Bearer {},Bearer {}",
        "Bearer {}, Bearer {}",
        "Bearer\t{}",
        "Basic {}",
        "Token {}",
        "Bearer token={}",
        "Bearer prl_",
        "Bearer prl_" + "ä" * 43,
        "Bearer prl_" + "x" * 90_000,
    ],
)
def test_every_other_authorization_gets_the_same_answer(alice: User, authorization: str) -> None:
    """Also with a session that would be let in: a request is judged by the header alone."""
    request = asks(by=alice, Authorization=authorization.replace("{}", made(alice)))
    no = refused(request)
    assert (no.status, no.code) == (401, "bad_token")
    assert no.headers == {"WWW-Authenticate": 'Bearer error="invalid_token"'}


def _revoke(secret: str) -> None:
    Token.objects.all().revoke()


def _expire(secret: str) -> None:
    Token.objects.update(expires=timezone.now())


def _deactivate(secret: str) -> None:
    User.objects.update(is_active=False)


@pytest.mark.parametrize("end", [_revoke, _expire, _deactivate])
def test_a_token_that_ended_is_answered_as_one_that_never_was(
    alice: User, end: Callable[[str], None]
) -> None:
    secret = made(alice)
    never = refused(asks(token=secret[:-4] + "AAAA"), "chat")
    end(secret)
    ended = refused(asks(token=secret), "chat")  # a scope it never had: nothing is said of it
    assert vars(ended) == vars(never)
    assert str(ended) == str(never)


def test_switched_off_no_token_is_let_in(alice: User, settings: Settings) -> None:
    secret = made(alice)
    settings.API_TOKENS = False
    assert refused(asks(token=secret)).code == "bad_token"
    assert identify(asks(by=alice)).user_id == alice.pk


@pytest.mark.parametrize("scope", Scope.values)
def test_another_scope_is_refused_and_named(alice: User, scope: str) -> None:
    others = [one for one in Scope.values if one != scope]
    no = refused(asks(token=made(alice, *others)), scope)
    assert (no.status, no.code) == (403, "scope")
    assert scope in no.message
    assert f'scope="{scope}"' in no.headers["WWW-Authenticate"]


def test_one_of_several_scopes_is_enough(alice: User) -> None:
    assert identify(asks(token=made(alice, "read")), "chat", "read").user_id == alice.pk
    assert identify(asks(token=made(alice, "export"))).user_id == alice.pk
    assert refused(asks(token=made(alice, "export")), "chat", "read").code == "scope"


def test_a_request_by_token_costs_one_query(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    request = asks(token=made(alice))
    identify(request)
    with django_assert_num_queries(1):
        identify(request)


# --- never in an address -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["token", "access_token", "api_key", "key", "q", "prl", ""])
def test_a_token_in_an_address_is_refused_and_not_repeated(alice: User, name: str) -> None:
    secret = made(alice)
    for query in (f"{name}={secret}", f"{name}=Bearer%20{secret}", f"{name}=%70rl_{secret[4:]}"):
        for request in (
            asks(path=f"/api/v1/models?{query}"),
            asks(path=f"/api/v1/models?{query}", token=secret),
            asks(path=f"/api/v1/models?x=1&{query}", by=alice),
        ):
            no = refused(request, "read")
            assert (no.status, no.code) == (400, "token_in_url")
            assert secret[4:] not in no.message


def test_a_word_that_looks_a_little_like_one_is_not(alice: User) -> None:
    for query in ("q=prl_export", "q=what+is+prl_", f"cursor={'x' * 20}prl_{'x' * 40}"):
        assert identify(asks(path=f"/api/v1/models?{query}", by=alice)).user_id == alice.pk


def test_names_that_others_use_for_tokens_mean_nothing(alice: User) -> None:
    made(alice)
    for name in ("token", "access_token", "api_key", "key"):
        assert refused(asks(path=f"/api/v1/models?{name}=secret")).code == "not_logged_in"


# --- by cookie ---------------------------------------------------------------------------------


def test_a_session_may_everything(alice: User) -> None:
    caller = identify(asks(by=alice), "chat")
    assert (caller.user_id, caller.token) == (alice.pk, None)


@pytest.mark.parametrize("cookie", ["", "x", "a" * 32, "../../x", "ä", "\x00"])
def test_without_a_session_the_answer_is_401(db: None, cookie: str) -> None:
    request = asks()
    request.COOKIES["sessionid"] = cookie
    no = refused(request)
    assert (no.status, no.code, no.headers) == (401, "not_logged_in", {})


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_who_changes_something_shows_the_csrf_token(alice: User, method: str) -> None:
    no = refused(asks(method, by=alice))
    assert (no.status, no.code) == (403, "csrf")
    assert refused(asks(method, by=alice, X_CSRFToken="u" * 32)).code == "csrf"
    assert identify(asks(method, by=alice, X_CSRFToken=CSRF)).user_id == alice.pk


def test_who_only_reads_needs_none(alice: User) -> None:
    for method in ("GET", "HEAD", "OPTIONS"):
        assert identify(asks(method, by=alice)).user_id == alice.pk


@pytest.mark.parametrize(
    ("secure", "headers", "passes"),
    [
        (False, {"Origin": "http://testserver"}, True),
        (False, {"Origin": "https://testserver"}, False),
        (False, {"Origin": "http://elsewhere.example"}, False),
        (False, {"Origin": "null"}, False),
        (False, {"Origin": "https://trusted.example"}, True),
        (True, {"Origin": "https://testserver"}, True),
        (True, {}, False),  # over HTTPS one of the two is needed
        (True, {"Referer": "https://testserver/c/1"}, True),
        (True, {"Referer": "http://testserver/c/1"}, False),
        (True, {"Referer": "https://elsewhere.example/"}, False),
    ],
)
def test_origin_and_referer_are_checked_as_django_does(
    alice: User, settings: Settings, secure: bool, headers: dict[str, str], passes: bool
) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://trusted.example"]
    request = asks("POST", by=alice, secure=secure, X_CSRFToken=CSRF, **headers)
    if passes:
        assert identify(request).user_id == alice.pk
    else:
        assert refused(request).code == "csrf"


def test_the_body_is_left_to_who_reads_it(alice: User) -> None:
    """A form field is no CSRF token here, and a large body is not taken into memory for one."""
    body = b'--x\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n'
    body += CSRF.encode() + b"\r\n--x--\r\n"
    request = RequestFactory().post(
        "/api/v1/messages", body, content_type="multipart/form-data; boundary=x"
    )
    signed_in = asks("POST", by=alice)
    request.COOKIES = signed_in.COOKIES
    assert refused(request).code == "csrf"
    assert request.read() == body


def test_a_login_that_has_ended_is_not_let_in(alice: User) -> None:
    request = asks(by=alice)
    assert isinstance(identify(request), Caller)
    alice.set_password("Kestrel-42-lamp")
    alice.save()
    assert refused(request).code == "not_logged_in"


# --- where a token opens nothing ---------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/accounts/tokens/", "/accounts/password/change/", "/admin/"]
)
def test_pages_and_admin_know_no_tokens(client: Client, root: User, path: str) -> None:
    headers = {"Authorization": f"Bearer {made(root, *Scope.values)}"}
    answer = client.get(path, headers=headers)
    assert answer.status_code == 302
    assert "login" in answer["Location"]
