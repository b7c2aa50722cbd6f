"""The first account: an administrator, made through a link that only the server's log shows.

The code in the link is derived from `SECRET_KEY`, so nothing has to be stored and a restart shows
the same link. It opens nothing once any account exists.
"""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

SALT = "parley.first-account"


def an_account_exists() -> bool:
    """True if there is any account, active or not."""
    return get_user_model().objects.exists()


def first_account_code() -> str:
    """The code of the link: 256 bits that can only be computed with `SECRET_KEY`."""
    return salted_hmac(SALT, "administrator", algorithm="sha256").hexdigest()


def first_account_path() -> str | None:
    """The path of the one-time link, or None once an account exists."""
    if an_account_exists():
        return None
    return reverse("first_account", args=[first_account_code()])


def opens_first_account(code: str) -> bool:
    """True if this code may make an account now.

    Both tests are always made, so that the time does not reveal which one has failed.
    """
    is_right = constant_time_compare(code, first_account_code())
    return not an_account_exists() and is_right


def create_first_account(user: User) -> bool:
    """Save `user` as administrator if it is still the first; False if another was quicker.

    The row of the user table's content type is there since `migrate`; its lock lets one through
    at a time on Postgres. On SQLite the transaction is IMMEDIATE and is itself that lock.
    """
    with transaction.atomic():
        ContentType.objects.select_for_update(no_key=True).get(app_label="auth", model="user")
        if an_account_exists():
            return False
        user.is_staff = True
        user.is_superuser = True
        user.save()
    return True
