"""Checking name and password: as many hashes for a name nobody has as for one somebody has.

A hash takes a quarter of a second, so a second one would reveal an account. One is made for
any input; where NFKC changes the name or the password, the typed form is tried besides,
which doubles the number for known and unknown names alike.
"""

from __future__ import annotations

from itertools import product
from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest

from chat.names import accounts_called, spellings


class AccountBackend(AuthenticationBackend):  # type: ignore[misc]
    """allauth's, but for how the password is checked."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> User:
        """The account. Raises `PermissionDenied`, so that no other backend hashes once more."""
        name = credentials.get("username") or credentials.get("email") or ""
        password = credentials.get("password") or ""
        if not name or not password:
            raise PermissionDenied
        user = check_password(accounts_called(name), password)
        if user is None:
            raise PermissionDenied
        if not self.user_can_authenticate(user):
            self._stash_user(user)  # for allauth, which explains it to people who know the password
            raise PermissionDenied
        return user

    def get_user(self, user_id: int) -> User | None:
        """The user of a session, with preferences, in one query."""
        rows = User.objects.select_related("chat_preferences")
        # The defaults of new conversations may be long, and few requests need them.
        rows = rows.defer("chat_preferences__default_settings")
        user = rows.filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None


def check_password(accounts: list[User | None], typed: str) -> User | None:
    """The account with this password, or None; every place costs a hash, also None."""
    # The few connections of the process are not held while this thread computes.
    if not connection.in_atomic_block:
        connection.close()
    tried: set[tuple[int, str]] = set()
    for place, password in product(accounts, spellings(typed)):
        if place is None or (place.pk, password) in tried:
            User().set_password(password)
            continue
        tried.add((place.pk, password))
        if place.check_password(password):
            return place
    return None
