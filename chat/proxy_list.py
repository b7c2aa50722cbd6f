"""Reading `TRUSTED_PROXIES`."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from django.core.exceptions import ImproperlyConfigured

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network

WORDS = {"*", "unix"}


def parse(values: Iterable[str]) -> list[str | Network]:
    """Networks, and the words `*` and `unix`. Raises `ImproperlyConfigured` for anything else."""
    found: list[str | Network] = []
    for value in values:
        if value in WORDS:
            found.append(value)
            continue
        try:
            found.append(ipaddress.ip_network(value))
        except ValueError:
            raise ImproperlyConfigured(
                f"TRUSTED_PROXIES has {value!r}; allowed are an address (10.0.0.7), a network with "
                "its last bits 0 (10.0.0.0/8), unix for a proxy at a Unix socket, and * for "
                "whoever connects."
            ) from None
    return found
