"""API tokens: only a hash is stored, and what has ended opens nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from chat.models import AlreadyMade, Token, TooManyTokens


def test_only_a_hash_of_the_secret_is_stored(alice: User) -> None:
    row, secret = Token.objects.make(alice, "Script", ["read"], None)
    assert secret.startswith("prl_")
    assert len(secret) >= 4 + 43  # 32 bytes
    (stored,) = Token.objects.values()
    assert stored["digest"] == hashlib.sha256(secret.encode()).hexdigest()
    assert stored["hint"] == secret[-4:]
    assert secret not in str(stored) + repr(vars(row))


def test_no_two_secrets_are_alike(alice: User) -> None:
    assert len({Token.objects.make(alice, "Script", ["read"], None)[1] for _ in range(20)}) == 20


def test_a_live_token_is_found_by_its_secret_alone(alice: User, bob: User) -> None:
    row, secret = Token.objects.make(alice, "Script", ["chat", "read"], None)
    Token.objects.make(bob, "Script", ["read"], None)
    found = Token.objects.find(secret)
    assert found == row
    assert found.user == alice
    for wrong in (secret[:-1], secret + "x", secret.upper(), row.digest, row.hint, "", "prl_"):
        assert Token.objects.find(wrong) is None


def _revoke(row: Token) -> None:
    row.revoke()


def _expire(row: Token) -> None:
    Token.objects.filter(pk=row.pk).update(expires=timezone.now())


def _deactivate(row: Token) -> None:
    User.objects.filter(pk=row.user_id).update(is_active=False)


def _delete(row: Token) -> None:
    User.objects.get(pk=row.user_id).delete()


@pytest.mark.parametrize("end", [_revoke, _expire, _deactivate, _delete])
def test_what_has_ended_is_not_found(alice: User, end: Callable[[Token], None]) -> None:
    row, secret = Token.objects.make(alice, "Script", ["read"], None)
    assert Token.objects.find(secret) is not None
    end(row)
    assert Token.objects.find(secret) is None
    assert not Token.objects.live().exists()


def test_a_new_password_does_not_end_it(alice: User) -> None:
    _, secret = Token.objects.make(alice, "Script", ["read"], None)
    alice.set_password("Kestrel-42-lamp")
    alice.save()
    assert Token.objects.find(secret) is not None


def test_it_expires_at_its_time_and_not_before(alice: User) -> None:
    soon, secret = Token.objects.make(alice, "Script", ["read"], timezone.now() + timedelta(days=7))
    assert Token.objects.find(secret) == soon
    assert not soon.expired
    Token.objects.filter(pk=soon.pk).update(expires=timezone.now() - timedelta(seconds=1))
    soon.refresh_from_db()
    assert soon.expired


def test_revoking_again_changes_nothing(alice: User) -> None:
    row, _ = Token.objects.make(alice, "Script", ["read"], None)
    assert row.revoke()
    row.refresh_from_db()
    at = row.revoked
    assert not row.revoke()
    row.refresh_from_db()
    assert row.revoked == at


# --- scopes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scopes", [[], ["admin"], ["read", "everything"]])
def test_a_token_without_or_with_an_unknown_scope_cannot_be_made(
    alice: User, scopes: list[str]
) -> None:
    with pytest.raises(ValueError, match="Scopes are some of"):
        Token.objects.make(alice, "Script", scopes, None)
    assert not Token.objects.exists()


def test_no_scope_includes_another(alice: User) -> None:
    for scope in ("chat", "read", "export"):
        row, _ = Token.objects.make(alice, "Script", [scope], None)
        assert [one for one in ("chat", "read", "export") if row.allows([one])] == [scope]
    assert row.allows(["read", "export"])  # any of those asked for
    assert not row.allows(["read", "chat"])
    assert row.allows([])  # nothing in particular


def test_scopes_are_stored_once_and_in_order(alice: User) -> None:
    row, _ = Token.objects.make(alice, "Script", ["export", "chat", "chat"], None)
    row.refresh_from_db()
    assert row.scopes == ["chat", "export"]


# --- how many ----------------------------------------------------------------------------------


def test_one_more_than_allowed_is_refused(alice: User, bob: User, settings: Settings) -> None:
    settings.TOKENS_PER_USER = 2
    rows = [Token.objects.make(alice, "Script", ["read"], None)[0] for _ in range(2)]
    with pytest.raises(TooManyTokens):
        Token.objects.make(alice, "Script", ["read"], None)
    assert Token.objects.for_user(alice).count() == 2
    Token.objects.make(bob, "Script", ["read"], None)  # others are not counted
    rows[0].revoke()
    Token.objects.make(alice, "In its place", ["read"], None)
    Token.objects.filter(pk=rows[1].pk).update(expires=timezone.now())
    Token.objects.make(alice, "In the place of the expired", ["read"], None)


def test_the_same_form_sent_twice_makes_one(alice: User) -> None:
    uid = uuid4()
    row, secret = Token.objects.make(alice, "Script", ["read"], None, uid=uid)
    with pytest.raises(AlreadyMade):
        Token.objects.make(alice, "Script", ["read"], None, uid=uid)
    row.revoke()
    with pytest.raises(AlreadyMade):  # nor once that is over
        Token.objects.make(alice, "Script", ["read"], None, uid=uid)
    assert Token.objects.get().hint == secret[-4:]


# --- last use ----------------------------------------------------------------------------------


def test_last_use_is_written_at_most_once_a_minute(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    _, secret = Token.objects.make(alice, "Script", ["read"], None)
    first, at_the_same_time = (Token.objects.find(secret) for _ in range(2))
    assert first is not None
    assert at_the_same_time is not None
    before = timezone.now()
    first.used()
    written = Token.objects.get().last_used
    assert written is not None
    assert before <= written <= timezone.now()
    at_the_same_time.used()  # has seen none, and finds one
    assert Token.objects.get().last_used == written
    again = Token.objects.find(secret)
    assert again is not None
    with django_assert_num_queries(0):
        again.used()

    Token.objects.update(last_used=timezone.now() - timedelta(seconds=61))
    later = Token.objects.find(secret)
    assert later is not None
    with django_assert_num_queries(1):
        later.used()
    noted = Token.objects.get().last_used
    assert noted is not None
    assert noted > written
