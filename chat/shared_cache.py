"""The cache that all processes share: Redis, and while that is away the database.

It counts log-ins and remembers used codes, so it has to answer; its contents may be lost.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

TABLE = "chat_cache"
MOST_ROWS = 20_000
AWAY_SECONDS = 5


class Outage:
    """Remembers that Redis failed: a log-in makes some twenty calls, and must not wait for each."""

    def __init__(self) -> None:
        self._until = 0.0

    @property
    def lasts(self) -> bool:
        return time.monotonic() < self._until

    def begins(self) -> None:
        self._until = time.monotonic() + AWAY_SECONDS

    def ends(self) -> None:
        self._until = 0.0


outage = Outage()
"""Of the process: Django has one cache for each thread."""


class Json:
    """Serializer of cached values: reading runs no code, even of a forged value.

    Django's own way is pickle, and the certificates of a platform's Redis are not verified.
    """

    def dumps(self, value: Any) -> Any:
        # As Django's: a number stays one, so that Redis can count with it.
        return value if type(value) is int else json.dumps(value)

    def loads(self, data: Any) -> Any:
        return json.loads(data)


class RedisOrDatabase(RedisCache):
    """Redis; after a failure the database takes over for a moment."""

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        options = {**params.get("OPTIONS", {}), "serializer": Json}
        super().__init__(server, {**params, "OPTIONS": options})
        kept = {name: value for name, value in params.items() if name != "OPTIONS"}
        self._database = DatabaseCache(TABLE, {**kept, "OPTIONS": {"MAX_ENTRIES": MOST_ROWS}})

    def _either(self, name: str, *args: Any, **kwargs: Any) -> Any:
        redis: Callable[..., Any] = getattr(super(), name)
        if not outage.lasts:
            try:
                return redis(*args, **kwargs)
            except (RedisError, OSError):
                outage.begins()
        return getattr(self._database, name)(*args, **kwargs)

    def add(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("add", *args, **kwargs)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("get", *args, **kwargs)

    def set(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("set", *args, **kwargs)

    def touch(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("touch", *args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("delete", *args, **kwargs)

    def incr(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("incr", *args, **kwargs)

    def has_key(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("has_key", *args, **kwargs)

    def clear(self) -> Any:
        return self._either("clear")
