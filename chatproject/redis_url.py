"""`REDIS_URL`: where hints between processes go through."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from django.core.exceptions import ImproperlyConfigured

from chatproject.service_url import split_url

EXAMPLE = "redis://:password@host:6379/0 (rediss:// with TLS, unix:///path for a socket)"


DATABASE = re.compile(r"[0-9]{1,5}/?")


def check_redis_url(url: str, name: str = "REDIS_URL") -> str:
    """The address as it is, or none. Raises ImproperlyConfigured with an example."""
    if not url:
        return ""
    parts = split_url(name, url, ("redis", "rediss", "unix"), EXAMPLE)
    wrong = ""
    if parts.scheme == "unix":
        if parts.hostname or len(parts.path) < 2:
            wrong = "does not name the path of a socket"
    elif not parts.hostname:
        wrong = "names no host"
    elif parts.path.strip("/") and not DATABASE.fullmatch(parts.path[1:]):
        wrong = "ends with something else than the number of a database"
    numbers = [value for option, value in parse_qsl(parts.query) if option == "db"]
    if not wrong and not all(DATABASE.fullmatch(value) for value in numbers):
        wrong = "has a db that is no number of a database"
    if wrong:
        raise ImproperlyConfigured(f"{name} {wrong}; allowed is an address as in {EXAMPLE}.")
    return url
