"""Checks of settings that are each allowed but wrong together, with hints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import DatabaseError, connection

from chat.models import catalogue, environment_endpoints
from chat.names import falling_together

LOCAL_HOSTS = {"localhost", ".localhost", "127.0.0.1", "[::1]", "::1", "testserver"}

MIN_CONNECTIONS = 8
"""For requests and sockets two, generation two, the lease one, the worker two, `LISTEN` one."""


@register(Tags.security)
def check_debug(**kwargs: Any) -> list[CheckMessage]:
    """Warn of DEBUG, which shows settings and source to anybody who causes an error."""
    public = [host for host in settings.ALLOWED_HOSTS if host not in LOCAL_HOSTS]
    if not settings.DEBUG or not public:
        return []
    return [
        Error(
            f"DEBUG is on while ALLOWED_HOSTS lets others in ({', '.join(public)}).",
            hint="Unset DEBUG, or allow only localhost and 127.0.0.1.",
            id="parley.E001",
        )
    ]


@register(Tags.security)
def check_https_behind_router(**kwargs: Any) -> list[CheckMessage]:
    """A platform's router speaks plain HTTP to us: without its header each request redirects."""
    if not settings.HTTPS or settings.TRUSTED_PROXIES or not settings.ON_PLATFORM:
        return []
    return [
        Error(
            "HTTPS is on and PORT or DYNO is set, but TRUSTED_PROXIES is empty: "
            "every request would be redirected for ever.",
            hint="Set TRUSTED_PROXIES=* where a router ends TLS before the server, "
            "or HTTPS=off where nothing does.",
            id="parley.E002",
        )
    ]


@register(Tags.security)
def check_trusted_proxies(**kwargs: Any) -> list[CheckMessage]:
    """Refuse to trust everybody: a client that names its own address escapes all limits by it.

    On a platform `*` is right: its routers have no fixed addresses, and nobody else gets to the
    port.
    """
    everybody = [one for one in settings.TRUSTED_PROXIES if one == "*" or one.endswith("/0")]
    if not everybody or (everybody == ["*"] and settings.ON_PLATFORM):
        return []
    return [
        CheckWarning(
            f"TRUSTED_PROXIES has {everybody[0]}: whoever reaches the server's port is believed "
            "about the address and the scheme of a request.",
            hint="Name the proxy's address or network. With * only the proxy may reach the port, "
            "and it has to set X-Forwarded-Proto and append to X-Forwarded-For itself.",
            id="parley.W020",
        )
    ]


