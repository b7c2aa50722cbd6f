"""The second factor's secrets at rest, and what protects accounts besides."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from allauth.mfa.utils import decrypt
from django.contrib import admin
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from chat.models import Endpoint, Token
from chat.models.values.encryption import is_encrypted
from chat.second_factor import SecretLost, seal_rows
from chat.staff_sessions import END

SECRET = "JBSWY3DPEHPK3PXP"
PASSWORD = "Kestrel-42-lamp"
STEP = 58_000_000


@pytest.fixture(autouse=True)
def _step_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make all of a test one step of time: no code expires between its making and its use."""
    monkeypatch.setattr(auth, "yield_hotp_counters_from_time", lambda: iter([STEP]))


@pytest.fixture
def hers(alice: User, settings: Settings) -> User:
    """Alice, with a password, and a key to encrypt with."""
    settings.ENCRYPTION_KEY = "the key of the tests"
    alice.set_password(PASSWORD)
    alice.save()
    return alice


def row(user: User) -> Authenticator:
    return Authenticator.objects.get(user=user, type="totp")


def code() -> str:
    return str(format_hotp_value(hotp_value(SECRET, STEP)))


def log_in(client: Client, typed: str) -> Any:
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    return client.post("/accounts/2fa/authenticate/", {"code": typed})


def test_what_is_stored_is_sealed_and_works(client: Client, hers: User) -> None:
    TOTP.activate(hers, SECRET)
    stored = row(hers).data["secret"]
    assert is_encrypted(stored)
    assert SECRET not in str(Authenticator.objects.values())
    assert log_in(client, code()).status_code == 302
    assert client.session["_auth_user_id"] == str(hers.pk)


def test_a_row_from_before_works_and_is_sealed_by_it(client: Client, hers: User) -> None:
    Authenticator.objects.create(user=hers, type="totp", data={"secret": SECRET})
    codes = {"migrated_codes": ["11112222"], "used_mask": 0}
    Authenticator.objects.create(user=hers, type="recovery_codes", data=codes)
    assert log_in(client, code()).status_code == 302
    assert is_encrypted(row(hers).data["secret"])
    assert "11112222" not in str(Authenticator.objects.values())
    kept = Authenticator.objects.get(type="recovery_codes").data
    assert (decrypt(kept["migrated_codes"][0]), kept["used_mask"]) == ("11112222", 0)


def test_a_new_key_before_the_old_one_takes_over(hers: User, settings: Settings) -> None:
    TOTP.activate(hers, SECRET)
    settings.ENCRYPTION_KEY = "a new one, the key of the tests"
    assert decrypt(row(hers).data["secret"]) == SECRET
    assert seal_rows(Authenticator.objects.all()) == 1
    assert seal_rows(Authenticator.objects.all()) == 0
    settings.ENCRYPTION_KEY = "a new one"
    assert decrypt(row(hers).data["secret"]) == SECRET


@pytest.mark.parametrize("key", ["", "another one"])
def test_a_lost_key_is_told_in_a_sentence(
    client: Client, hers: User, settings: Settings, key: str
) -> None:
    TOTP.activate(hers, SECRET)
    settings.ENCRYPTION_KEY = key
    assert seal_rows(Authenticator.objects.all()) == 0
    with pytest.raises(SecretLost):
        decrypt(row(hers).data["secret"])
    answer = log_in(client, code())
    assert "ENCRYPTION_KEY" in answer.text
    assert "_auth_user_id" not in client.session


def test_without_a_key_nothing_is_stored(hers: User, settings: Settings) -> None:
    settings.ENCRYPTION_KEY = ""
    with pytest.raises(SecretLost, match="ENCRYPTION_KEY"):
        TOTP.activate(hers, SECRET)
    assert not Authenticator.objects.exists()


# --- no filter over what is secret ---------------------------------------------------------------


def filters() -> list[tuple[str, str]]:
    """Every field of every admin's list, with ways to look for its beginning."""
    found = []
    for model, one in admin.site._registry.items():
        fields = [field.name for field in model._meta.get_fields()]
        named = {name for name in one.list_filter if isinstance(name, str)}
        for name in [*fields, "user__password", "owner__password", "endpoint__sealed"]:
            asked = ("startswith", "contains", "regex", "gt") if name not in named else ("regex",)
            found += [(model._meta.label_lower, f"{name}__{how}") for how in asked]
    return found


