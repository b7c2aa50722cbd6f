"""By which names an account answers: user name or e-mail address, however they are typed.

A Mac sends `ü` as `u` and two dots, a phone capitalises, and databases differ in their folding.
So names are compared in NFKC and without regard to case, here and not in the database, and are
stored in NFKC. Older accounts are found by the names they have.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from allauth.account.models import EmailAddress
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

NOT_ASCII = "[^ -~]"
"""Few names have such a character; those that have are looked through where one was typed."""


def normalised(text: str) -> str:
    """The text as it is stored and compared: NFKC."""
    return unicodedata.normalize("NFKC", text)


def folded(text: str) -> str:
    """The form that two names share if they are the same to a person."""
    return normalised(normalised(text).casefold())


def spellings(typed: str) -> list[str]:
    """The typed text, normalised first; once where that is the same."""
    return list(dict.fromkeys([normalised(typed), typed]))


def accounts_called(typed: str) -> list[User | None]:
    """For each of the `spellings` the account that answers to it, or None.

    A user name goes before an address: no account gets somebody's address as its name, and
    addresses can be shared.
    """
    names = spellings(typed)
    users = list(_matching(User.objects.all(), "username", names))
    found = [_best(users, name) for name in names]
    if None in found and "@" in typed:
        owners = _by_address(names)
        found = [user or (owners[0] if owners else None) for user in found]
    return found


def accounts_at(address: str) -> list[User]:
    """The active accounts with this e-mail address, as for a new password."""
    return [user for user in _by_address(spellings(address)) if user.is_active]


def address_of(user: User, typed: str) -> str:
    """The address of the account that was meant, as it is stored."""
    known = EmailAddress.objects.filter(user=user).values_list("email", flat=True)
    wanted = folded(typed)
    return next((one for one in [user.email, *known] if folded(one) == wanted), user.email)


def is_taken(text: str, but: int | None = None) -> bool:
    """True if an account other than `but` has this as its user name or e-mail address."""
    wanted, names = folded(text), spellings(text)
    named = _matching(User.objects.all(), "username", names)
    if any(user.pk != but and folded(user.username) == wanted for user in named):
        return True
    return any(user.pk != but for user in _by_address(names))


def falling_together() -> list[list[str]]:
    """Groups of user names of different accounts that are the same to a person."""
    by_fold: defaultdict[str, dict[int, str]] = defaultdict(dict)
    for pk, username, email in User.objects.order_by("pk").values_list("pk", "username", "email"):
        for name in (username, email):
            if name:
                by_fold[folded(name)][pk] = username
    groups = [list(found.values()) for found in by_fold.values() if len(found) > 1]
    return [list(group) for group in dict.fromkeys(map(tuple, groups))]


def _matching(rows: QuerySet[User], field: str, names: Iterable[str]) -> QuerySet[User]:
    """Candidates: more than match, and all that do."""
    wanted = Q()
    for name in names:
        wanted |= Q(**{f"{field}__iexact": name})
        if not name.isascii():
            wanted |= Q(**{f"{field}__regex": NOT_ASCII})
    return rows.filter(wanted)


def _best(users: list[User], name: str) -> User | None:
    """The one with exactly this name, else the only one that is the same to a person."""
    for same in (str, normalised, folded):
        found = [user for user in users if same(user.username) == same(name)]
        if len(found) == 1:
            return found[0]
        if found:
            return None
    return None


def _by_address(names: list[str]) -> list[User]:
    """Accounts with the address: first those that proved it, then active ones, then older ones.

    An address that somebody merely claims, beside the account's own, opens and blocks nothing.
    """
    wanted = folded(names[0])
    claimed = Q(verified=True) | Q(primary=True)
    by_iexact = Q()
    for name in names:
        by_iexact |= Q(email__iexact=name)
        if not name.isascii():
            by_iexact |= Q(email__regex=NOT_ASCII)
    rows = EmailAddress.objects.filter(claimed & by_iexact).select_related("user")
    addresses = [row for row in rows if folded(row.email) == wanted]
    proven = {row.user_id for row in addresses if row.verified}
    found = {row.user_id: row.user for row in addresses}
    for user in _matching(User.objects.all(), "email", names):
        if folded(user.email) == wanted:
            found[user.pk] = user
    return sorted(found.values(), key=lambda u: (u.pk not in proven, not u.is_active, u.pk))
