"""Log-in: by any of an account's names, with as many hashes for a name nobody has, and limits."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.core.context import request_context
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import override_settings
from pytest_django import Settings

from chat import checks, log_in_limits, shared_cache
from chat.models import CacheRow, Token
from chat.password_forms import ForgottenPasswordForm, NewPasswordForm

PASSWORD = "schöner tag 1"
LOGIN = "/accounts/login/"


def apart(text: str) -> str:
    """As a Mac sends it: accents as characters of their own."""
    return unicodedata.normalize("NFD", text)


def account(name: str, password: str = PASSWORD, **fields: Any) -> User:
    user = User(username=name, **fields)
    user.set_password(password)
    user.save()
    return user


def tries(
    name: str, password: str, address: str = "192.0.2.1", client: Client | None = None
) -> Any:
    form = {"login": name, "password": password}
    return (client or Client()).post(LOGIN, form, REMOTE_ADDR=address)


def gets_in(*args: Any, **kwargs: Any) -> bool:
    return bool(tries(*args, **kwargs).status_code == 302)


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("jürg", PASSWORD),
        (apart("jürg"), PASSWORD),
        ("jürg", apart(PASSWORD)),
        (apart("jürg"), apart(PASSWORD)),
        ("JÜRG", PASSWORD),
        (apart("JÜRG"), PASSWORD),
        ("Jürg.Smith@Example.org", PASSWORD),
        ("jürg.smith@example.org", PASSWORD),
        (apart("JÜRG.SMITH@EXAMPLE.ORG"), apart(PASSWORD)),
        ("ｊürg", PASSWORD),
    ],
)
@pytest.mark.django_db
def test_who_it_is_does_not_hang_on_the_keyboard(name: str, password: str) -> None:
    account("jürg", email="Jürg.Smith@Example.org")
    account("jurg", password="another 1")
    assert gets_in(name, password)


@pytest.mark.parametrize(
    "name", ["Carol.Smith@Example.org", "carol.smith@example.org", "CAROL.SMITH@EXAMPLE.ORG"]
)
@pytest.mark.django_db
def test_an_address_works_in_any_case_of_letters(name: str) -> None:
    account("carol", email="Carol.Smith@Example.org")
    assert gets_in(name, PASSWORD)


@pytest.mark.django_db
def test_accounts_from_before_are_found_by_what_they_have() -> None:
    """One stored decomposed, with its password, beside one that is the same to a person."""
    account(apart("jürg"), password=apart("alt und öde 1"))
    account("jürg")
    assert gets_in(apart("jürg"), apart("alt und öde 1"))
    assert gets_in("jürg", PASSWORD)
    assert gets_in(apart("jürg"), PASSWORD)
    (told,) = checks.check_same_names(databases=["default"])
    assert told.id == "parley.W021"
    assert "jürg" in told.msg
    assert User.objects.count() == 2


@pytest.mark.django_db
def test_names_of_different_people_are_not_reported() -> None:
    account("alice", email="alice@example.org")
    account("bob", email="bob@example.org")
    assert checks.check_same_names(databases=["default"]) == []


@pytest.mark.parametrize(
    ("known", "unknown", "password", "hashes"),
    [
        ("carol", "nobody", "wrong", 1),
        ("CAROL", "NOBODY", "wrong", 1),
        ("carol@example.org", "nobody@example.org", "wrong", 1),
        ("Carol@Example.org", "Nobody@Example.org", "wrong", 1),
        ("gone", "nobody", "wrong", 1),
        ("no password", "nobody", "wrong", 1),
        ("carol", "nobody", apart("fälsch"), 2),
        ("jürg", "jörg", "wrong", 1),
        (apart("jürg"), apart("jörg"), "wrong", 2),
        (apart("jürg"), apart("jörg"), apart("fälsch"), 4),
    ],
)
@pytest.mark.django_db
def test_a_name_nobody_has_costs_as_many_hashes(
    monkeypatch: pytest.MonkeyPatch, known: str, unknown: str, password: str, hashes: int
) -> None:
    account("carol", email="Carol@Example.org")
    account("jürg")
    account("gone", is_active=False)
    User.objects.create(username="no password", password="!")
    made: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(self: Any, password: str, salt: str) -> Any:
        made.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    counts = []
    for name in (known, unknown):
        made.clear()
        assert not gets_in(name, password)
        counts.append(len(made))
    assert counts == [hashes, hashes]


@pytest.mark.django_db
def test_the_right_password_by_address_costs_one_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    account("carol", email="carol@example.org")
    made: list[str] = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(
        MD5PasswordHasher,
        "encode",
        lambda *a: made.append("") or encode(*a),  # type: ignore[func-returns-value]
    )
    assert gets_in("carol@example.org", "schöner tag 1")
    assert len(made) == 1


@pytest.mark.django_db(transaction=True)
def test_no_connection_is_held_while_a_password_is_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process has few, and a burst of log-ins would take them from everybody."""
    account("carol")
    held: list[bool] = []
    encode = MD5PasswordHasher.encode

    def watched(*args: Any) -> Any:
        held.append(connection.connection is not None)
        return encode(*args)

    monkeypatch.setattr(MD5PasswordHasher, "encode", watched)
    for name in ("carol", "nobody"):
        assert not gets_in(name, "wrong")
    assert held == [False, False]


