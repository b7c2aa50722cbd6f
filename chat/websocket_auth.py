"""WebSocket handshake: origin and session checks."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import parse_cookie
from django.http.request import split_domain_port, validate_host

from chat.languages import of_browser
from chat.trusted_proxies import trusts


def header(scope: Any, name: bytes) -> str:
    """The first header of this name, or ""."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def session_key(scope: Any) -> str | None:
    """The session cookie, read as Django reads it."""
    return parse_cookie(header(scope, b"cookie")).get(settings.SESSION_COOKIE_NAME)


def language_of(scope: Any) -> str:
    """The language that the browser asks for."""
    cookies = parse_cookie(header(scope, b"cookie"))
    return of_browser(cookies, header(scope, b"accept-language"))


def same_origin(scope: Any) -> bool:
    """True if the page that opens the socket is ours: scheme, host and port.

    A browser always sends Origin; without one (or with `null`) nobody is let in.
    """
    try:
        origin = urlsplit(header(scope, b"origin"))
    except ValueError:
        return False
    if origin.scheme not in {"http", "https"} or not origin.netloc:
        return False
    whole = f"{origin.scheme}://{origin.netloc}"
    if whole in settings.CSRF_TRUSTED_ORIGINS:
        return True
    secure = scope.get("scheme") == "wss"
    peer = scope.get("client") or [None]
    if trusts(peer[0]):
        secure = secure or header(scope, b"x-forwarded-proto") == "https"
    host = header(scope, b"host")
    name, _ = split_domain_port(host)
    return whole.lower() == f"{'https' if secure else 'http'}://{host}".lower() and validate_host(
        name, settings.ALLOWED_HOSTS
    )
