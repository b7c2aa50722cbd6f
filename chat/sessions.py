"""Sessions of connections: the user of each, and its end."""

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

from chat.languages import chosen_by
from chat.models import Counter, Token


@dataclass(frozen=True)
class Login:
    """A logged-in session or an API token, as it was when the connection was made."""

    user_id: int
    name: str
    session_key: str
    """Empty for a token."""
    auth_hash: str
    """Changes with the password; empty for a token, which outlives one."""
    token: int | None = None
    """The primary key of the API token."""
    places: int = 0
    """The most streams that it may have open; a session counts with the user's others."""
    language: str = ""
    """The one that the user chose, or that of the connection; empty where neither is known."""


BATCH = 500


def log_in(session_key: str | None) -> Login | None:
    """The login behind a session cookie; None when there is none (any more)."""
    if not session_key:
        return None
    store = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user: Any = get_user(cast(HttpRequest, SimpleNamespace(session=store)))
    if not user.is_authenticated or not user.is_active:
        return None
    return Login(
        user.pk,
        user.get_username(),
        session_key,
        user.get_session_auth_hash(),
        language=chosen_by(user),
    )


def log_in_token(token: Token) -> Login:
    """The login behind an API token that was found to be live."""
    places = sum(token.places)
    name, language = token.user.get_username(), chosen_by(token.user)
    return Login(token.user_id, name, "", "", token.pk, places, language)


def check(logins: Iterable[Login]) -> tuple[set[Login], dict[int, int]]:
    """Logins that are no longer valid, and the change counters of all their users.

    Covers logout, expiry, password change, revoked tokens, deactivation and deletion; at most
    three queries for 500 logins.
    """
    over: set[Login] = set()
    counters: dict[int, int] = {}
    everybody = list(logins)
    for at in range(0, len(everybody), BATCH):
        batch = everybody[at : at + BATCH]
        sessions = _alive_sessions({one.session_key for one in batch if one.token is None})
        tokens = _alive_tokens({one.token for one in batch if one.token is not None})
        users = {
            user.pk: user
            for user in get_user_model()
            .objects.filter(pk__in={login.user_id for login in batch}, is_active=True)
            .select_related("chat_counter")
        }
        for login in batch:
            user = users.get(login.user_id)
            if user is None:
                over.add(login)
            elif login.token is not None:
                if login.token not in tokens:
                    over.add(login)
            elif (
                login.session_key not in sessions or user.get_session_auth_hash() != login.auth_hash
            ):
                over.add(login)
        for user in users.values():
            counter: Counter | None = getattr(user, "chat_counter", None)
            counters[user.pk] = counter.value if counter else 0
    return over, counters


def _alive_sessions(keys: set[str]) -> set[str]:
    found = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    return set(found.values_list("session_key", flat=True))


def _alive_tokens(keys: set[int]) -> set[int]:
    return set(Token.objects.live().filter(pk__in=keys).values_list("pk", flat=True))
