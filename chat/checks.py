"""Settings that are each allowed but wrong together. A hint says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import DatabaseError, connection

from chat.models import catalogue, environment_endpoints

LOCAL_HOSTS = {"localhost", ".localhost", "127.0.0.1", "[::1]", "::1", "testserver"}

MIN_CONNECTIONS = 5
"""The lease keeps one of Django's pool, which needs a second; two for the worker, one to listen."""


@register(Tags.security)
def check_debug(**kwargs: Any) -> list[CheckMessage]:
    """DEBUG shows settings and source to whoever causes an error."""
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
def check_origins(**kwargs: Any) -> list[CheckMessage]:
    """An origin is a scheme, a host and perhaps a port; anything else never matches."""
    return [
        Error(
            f"CSRF_TRUSTED_ORIGINS has {origin!r}, which is not an origin.",
            hint="Write scheme, host and perhaps port, as in https://chat.example.",
            id="parley.E003",
        )
        for origin in settings.CSRF_TRUSTED_ORIGINS
        if not is_origin(origin)
    ]


def is_origin(origin: str) -> bool:
    """Whether this is `http(s)://host[:port]` and nothing more."""
    parts = urlsplit(origin)
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.netloc)
        and not (parts.path or parts.query or parts.fragment)
    )


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


MIN_METRICS_TOKEN = 16


@register(Tags.security)
def check_metrics_token(**kwargs: Any) -> list[CheckMessage]:
    """Whoever guesses it learns how much is used, and when."""
    if not settings.METRICS_TOKEN or len(settings.METRICS_TOKEN) >= MIN_METRICS_TOKEN:
        return []
    return [
        Error(
            f"METRICS_TOKEN has fewer than {MIN_METRICS_TOKEN} characters.",
            hint="Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))', "
            "or unset it: then there is no /metrics.",
            id="parley.E006",
        )
    ]


@register(Tags.database)
def check_connections(**kwargs: Any) -> list[CheckMessage]:
    """Too few connections and a process waits for itself."""
    if settings.SQLITE or settings.DATABASE_CONNECTIONS >= MIN_CONNECTIONS:
        return []
    return [
        Error(
            f"DATABASE_CONNECTIONS is {settings.DATABASE_CONNECTIONS}; "
            f"a process needs at least {MIN_CONNECTIONS}.",
            hint="Keep the default of 6, and run fewer processes where the database allows "
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
    except DatabaseError:  # away: whoever needs it will say so
        return []
    wanted = settings.DATABASE_CONNECTIONS
    hint = "Choose a database that allows more, or lower DATABASE_CONNECTIONS (5 at least)."
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
def check_workers(**kwargs: Any) -> list[CheckMessage]:
    """Only Postgres can take work from one process to another."""
    if not settings.SQLITE or settings.WORKERS == "embedded":
        return []
    return [
        Error(
            "WORKERS=separate needs Postgres; with SQLite the server produces the replies.",
            hint="Unset WORKERS, or set DATABASE_URL to a Postgres database.",
            id="parley.E008",
        )
    ]


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