@pytest.mark.django_db
def test_an_address_somebody_only_claims_opens_and_blocks_nothing() -> None:
    carol = account("carol", email="carol@example.org")
    mallory = account("mallory", "mallory 1 x")
    EmailAddress.objects.create(user=mallory, email="carol@example.org")
    assert not gets_in("carol@example.org", "mallory 1 x")
    client = Client()
    assert gets_in("carol@example.org", PASSWORD, client=client)
    assert client.session["_auth_user_id"] == str(carol.pk)


# --- how often -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_five_bad_tries_from_anywhere_do_not_lock_the_owner_out() -> None:
    account("carol")
    for _ in range(5):
        tries("carol", "wrong", "203.0.113.5")
    assert gets_in("carol", PASSWORD, "203.0.113.5")
    for _ in range(20):
        tries("carol", "wrong", "203.0.113.6")
    assert not gets_in("carol", PASSWORD, "203.0.113.6")
    assert gets_in("carol", PASSWORD, "192.0.2.1")


@pytest.mark.django_db
def test_one_account_has_one_counter_whatever_name_is_typed() -> None:
    account("jürg", email="j@example.org")
    names = ["jürg", "JÜRG", apart("jürg"), "j@example.org", "J@Example.org"]
    for name in names * 2:
        assert "Too many" not in tries(name, "wrong").text
    for name in names:
        assert "Too many" in tries(name, PASSWORD).text


@pytest.mark.django_db
def test_a_known_browser_is_counted_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_in_limits, "GENEROUS", "3/1h/key")
    monkeypatch.setattr(log_in_limits, "MOST", "5/1h/key")
    account("carol")
    hers = Client()
    assert gets_in("carol", PASSWORD, client=hers)
    hers.post("/accounts/logout/")
    for at in range(30):
        tries("carol", "wrong", f"203.0.113.{at}")
    assert not gets_in("carol", PASSWORD, "203.0.113.99")  # a stranger's, for this hour
    assert gets_in("carol", PASSWORD, "203.0.113.1", client=hers)
    hers.post("/accounts/logout/")
    for _ in range(10):
        tries("carol", "wrong", client=hers)
    assert "Too many" in tries("carol", PASSWORD, client=hers).text


@pytest.mark.parametrize("value", ["", "x", "eyJhIjoxfQ:1:x"])
@pytest.mark.django_db
def test_a_made_up_cookie_makes_no_known_browser(value: str) -> None:
    account("carol")
    theirs = Client()
    theirs.cookies[log_in_limits.cookie_name()] = value
    for _ in range(10):
        tries("carol", "wrong", client=theirs)
    assert "Too many" in tries("carol", PASSWORD, client=theirs).text


