"""Django's applications, middleware and templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# All of them async: one that is not would hold a thread for as long as a view waits. The one of
# allauth.usersessions, which only notes the last visit, is therefore left out.
MIDDLEWARE = [
    "chat.trusted_proxies.believe_proxies",  # outermost: the others then read true values
    "chat.logs.requests",
    "chat.api.openai.addresses.tidy_addresses",  # before all that looks at an address
    "chat.unavailable.answered_in_time",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",  # outside: on every answer
    "django.middleware.security.SecurityMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "chat.caching.no_store",
    "chat.languages.in_language_of_browser",  # outside of all that answers with a sentence
    "chat.api.problems.problems_for_pages",
    "chat.unavailable.searches_in_turn",  # before all that asks the database
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "chat.languages.in_language_of_user",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "chat.second_factor.lost_second_factor_page",
]


def installed_apps(*, postgres: bool) -> list[str]:
    """Applications; on Postgres also the queue of jobs."""
    found = [
        "daphne",  # first: `runserver` then serves the sockets too
        "chat",
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "servestatic.runserver_nostatic",
        "django.contrib.staticfiles",
        "channels",
        "ninja",  # the files of the page about the API
        "corsheaders",
        "allauth",
        "allauth.account",
        "allauth.mfa",
        "allauth.usersessions",
    ]
    if postgres:
        found.append("procrastinate.contrib.django")
    return [*found, "django.forms"]


def templates(root: Path) -> list[dict[str, Any]]:
    """The engine of templates: ours first, then those of the applications."""
    processors = [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]
    return [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [root / "templates"],
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": processors},
        }
    ]
