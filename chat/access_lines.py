"""Keeps secrets out of the access logs of servers: daphne, uvicorn, hypercorn, granian.

They write each address whole, and some addresses are secrets: a ticket in the query, the link of
the first account, one that resets a password or confirms an address. Our own log lines have routes
alone (`chat/logs.py`); here the lines that others write get an address that anybody may read.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

from django.conf import settings
from django.urls import Resolver404, resolve

HIDDEN = "..."
ID = re.compile(r"[0-9]{1,12}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ADDRESS = re.compile(r'(?<![^\s"\'(])(?P<origin>(?:https?|wss?)://[^/\s"\']+)?(?P<path>/[^\s"\']*)')
LOGGERS = ("uvicorn.access", "uvicorn.error", "hypercorn.access", "hypercorn.error",
           "granian.access", "_granian", "gunicorn.access", "gunicorn.error")  # fmt: skip
WITH_HEADERS = ("uvicorn.asgi",)
"""At its finest level it writes whole requests, cookies included."""


def public_address(address: str) -> str:
    """The path without its query and its secrets.

    Ids stay. Any other variable part is hidden, so that a route that is added later has no secret
    in a log by mistake; an address that nothing answers may be a link with a slip in it.
    """
    path = unquote(address.partition("?")[0].partition("#")[0])
    if path in {"/ws/chat/", "/healthz", "/readyz", "/metrics"}:
        return path
    if path.startswith(settings.STATIC_URL):
        return f"{settings.STATIC_URL}{HIDDEN}"
    try:
        match = resolve(path)
    except (Resolver404, ValueError):
        return f"/{HIDDEN}"
    for value in (*match.args, *match.kwargs.values()):
        if value and isinstance(value, str) and not ID.fullmatch(value):
            path = path.replace(value, HIDDEN)
    return quote(path)


def without_secrets(text: str) -> str:
    """A line in which each address is one that anybody may read."""
    return ADDRESS.sub(lambda found: (found["origin"] or "") + public_address(found["path"]), text)


class PublicAddresses(logging.Filter):
    """Replaces the addresses in a server's lines, in its arguments where it formats them itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                without_secrets(one) if isinstance(one, str) else one for one in record.args
            )
            record.msg = without_secrets(record.msg) if isinstance(record.msg, str) else record.msg
        else:
            record.msg, record.args = without_secrets(record.getMessage()), None
        return True


def hide_secrets() -> None:
    """Hide them from now on, in any log of the server."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(PublicAddresses())
    for name in WITH_HEADERS:
        logging.getLogger(name).addFilter(lambda record: False)
    if "daphne.access" in sys.modules:
        generator = sys.modules["daphne.access"].AccessLogGenerator
        generator.write_entry = _public(generator.write_entry)


def _public(write: Callable[..., None]) -> Callable[..., None]:
    """daphne's way to write a line, with another address in it: `GET /path?query`."""

    def write_entry(self: Any, host: Any, date: Any, request: str, *rest: Any, **more: Any) -> None:
        method, _, address = request.partition(" ")
        write(self, host, date, f"{method} {public_address(address)}", *rest, **more)

    return write_entry
