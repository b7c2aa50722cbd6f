"""Client addresses: only the proxies of `TRUSTED_PROXIES` are believed about them.

Each is an address (`10.0.0.7`), a network (`10.0.0.0/8`), `unix` for a proxy that comes by a Unix
socket, or `*` for everybody: then only the proxy may reach the server's port.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import cast

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from chat.proxy_list import Network, parse

FORWARDED = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_REAL_IP",
    "HTTP_FORWARDED",
    "HTTP_X_REQUEST_ID",
)
"""Headers of proxies, which anybody else could forge."""
SCHEME_CLAIMED = "parley.scheme_claimed"
"""In `request.META`: the scheme of the header, believed or not, for the check page."""

type Answer = Callable[[HttpRequest], HttpResponseBase]
type AsyncAnswer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


def trusts(peer: str | None) -> bool:
    """True if this address (None: a Unix socket) is a trusted proxy's."""
    listed = _listed(tuple(settings.TRUSTED_PROXIES))
    if "*" in listed:
        return True
    address = _address(peer or "")
    if address is None:
        return "unix" in listed
    return any(address in one for one in listed if not isinstance(one, str))


def client_address(peer: str | None, forwarded: str) -> str | None:
    """The client's address: in X-Forwarded-For the last hop that is no trusted proxy.

    Each proxy appends its caller, so the list is true from its right end on, as far as
    trusted proxies wrote it. With `*` that is one entry. Anything but an address ends the way back.
    """
    found = peer
    everybody = "*" in settings.TRUSTED_PROXIES
    for hop in reversed([hop for hop in forwarded.split(",") if hop.strip()]):
        if not trusts(found):
            break
        address = _address(hop)
        if address is None:
            break
        found = str(address)
        if everybody:
            break
    return found or None


@sync_and_async_middleware
def believe_proxies(get_response: Answer | AsyncAnswer) -> Answer | AsyncAnswer:
    """Middleware that drops these headers from requests of all but trusted proxies."""
    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponseBase:
            _drop_claims(request)
            return await cast(AsyncAnswer, get_response)(request)

        return middleware

    def sync_middleware(request: HttpRequest) -> HttpResponseBase:
        _drop_claims(request)
        return cast(Answer, get_response)(request)

    return sync_middleware


def _drop_claims(request: HttpRequest) -> None:
    request.META[SCHEME_CLAIMED] = request.META.get("HTTP_X_FORWARDED_PROTO")
    if trusts(request.META.get("REMOTE_ADDR")):
        return
    for name in FORWARDED:
        request.META.pop(name, None)


@lru_cache(maxsize=8)
def _listed(values: tuple[str, ...]) -> tuple[str | Network, ...]:
    return tuple(parse(values))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address as proxies write it: with a port, in brackets, with a zone, or mapped."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
