"""Rights over other accounts: only superusers may change ways to log in as another."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission, User
from django.db.models import Q, QuerySet


def touchable(actor: Any, accounts: QuerySet[User]) -> QuerySet[User]:
    """Of these accounts those that `actor` may change at all.

    Without the superuser flag that is none of staff or superusers, `actor` included, and none with
    a permission that `actor` lacks. A deactivated account keeps its permissions for that: it has
    them again the moment it is activated.
    """
    if actor.is_superuser:
        return accounts
    lacking = Permission.objects.exclude(pk__in=held(actor))
    by_group = User.objects.filter(groups__permissions__in=lacking).values("pk")
    by_itself = User.objects.filter(user_permissions__in=lacking).values("pk")
    return accounts.filter(is_staff=False, is_superuser=False).exclude(
        Q(pk__in=by_itself) | Q(pk__in=by_group)
    )


def may_touch(actor: Any, account: User) -> bool:
    """True if `actor` may change this account at all."""
    return touchable(actor, User.objects.filter(pk=account.pk)).exists()


def held(account: Any) -> QuerySet[Permission, int]:
    """The primary keys of the permissions of an account and of its groups."""
    mine = Permission.objects.filter(Q(user=account.pk) | Q(group__user=account.pk))
    return mine.values_list("pk", flat=True)