@register(Tags.database)
def check_same_names(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Report accounts with the same name at each `migrate`; they are never merged."""
    try:
        groups = falling_together() if databases else []
    except DatabaseError:  # not migrated yet
        return []
    if not groups:
        return []
    shown = "; ".join(" and ".join(group) for group in groups[:5])
    more = f" (and {len(groups) - 5} more)" if len(groups) > 5 else ""
    return [
        CheckWarning(
            f"Accounts with user names or addresses that are the same but for case or the way "
            f"accents are stored: {shown}{more}.",
            hint="Each gets in by its name exactly as it is stored. Rename one, or change its "
            "e-mail address, in the admin.",
            id="parley.W021",
        )
    ]


@register(Tags.security)
def check_cors(**kwargs: Any) -> list[CheckMessage]:
    """Pages of other sites carry tokens: they should be as safe as the server, and of use."""
    found: list[CheckMessage] = []
    open_to_change = [
        origin
        for origin in settings.CORS_ALLOWED_ORIGINS
        if origin.startswith("http://") and urlsplit(origin).hostname not in LOCAL_HOSTS
    ]
    if settings.HTTPS and open_to_change:
        found.append(
            CheckWarning(
                f"CORS_ALLOWED_ORIGINS has {', '.join(open_to_change)}: whoever is on the way to "
                "that page can change it and read the tokens it uses.",
                hint="Serve that page over https://.",
                id="parley.W004",
            )
        )
    if settings.CORS_ALLOWED_ORIGINS and not settings.API_TOKENS:
        found.append(
            CheckWarning(
                "CORS_ALLOWED_ORIGINS names other sites, but with API_TOKENS=off there is nothing "
                "by which their pages could be let in.",
                hint="Unset one of the two.",
                id="parley.W005",
            )
        )
    return found


@register(Tags.database)
def check_connections(**kwargs: Any) -> list[CheckMessage]:
    """Too few connections and a process waits for itself."""
    if settings.SQLITE or settings.DATABASE_CONNECTIONS >= MIN_CONNECTIONS:
        return []
    return [
        Error(
            f"DATABASE_CONNECTIONS is {settings.DATABASE_CONNECTIONS}; "
            f"a process needs at least {MIN_CONNECTIONS}.",
            hint="Keep the default of 8, and run fewer processes where the database allows "
            "too few connections.",
            id="parley.E004",
        )
    ]


@register(Tags.database)
def check_connection_limit(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """A process that finds no connection left serves errors. Asks the database where it may."""
    if settings.SQLITE or not databases:
        return []
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT least(current_setting('max_connections')::int"
                " - current_setting('superuser_reserved_connections')::int,"
                " nullif(rolconnlimit, -1), nullif(datconnlimit, -1))"
                " FROM pg_roles, pg_database"
                " WHERE rolname = current_user AND datname = current_database()"
            )
            (limit,) = cursor.fetchone()
    except DatabaseError:  # away: others will report that
        return []
    wanted = settings.DATABASE_CONNECTIONS
    hint = "Choose a database that allows more, or lower DATABASE_CONNECTIONS (8 at least)."
    if wanted > limit:
        said = f"DATABASE_CONNECTIONS is {wanted}, but the database allows only {limit}."
        return [Error(said, hint=hint, id="parley.E007")]
    if wanted * 2 > limit:
        said = (
            f"The database allows {limit} connections; in a deploy, when the old process and the "
            f"new one run side by side, {wanted * 2} are needed."
        )
        return [CheckWarning(said, hint=hint, id="parley.W003")]
    return []


@register(Tags.compatibility)
def check_redis(**kwargs: Any) -> list[CheckMessage]:
    """Without Redis, processes learn of each other's replies by polling."""
    if settings.SQLITE or settings.REDIS_URL:
        return []
    return [
        CheckWarning(
            "Postgres without REDIS_URL: replies that run in another process are followed by "
            "polling, once a second.",
            hint="Set REDIS_URL, or run one process.",
            id="parley.W001",
        )
    ]


@register(Tags.compatibility)
def check_pooler(**kwargs: Any) -> list[CheckMessage]:
    """A pooler that gives each transaction another connection cannot pass a LISTEN on."""
    if settings.SQLITE or not settings.DATABASE_LISTEN or not settings.DATABASE_POOLED:
        return []
    return [
        CheckWarning(
            "DATABASE_URL leads to PgBouncer (by its name, its option or port 6432) while "
            "DATABASE_LISTEN is on: in transaction mode no wake-up arrives that way.",
            hint="Use the direct address of Postgres, or set DATABASE_LISTEN=off.",
            id="parley.W006",
        )
    ]


@register(Tags.compatibility)
def check_names(**kwargs: Any) -> list[CheckMessage]:
    """A setting that is misspelt changes nothing, in silence."""
    found: list[CheckMessage] = []
    for name, meant in settings.UNKNOWN_NAMES.items():
        hint = f"Is {meant} meant?" if meant else "docs/settings.md has the table of all settings."
        found.append(
            CheckWarning(f"{name} is set, but nothing reads it.", hint=hint, id="parley.W007")
        )
    return found


@register(Tags.security)
def check_any_host(**kwargs: Any) -> list[CheckMessage]:
    """Refused in production; elsewhere it is a choice that should be known."""
    if "*" not in settings.ALLOWED_HOSTS or settings.DEBUG:
        return []
    return [
        CheckWarning(
            "ALLOWED_HOSTS has *: a visitor chooses the host in the links that are mailed.",
            hint="Name the hosts by which people reach the server.",
            id="parley.W008",
        )
    ]


def at_start() -> tuple[list[str], list[str]]:
    """Findings of these checks without the database: errors, and warnings.

    For servers, which start without Django's commands and so without its checks.
    """
    found: list[CheckMessage] = []
    for check in (
        check_debug,
        check_https_behind_router,
        check_trusted_proxies,
        check_cors,
        check_connections,
        check_redis,
        check_pooler,
        check_names,
        check_any_host,
    ):
        found += check()
    wrong = [message for message in found if message.is_serious()]
    warnings = [message for message in found if not message.is_serious()]
    return [f"{one.msg} {one.hint}" for one in wrong], [f"{one.msg} {one.hint}" for one in warnings]


@register(Tags.database)
def check_model(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """A chat with nobody to talk to. Looks at the database where it may, as `migrate` does."""
    try:
        if not databases or catalogue().offers:
            return []
    except DatabaseError:  # not migrated yet
        if environment_endpoints().offers:
            return []
    return [
        CheckWarning(
            "No model is set up.",
            hint="Add an endpoint in the admin, or set OPENAI_API_KEY, with OPENAI_BASE_URL and "
            "CHAT_MODEL for another OpenAI-compatible endpoint. `make run` also starts the "
            "embedded model.",
            id="parley.W002",
        )
    ]


@register(Tags.security, deploy=True)
def check_secret_key(**kwargs: Any) -> list[CheckMessage]:
    """Sessions, the first-account link and stored keys are only as secret as this."""
    key = settings.SECRET_KEY
    # 64 digits of hexadecimal have all 16 only three times out of four, ten always.
    if len(set(key)) >= 10 and not any(
        word in key.lower() for word in ("insecure", "change", "example", "secret-key")
    ):
        return []
    return [
        Error(
            "SECRET_KEY looks like an example or is too regular to be a secret.",
            hint="Make one: python -c 'import secrets; print(secrets.token_urlsafe(50))'",
            id="parley.E005",
        )
    ]
