"""`DATABASE_URL` as Django wants it: SQLite's file, or Postgres."""

from __future__ import annotations

import re
from typing import Any, NoReturn
from urllib.parse import SplitResult, parse_qsl, unquote

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from chatproject.service_url import split_url

POOLER_PORT = 6432
"""PgBouncer's default port."""
EXAMPLE = "postgres://user:password@host:5432/parley or sqlite:////var/lib/parley/parley.sqlite3"
SCHEMES = ("postgres", "postgresql", "sqlite")


def read_database_url(url: str, name: str = "DATABASE_URL") -> dict[str, Any]:
    """Django's settings of this database. Raises ImproperlyConfigured with an example."""
    if not url:
        raise ImproperlyConfigured(
            f"{name} is empty; allowed is an address as in {EXAMPLE}, or leave it out for "
            "db.sqlite3 beside the code."
        )
    parts = split_url(name, url, SCHEMES, EXAMPLE)
    if parts.scheme == "sqlite":
        _check_file(name, parts)
    else:
        _check_postgres(name, parts)
    found: dict[str, Any] = dict(dj_database_url.parse(url))
    found.get("OPTIONS", {}).pop("pgbouncer", None)  # as Prisma and others write it; not libpq's
    return found


def is_pooled(url: str) -> bool:
    """True if the address shows that it is PgBouncer's."""
    parts = split_url("DATABASE_URL", url, SCHEMES, EXAMPLE)
    if parts.scheme == "sqlite":
        return False
    host = (parts.hostname or "").replace("-", "")
    value = dict(parse_qsl(parts.query, keep_blank_values=True)).get("pgbouncer", "false")
    return parts.port == POOLER_PORT or "pgbouncer" in host or value.lower() not in {"false", "0"}


def _check_file(name: str, parts: SplitResult) -> None:
    path = unquote(parts.path[1:])
    if parts.netloc:
        _wrong(name, "has a host for SQLite: there are three slashes before the path, four before "
               "an absolute one")  # fmt: skip
    if path.startswith("~"):
        _wrong(name, "begins its path with ~, which only a shell fills in")
    if not path or path.endswith("/") or path.startswith((":memory:", "file:")):
        _wrong(name, "names no file for SQLite")
    if parts.query:
        _wrong(name, "has options, of which there are none for SQLite")


def _check_postgres(name: str, parts: SplitResult) -> None:
    if not unquote(parts.path.strip("/")) or "/" in parts.path[1:]:
        _wrong(name, "does not end with the name of one database")
    from psycopg.pq import Conninfo  # only where there is Postgres

    known = {one.keyword.decode() for one in Conninfo.get_defaults()}
    known |= {"currentSchema", "pgbouncer"}
    for option, value in parse_qsl(parts.query, keep_blank_values=True):
        if option not in known:
            _wrong(name, f"has the option {option!r}, which Postgres does not know")
        words = WORDS.get(option)
        if words and value not in words:
            _wrong(name, f"has {option}={value!r}, which is none of {', '.join(words)}")
        if option in NUMBERS and not re.fullmatch(r"-?[0-9]{1,9}", value):
            _wrong(name, f"has {option}={value!r}, which is no whole number")


WORDS = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer", "require"),
    "target_session_attrs": ("any", "read-write", "primary"),
    "load_balance_hosts": ("disable", "random"),
}
"""Allowed values of libpq's options; of the kinds of server only writable ones."""
NUMBERS = (
    "connect_timeout",
    "tcp_user_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
)


def _wrong(name: str, fault: str) -> NoReturn:
    raise ImproperlyConfigured(f"{name} {fault}; allowed is an address as in {EXAMPLE}.")
