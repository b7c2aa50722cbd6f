"""The names of this instance's cookies.

A browser keeps cookies by host, whatever the port: two instances on one host that used the same
names would log each other's users out. So the names come from facts that no two instances share.
"""

from __future__ import annotations

import hashlib
import re

from django.core.exceptions import ImproperlyConfigured

DJANGO = "django"
"""The setting with Django's own names, as in version 0.1."""


def cookie_names(name: str, secret_key: str, *, secure: bool) -> tuple[str, str, str]:
    """The names of the cookies: session, against cross-site request forgery, and language.

    `name` is the setting, or nothing. Over HTTPS they begin with `__Host-`: then a browser takes
    them from this very host alone, and from no neighbour below the same domain.
    """
    if name == DJANGO:
        return "sessionid", "csrftoken", "django_language"
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,40}", name):
        raise ImproperlyConfigured(
            f"COOKIE_NAME is {name!r}; allowed are up to 40 letters, digits, - and _, or {DJANGO} "
            "for the names that Django gives."
        )
    if not name:
        name = "parley-" + hashlib.sha256(b"cookies:" + secret_key.encode()).hexdigest()[:8]
    prefix = "__Host-" if secure else ""
    return f"{prefix}{name}-session", f"{prefix}{name}-csrf", f"{prefix}{name}-language"
