"""`REDIS_URL`: its check, and the channel layer and the cache that use it."""

from __future__ import annotations

import re
from typing import Any
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


def channel_layers(url: str) -> dict[str, Any]:
    """The layer for notifications between processes; without Redis there is one process."""
    if not url:
        return {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    return {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [{"address": url, **_unverified(url)}]},
        }
    }


def caches(url: str) -> dict[str, Any]:
    """The cache of all processes, which outlives a restart.

    It has counts of log-ins, and used codes of second factors.
    """
    if not url:
        return {
            "default": {
                "BACKEND": "django.core.cache.backends.db.DatabaseCache",
                "LOCATION": "chat_cache",
                "OPTIONS": {"MAX_ENTRIES": 20_000},
            }
        }
    options = {"socket_timeout": 1, **_unverified(url)}
    if not url.startswith("unix"):
        options["socket_connect_timeout"] = 1
    return {
        "default": {
            "BACKEND": "chat.shared_cache.RedisOrDatabase",
            "LOCATION": url,
            "KEY_PREFIX": "parley",
            "OPTIONS": options,
        }
    }


def _unverified(url: str) -> dict[str, Any]:
    """The option for certificates of no authority, as PaaS Redis has them over TLS.

    With `redis://` the option would raise.
    """
    return {"ssl_cert_reqs": None} if url.startswith("rediss://") else {}