def test_no_list_is_filtered_by_what_it_does_not_offer(client: Client, root: User) -> None:
    client.force_login(root)
    Token.objects.make(root, "Script", ["read"], None)
    Endpoint.objects.create(slug="own", label="Own", base_url="http://own:1/v1", sealed="gAAAA")
    for model, one in admin.site._registry.items():
        request: Any = client.get("/").wsgi_request
        for label, lookup in filters():
            if label == model._meta.label_lower:
                allowed = one.lookup_allowed(lookup, "g", request)
                known = lookup.partition("__")[0] in {f.name for f in model._meta.get_fields()}
                assert not (allowed and known), (label, lookup)
    for path in (
        "/admin/chat/endpoint/?sealed__startswith=gA",
        "/admin/chat/token/?digest__startswith=0",
        "/admin/chat/token/?user__password__startswith=m",
        "/admin/chat/offeredmodel/?endpoint__sealed__startswith=g",
        "/admin/auth/user/?password__startswith=m",
        "/admin/auth/user/?authenticator__data__contains=x",
        "/admin/chat/conversation/?owner__password__startswith=m",
    ):
        assert client.get(path).status_code == 400, path
    for path in (
        "/admin/auth/user/?is_active__exact=1",
        "/admin/chat/offeredmodel/?endpoint__id__exact=1",
        "/admin/chat/token/?state=live",
    ):
        assert client.get(path).status_code == 200, path


# --- the password again --------------------------------------------------------------------------


ASKING = [
    "/admin/auth/user/",
    "/admin/auth/user/add/",
    "/admin/auth/group/",
    "/admin/chat/endpoint/",
    "/admin/chat/endpoint/add/",
    "/admin/chat/token/",
    "/accounts/tokens/",
    "/accounts/tokens/new/",
]


def test_pages_that_protect_accounts_ask_for_the_password(
    client: Client, root: User, settings: Settings
) -> None:
    settings.PASSWORD_AGAIN_MINUTES = 15
    root.set_password(PASSWORD)
    root.save()
    client.force_login(root)
    client.post("/accounts/login/", {"login": "root", "password": PASSWORD})
    for path in ASKING:
        answer = client.get(path)
        assert answer.status_code == 302, path
        assert answer["Location"].startswith("/accounts/reauthenticate/?next="), path
    # What is posted is not done, and lies in no session either.
    form = {"slug": "own", "label": "Own", "base_url": "http://own:1/v1", "key": "sk-hers"}
    assert client.post("/admin/chat/endpoint/add/", form).status_code == 302
    assert not Endpoint.objects.exists()
    assert "sk-hers" not in str(dict(client.session))
    assert client.get("/admin/").status_code == 200
    again = client.post(f"/accounts/reauthenticate/?next={ASKING[0]}", {"password": PASSWORD})
    assert again["Location"] == ASKING[0]
    for path in ASKING:
        assert client.get(path).status_code == 200, path


def test_who_may_not_come_in_is_not_asked(client: Client, carol: User, settings: Settings) -> None:
    settings.PASSWORD_AGAIN_MINUTES = 15
    client.force_login(carol)
    for path in ASKING[:6]:
        assert client.get(path).status_code == 403, path


# --- sessions of staff ---------------------------------------------------------------------------


def test_a_session_of_staff_ends_and_use_does_not_lengthen_it(
    client: Client, carol: User, settings: Settings
) -> None:
    settings.STAFF_SESSION_HOURS = 12
    client.force_login(carol)
    session = client.session
    end = session[END]
    session["used"] = 1
    session.save()
    stored = Session.objects.get(session_key=session.session_key)
    assert stored.expire_date.timestamp() == pytest.approx(end, abs=1)
    assert stored.expire_date <= timezone.now() + timedelta(hours=12)
    assert session.get_expiry_age() <= 12 * 3600
    session[END] = timezone.now().timestamp() - 1
    session.save()
    answer = client.get(reverse("admin:index"))
    assert re.match("/(admin|accounts)/login/", answer["Location"])


def test_an_ordinary_session_has_no_such_end(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert END not in client.session
    assert client.session.get_expiry_age() > 24 * 3600
