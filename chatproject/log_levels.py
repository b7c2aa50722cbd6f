"""Levels of loggers: none may write a prompt, a key or a reply."""

from __future__ import annotations

from typing import Any

QUIET = (
    # These log request bodies or whole URLs at DEBUG and INFO.
    "openai",
    "httpx2",
    "httpcore2",
    "aiohttp",
    "asyncio",
    "daphne",
    "django.db",
    "procrastinate",
    "redis",
)


def logging_by(level: str, style: str) -> dict[str, Any]:
    """Django's `LOGGING`: our lines from this level on, as `json` or for the `console`."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": "chat.logs.formatter", "style": style}},
        "filters": {
            "no_traceback": {"()": "chat.logs.WithoutTraceback"},
            "no_outage": {"()": "chat.logs.WithoutOutage"},
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {name: {"level": "WARNING"} for name in QUIET}
        | {
            # Of a refused request `chat.logs.requests` has said everything.
            "django.request": {"level": "ERROR", "filters": ["no_outage"]},
            "django.security.DisallowedHost": {"filters": ["no_traceback"]},
            # A traceback a second while Redis is away, which our own lines report.
            "channels_redis": {"level": "CRITICAL"},
        },
    }
