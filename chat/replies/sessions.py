"""Who a connection belongs to, and whether that still holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import get_user, get_user_model
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils import timezone

from chat.models import Counter


@dataclass(frozen=True)
class Login:
    """A logged-in session, as it was when the connection was made."""

    user_id: int
    name: str
    session_key: str
    auth_hash: str
    """Changes with the password."""


BATCH = 500


def log_in(session_key: str | None) -> Login | None:
    """The login behind a session cookie; None when there is none (any more)."""
    if not session_key:
        return None
    store = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user: Any = get_user(cast(HttpRequest, SimpleNamespace(session=store)))
    if not user.is_authenticated or not user.is_active:
        return None
    return Login(user.pk, user.get_username(), session_key, user.get_session_auth_hash())


def check(logins: Iterable[Login]) -> tuple[set[Login], dict[int, int]]:
    """Which logins hold no longer, and the change counters of all their users.

    Covers logout, expiry, password change, deactivation and deletion; two queries for 500 logins.
    """
    over: set[Login] = set()
    counters: dict[int, int] = {}
    everybody = list(logins)
    for at in range(0, len(everybody), BATCH):
        batch = everybody[at : at + BATCH]
        alive = set(
            Session.objects.filter(
                session_key__in={login.session_key for login in batch},
                expire_date__gt=timezone.now(),
            ).values_list("session_key", flat=True)
        )
        users = {
            user.pk: user
            for user in get_user_model()
            .objects.filter(pk__in={login.user_id for login in batch}, is_active=True)
            .select_related("chat_counter")
        }
        for login in batch:
            user = users.get(login.user_id)
            if (
                user is None
                or login.session_key not in alive
                or user.get_session_auth_hash() != login.auth_hash
            ):
                over.add(login)
        for user in users.values():
            counter: Counter | None = getattr(user, "chat_counter", None)
            counters[user.pk] = counter.value if counter else 0
    return over, counters
