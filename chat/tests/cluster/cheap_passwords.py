"""The settings with passwords hashed in one round, as `live/database.py` stores them.

Hashing slowly on purpose takes the machine of the tests most of a second for each try.
"""

from __future__ import annotations

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from chatproject.settings import *  # noqa: F403

PASSWORD_HASHERS = ["chat.tests.cluster.cheap_passwords.OneRound"]


class OneRound(PBKDF2PasswordHasher):
    iterations = 1