@pytest.mark.django_db
def test_beyond_the_generous_limit_each_address_gets_a_try_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_in_limits, "GENEROUS", "3/1h/key")
    account("carol")
    for at in range(4):
        tries("carol", "wrong", f"203.0.113.{at}")
    assert gets_in("carol", PASSWORD, "192.0.2.1")
    tries("carol", "wrong", "192.0.2.2")
    assert "Too many" in tries("carol", PASSWORD, "192.0.2.2").text


@pytest.mark.django_db
def test_tries_are_counted_in_the_database_where_there_is_no_redis() -> None:
    """All processes count together, and a restart forgets nothing."""
    shared = {
        "default": {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "chat_cache",
        }
    }
    account("carol")
    with override_settings(CACHES=shared):
        for _ in range(10):
            tries("carol", "wrong")
        assert "Too many" in tries("carol", PASSWORD).text
    assert CacheRow.objects.filter(cache_key__contains="log_in").exists()
    assert not any("carol" in row.cache_key for row in CacheRow.objects.all())


@pytest.mark.django_db
def test_without_redis_for_a_while_the_database_counts() -> None:
    away = {
        "default": {
            "BACKEND": "chat.shared_cache.RedisOrDatabase",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    with override_settings(CACHES=away):
        assert cache.add("counted", 1)
        assert not cache.add("counted", 2)
        assert cache.get("counted") == 1
    shared_cache.outage.ends()


@pytest.mark.django_db
def test_a_redis_that_does_not_answer_is_asked_once_for_all_calls_of_a_log_in() -> None:
    """Each would wait for a second."""
    asked = []

    class Silent:
        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

        def __getattr__(self, name: str) -> Any:
            asked.append(name)
            raise TimeoutError

    silent = shared_cache.RedisOrDatabase("redis://127.0.0.1:1/0", {})
    silent._class = Silent  # type: ignore[attr-defined]
    shared_cache.outage.ends()
    for number in range(20):
        assert silent.add(str(number), number)
    assert silent.get("7") == 7
    assert len(asked) == 1
    shared_cache.outage.ends()
    assert silent.get("7") == 7
    assert len(asked) == 2
    shared_cache.outage.ends()


# --- passwords ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_new_password_is_stored_normalised_and_offers_to_revoke_tokens() -> None:
    carol = account("carol")
    form = {
        "oldpassword": apart(PASSWORD),
        "password1": apart("grüner tag 2"),
        "password2": apart("grüner tag 2"),
    }
    assert "revoke_tokens" not in NewPasswordForm(user=carol).fields
    Token.objects.make(carol, "Script", ["read"], None)
    client = Client()
    client.force_login(carol)
    assert "revoke_tokens" in client.get("/accounts/password/change/").text
    assert (
        client.post("/accounts/password/change/", form | {"revoke_tokens": "on"}).status_code == 302
    )
    assert User.objects.get(pk=carol.pk).check_password("grüner tag 2")
    assert not Token.objects.live().exists()


@pytest.mark.django_db
def test_a_new_password_alone_leaves_tokens() -> None:
    carol = account("carol")
    Token.objects.make(carol, "Script", ["read"], None)
    form = NewPasswordForm(
        data={"oldpassword": PASSWORD, "password1": "grüner tag 2", "password2": "grüner tag 2"},
        user=carol,
    )
    assert form.is_valid(), form.errors
    form.save()
    assert Token.objects.live().exists()


@pytest.mark.django_db
def test_mail_goes_to_stored_addresses_only(rf: Any, settings: Settings) -> None:
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    account("carol", email="Carol.Smith@Example.org")
    account("gone", email="gone@example.org", is_active=False)
    for typed, sent in (
        ("nobody@example.org", []),
        ("gone@example.org", []),
        ("carol.smith@example.org", ["Carol.Smith@Example.org"]),
    ):
        mail.outbox.clear()
        form = ForgottenPasswordForm({"email": typed})
        assert form.is_valid()
        request = rf.get("/")
        with request_context(request):
            form.save(request)
        assert [to for message in mail.outbox for to in message.to] == sent
    assert settings.ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS is False
