"""The pages: what each person gets at them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib import reload
from typing import Any
from uuid import UUID, uuid4

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from chat import urls
from chat.forms import AccountAdapter
from chat.models import Conversation

type MakeConversation = Callable[..., Conversation]

NOBODYS = UUID("00000000-0000-4000-8000-000000000000")

PASSWORD = "Kestrel-42-lamp"


def with_password(user: User) -> User:
    user.set_password(PASSWORD)
    user.save()
    return user


def page_data(answer: Any) -> dict[str, Any]:
    found = re.search(r'<script id="page" type="application/json">(.*?)</script>', answer.text)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


# --- the chat page -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", f"/c/{NOBODYS}"])
def test_nobody_is_asked_to_log_in_and_comes_back(client: Client, alice: User, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={path}")


def test_page_knows_its_user(client: Client, alice: User, settings: Settings) -> None:
    settings.EMBEDDED_MODEL_URL = "http://127.0.0.1:9/v1"
    client.force_login(alice)
    answer = client.get("/")
    data = page_data(answer)
    assert data["user"] == {"id": str(alice.pk), "name": "alice"}
    assert data["conversation"] is None
    assert data["urls"]["socket"] == "/ws/chat/"
    assert (data["staff"], data["urls"]["admin"]) == (False, None)
    assert data["model_help"] is None
    assert data["models"] == client.get("/api/v1/models").json()["models"]
    assert "no-store" in answer["Cache-Control"]
    assert "csrftoken" in answer.cookies


@pytest.mark.parametrize(
    ("accepted", "file"), [("de", "de.js"), ("zh-CN", "zh-hans.js"), ("hu", "hu.js"), ("en", None)]
)
def test_page_loads_the_catalogue_of_its_language_before_its_script(
    client: Client, alice: User, accepted: str, file: str | None
) -> None:
    client.force_login(alice)
    page = client.get("/", headers={"accept-language": accepted}).text
    scripts = re.findall(r'<script type="module" src="/static/parley/([^"]+)"', page)
    assert scripts == ([f"catalogues/{file}"] if file else []) + ["chat.js"]


def test_page_of_staff_leads_to_the_admin(client: Client, carol: User) -> None:
    client.force_login(carol)
    data = page_data(client.get("/"))
    assert (data["staff"], data["urls"]["admin"]) == (True, "/admin/")


def test_page_without_a_model_tells_staff_what_to_set(
    client: Client, alice: User, carol: User
) -> None:
    client.force_login(carol)
    data = page_data(client.get("/"))
    assert data["models"] == []
    assert "OPENAI_API_KEY" in data["model_help"]
    client.force_login(alice)
    told = page_data(client.get("/"))["model_help"]
    assert "OPENAI" not in told
    assert "Ask" in told


def test_owner_opens_the_conversation(
    client: Client, alice: User, make_conversation: MakeConversation
) -> None:
    conversation = make_conversation(alice)
    client.force_login(alice)
    assert page_data(client.get(f"/c/{conversation.uid}"))["conversation"] == str(conversation.uid)


@pytest.mark.parametrize("person", ["bob", "carol", "root"])
def test_others_get_the_same_404_as_for_an_unknown_id(
    client: Client,
    alice: User,
    make_conversation: MakeConversation,
    person: str,
    request: pytest.FixtureRequest,
) -> None:
    conversation = make_conversation(alice)
    client.force_login(request.getfixturevalue(person))
    foreign = client.get(f"/c/{conversation.uid}")
    unknown = client.get(f"/c/{uuid4()}")
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.content == unknown.content


@pytest.mark.parametrize("path", ["/c/", "/c/1", "/c/not-a-uuid", f"/c/{NOBODYS}/", "/nowhere"])
def test_other_addresses_are_not_found(client: Client, alice: User, path: str) -> None:
    client.force_login(alice)
    answer = client.get(path)
    assert answer.status_code == 404
    assert "This page does not exist" in answer.text


# --- log in, log out ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alice", "ALICE@example.com"])
def test_log_in_by_name_or_address(client: Client, alice: User, name: str) -> None:
    with_password(alice)
    form = {"login": name, "password": PASSWORD, "next": "/accounts/sessions/"}
    answer = client.post("/accounts/login/", form)
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/sessions/")
    assert client.session["_auth_user_id"] == str(alice.pk)


@pytest.mark.parametrize("next_url", ["https://evil.example/", "//evil.example", "javascript:1"])
def test_log_in_leads_nowhere_else(client: Client, alice: User, next_url: str) -> None:
    with_password(alice)
    form = {"login": "alice", "password": PASSWORD, "next": next_url}
    assert client.post("/accounts/login/", form)["Location"] == "/"


def test_wrong_password_and_unknown_name_look_the_same(client: Client, alice: User) -> None:
    with_password(alice)
    wrong = client.post("/accounts/login/", {"login": "alice", "password": "no"})
    unknown = client.post("/accounts/login/", {"login": "alicf", "password": "no"})
    assert wrong.context["form"].non_field_errors() == unknown.context["form"].non_field_errors()
    assert "_auth_user_id" not in client.session


def test_deactivated_account_does_not_get_in(client: Client, alice: User) -> None:
    with_password(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert "_auth_user_id" not in client.session


def test_guessing_is_stopped(client: Client, alice: User) -> None:
    with_password(alice)
    for _ in range(10):
        client.post("/accounts/login/", {"login": "alice", "password": "no"})
    answer = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert "Too many failed login attempts" in answer.text
    for _ in range(30):
        answer = client.post("/accounts/login/", {"login": "bob", "password": "no"})
    assert answer.status_code == 429
    assert "Too many attempts" in answer.text
    assert "_auth_user_id" not in client.session


def test_log_in_asks_for_the_second_factor(client: Client, alice: User) -> None:
    with_password(alice)
    secret = {"secret": "JBSWY3DPEHPK3PXP"}
    Authenticator.objects.create(user=alice, type=Authenticator.Type.TOTP, data=secret)
    answer = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert answer["Location"].startswith("/accounts/2fa/authenticate/")
    assert "_auth_user_id" not in client.session
    assert "Two-factor authentication" in client.get(answer["Location"]).text


def test_log_out_isolates_the_name_from_its_sentence(client: Client, alice: User) -> None:
    alice.username = "\u05d0\u05d1"
    alice.save()
    client.force_login(alice)
    page = client.get("/accounts/logout/")
    assert "as <strong><bdi>\u05d0\u05d1</bdi></strong>. Running" in page.text


def test_log_out_is_a_post(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert "Log out?" in client.get("/accounts/logout/").text
    assert "_auth_user_id" in client.session
    assert client.post("/accounts/logout/")["Location"] == "/accounts/login/"
    assert "_auth_user_id" not in client.session


def test_forms_need_the_token(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    answer = client.post("/accounts/logout/")
    assert answer.status_code == 403
    assert "This page has expired" in answer.text
    assert "_auth_user_id" in client.session


# --- password ----------------------------------------------------------------------------------


def test_password_change_keeps_this_session_and_ends_the_others(alice: User) -> None:
    with_password(alice)
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert elsewhere.get("/accounts/sessions/").context["session_count"] == 2
    new = "Another-43-lamp"
    form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    answer = here.post("/accounts/password/change/", form, follow=True)
    assert "Your password has been changed." in answer.text
    assert here.get("/accounts/sessions/").status_code == 200
    assert elsewhere.get("/accounts/sessions/").status_code == 302


def test_password_change_asks_for_the_old_one(client: Client, alice: User) -> None:
    with_password(alice)
    client.force_login(alice)
    form = {"oldpassword": "no", "password1": "Another-43-lamp", "password2": "Another-43-lamp"}
    assert client.post("/accounts/password/change/", form).status_code == 200
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/password/reset/",
        "/accounts/password/reset/done/",
        "/accounts/password/reset/key/1-abc/",
        "/accounts/email/",
        "/accounts/confirm-email/",
        "/accounts/confirm-email/abc/",
    ],
)
def test_without_mail_nothing_pretends_to_send_some(client: Client, alice: User, path: str) -> None:
    client.force_login(alice)
    for answer in (client.get(path), client.post(path, {"email": "alice@example.com"})):
        assert answer.status_code == 404
        assert "This server sends no e-mail" in answer.text


def test_forgotten_password_is_offered_only_with_mail(
    client: Client, alice: User, settings: Settings
) -> None:
    assert "Ask an administrator" in client.get("/accounts/login/").text
    settings.EMAIL_URL = "memory:"
    assert 'href="/accounts/password/reset/"' in client.get("/accounts/login/").text
    try:
        names = {pattern.name for pattern in reload(urls).urlpatterns if hasattr(pattern, "name")}
        assert "account_email" not in names
    finally:
        settings.EMAIL_URL = ""
        names = {pattern.name for pattern in reload(urls).urlpatterns if hasattr(pattern, "name")}
        assert "account_email" in names


# --- sign-up -----------------------------------------------------------------------------------

NEW = {"username": "dave", "password1": PASSWORD, "password2": PASSWORD}


def test_sign_up_is_closed(client: Client, alice: User) -> None:
    for answer in (client.get("/accounts/signup/"), client.post("/accounts/signup/", NEW)):
        assert "Sign-up is closed" in answer.text
    assert not User.objects.filter(username="dave").exists()
    assert "signup" not in client.get("/accounts/login/").text


def test_sign_up_when_open_makes_an_ordinary_account(
    client: Client, alice: User, settings: Settings
) -> None:
    settings.SIGNUP = "open"
    assert 'href="/accounts/signup/"' in client.get("/accounts/login/").text
    assert client.post("/accounts/signup/", NEW)["Location"] == "/"
    dave = User.objects.get(username="dave")
    assert (dave.is_staff, dave.is_superuser) == (False, False)
    assert client.session["_auth_user_id"] == str(dave.pk)


# --- whose address -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        ([], "203.0.113.9", "127.0.0.1"),
        (["*"], "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (["*"], "2001:db8::1", "2001:db8::1"),
        (["*"], "nonsense", "127.0.0.1"),
        (["*"], "", "127.0.0.1"),
    ],
)
def test_visitors_address_is_what_our_own_proxy_wrote(
    rf: Any, settings: Settings, proxies: list[str], forwarded: str, address: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = rf.get("/", headers={"X-Forwarded-For": forwarded})
    assert AccountAdapter().get_client_ip(request) == address


# --- errors ------------------------------------------------------------------------------------


def test_unknown_host_is_refused(client: Client, alice: User) -> None:
    answer = client.get("/accounts/login/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "Bad request" in answer.text


def test_server_error_shows_nothing_of_itself(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.raise_request_exception = False

    def broken(*args: Any) -> None:
        raise RuntimeError("the secret of it")

    monkeypatch.setattr("chat.views.an_account_exists", broken)
    answer = client.get("/accounts/login/")
    assert answer.status_code == 500
    assert "Something went wrong" in answer.text
    assert "the secret of it" not in answer.text
