"""Names of hosts and origins in settings, which must match those that browsers send."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.core.exceptions import ImproperlyConfigured

from chat.address_parts import is_address, is_host
from chatproject.environment import wrong_value

ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>\[[^\]]*\]|[^:/?#@\[\]]+)(:(?P<port>[0-9]{1,5}))?"
)
PLACEHOLDER = re.compile(
    r"(?i)\.?([a-z0-9-]+\.)?your[-_.]?(host|domain|site|server|name|app)([-_.].*)?"
)
"""Placeholders for a name in documents."""
USUAL_PORTS = {"http": "80", "https": "443"}

HOSTS = (
    "allowed are names as in chat.example, .chat.example with all below it, and addresses as in "
    "192.0.2.7 or [::1], without scheme, port, path, quotes and blanks"
)
TRUSTED = (
    "allowed are a scheme, a host and perhaps a port, without a path or a / at the end, as in "
    "https://chat.example or https://*.chat.example"
)
CORS = (
    "allowed are a scheme, a host and perhaps a port, in lower case and as browsers send it: "
    "https://app.example, http://localhost:5173. No path, no *, no :80 or :443"
)


def check_allowed_hosts(hosts: Iterable[str], *, production: bool) -> list[str]:
    """`ALLOWED_HOSTS` as Django compares them. Raises ImproperlyConfigured."""
    found = list(hosts)
    if not found:
        raise ImproperlyConfigured(f"ALLOWED_HOSTS names no host; {HOSTS}.")
    for host in found:
        if host == "*" and production:
            raise ImproperlyConfigured(
                "ALLOWED_HOSTS has *, with which a visitor chooses the host in the links that are "
                f"mailed; {HOSTS}; * only with HTTPS=off or DEBUG=on."
            )
        if production and PLACEHOLDER.fullmatch(host):
            raise _wrong("ALLOWED_HOSTS", host, f"that is a placeholder: {HOSTS}")
        if host != "*" and not is_host(host.removeprefix(".")):
            raise _wrong("ALLOWED_HOSTS", host, HOSTS)
    return found


def check_trusted_origins(origins: Iterable[str]) -> list[str]:
    """`CSRF_TRUSTED_ORIGINS`, each with its scheme. Raises ImproperlyConfigured."""
    found = list(origins)
    for origin in found:
        scheme, host, _ = _parts(origin)
        if scheme not in {"http", "https"} or not is_host(host.removeprefix("*.")):
            raise _wrong("CSRF_TRUSTED_ORIGINS", origin, TRUSTED)
    return found


def check_cors_origins(origins: Iterable[str]) -> list[str]:
    """`CORS_ALLOWED_ORIGINS`, as browsers send an origin. Raises ImproperlyConfigured."""
    found = list(origins)
    for origin in found:
        scheme, host, port = _parts(origin)  # other schemes are those of apps
        usual = port and port == USUAL_PORTS.get(scheme)
        if not scheme or not is_host(host) or origin != origin.lower() or usual:
            raise _wrong("CORS_ALLOWED_ORIGINS", origin, CORS)
    return found


def check_listening_host(name: str, host: str) -> str:
    """Check a host to listen on: a name, or an address without brackets. Raises likewise."""
    if not (is_host(host) or is_address(host, 6)) or host.startswith("["):
        raise wrong_value(name, host, "are a name or an address, as in 127.0.0.1, 0.0.0.0 or ::")
    return host


def _parts(origin: str) -> tuple[str, str, str]:
    """Scheme, host and port; nothing at all where it is no origin."""
    parts = ORIGIN.fullmatch(origin)
    if not parts or (parts["port"] and not 0 < int(parts["port"]) < 65536):
        return "", "", ""
    return parts["scheme"], parts["host"], parts["port"] or ""


def _wrong(name: str, item: str, allowed: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name} has {item[:60]!r}; {allowed}.")
