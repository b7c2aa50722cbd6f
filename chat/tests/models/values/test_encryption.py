"""Secrets at rest."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st
from pytest_django import Settings

from chat.models import Unreadable
from chat.models.values.encryption import decrypt, encrypt

SECRETS = {"key": "sk-canary-7f3a9c1e5b2d", "headers": {"X-A": "1"}}


@pytest.fixture(autouse=True)
def _encryption(settings: Settings) -> None:
    settings.ENCRYPTION_KEY = "first"


@given(st.dictionaries(st.text(), st.text()), st.text())
@profile(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_is_sealed_comes_back(secrets: dict[str, str], address: str) -> None:
    assert decrypt(encrypt(secrets, bound_to=address), bound_to=address) == secrets


def test_it_cannot_be_read_and_no_two_are_alike() -> None:
    one, two = (encrypt(SECRETS, bound_to="a") for _ in range(2))
    assert "canary" not in one
    assert one != two


def test_it_is_bound_to_its_address() -> None:
    with pytest.raises(Unreadable, match="another address"):
        decrypt(encrypt(SECRETS, bound_to="a"), bound_to="b")


@pytest.mark.parametrize("key", ["second", "First", "first2"])
def test_another_key_does_not_open_it(settings: Settings, key: str) -> None:
    sealed = encrypt(SECRETS, bound_to="a")
    settings.ENCRYPTION_KEY = key
    with pytest.raises(Unreadable, match="another ENCRYPTION_KEY") as problem:
        decrypt(sealed, bound_to="a")
    assert problem.value.__suppress_context__


def test_keys_are_rotated_by_putting_the_new_one_first(settings: Settings) -> None:
    old = encrypt(SECRETS, bound_to="a")
    settings.ENCRYPTION_KEY = "second, first"
    assert decrypt(old, bound_to="a") == SECRETS
    new = encrypt(SECRETS, bound_to="a")
    settings.ENCRYPTION_KEY = " second "
    assert decrypt(new, bound_to="a") == SECRETS
    with pytest.raises(Unreadable):
        decrypt(old, bound_to="a")


@pytest.mark.parametrize("key", ["", " ", ",", " , "])
def test_without_a_key_nothing_is_sealed_or_read(settings: Settings, key: str) -> None:
    sealed = encrypt(SECRETS, bound_to="a")
    settings.ENCRYPTION_KEY = key
    for act in (lambda: encrypt(SECRETS, bound_to="a"), lambda: decrypt(sealed, bound_to="a")):
        with pytest.raises(Unreadable, match="has no ENCRYPTION_KEY"):
            act()


@pytest.mark.parametrize("junk", ["x", "gAAAA", "ä", "\x00", "=" * 100, "gAAAAAB" + "A" * 200])
def test_junk_is_unreadable(junk: str) -> None:
    with pytest.raises(Unreadable):
        decrypt(junk, bound_to="a")


def test_what_somebody_else_encrypted_is_unreadable() -> None:
    foreign = Fernet(Fernet.generate_key()).encrypt(b'{"for": "a", "secrets": {}}').decode()
    with pytest.raises(Unreadable):
        decrypt(foreign, bound_to="a")
