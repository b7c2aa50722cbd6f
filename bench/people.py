"""Users with sessions for a load: `python -m bench.people 200` prints their cookies as JSON.

Runs with the settings of the server under test (its environment), on the server's database.
"""

from __future__ import annotations

import json
import os
import sys


def cookies(count: int) -> list[str]:
    """Create users and log each in; returns the values for their `Cookie` headers."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.db import SessionStore

    made = []
    for number in range(count):
        user = User(username=f"load-{number}")
        user.set_unusable_password()
        user.save()
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        made.append(f"{settings.SESSION_COOKIE_NAME}={session.session_key}")
    return made


def main() -> None:
    """Print the cookies of as many people as asked for."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproject.settings")
    import django

    django.setup()
    print(json.dumps(cookies(int(sys.argv[1]))))


if __name__ == "__main__":
    main()
