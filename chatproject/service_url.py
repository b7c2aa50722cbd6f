"""Splits the address of a service, `scheme://user:password@host:port/path?query`, strictly.

Libraries read a wrong address each in its own way: one takes half of a password for the host, the
next for a port. Here it is refused, in a sentence that repeats no password.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NoReturn
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ImproperlyConfigured

ENCODE = (
    "in a user or password the signs @ : / ? # % [ ] and blanks are written in percent "
    "encoding (@ is %40)"
)


def split_url(name: str, value: str, schemes: Collection[str], example: str) -> SplitResult:
    """The parts of the address that the variable `name` has.

    Raises ImproperlyConfigured with the fault and an example.
    """

    def wrong(fault: str) -> NoReturn:
        raise ImproperlyConfigured(f"{name} {fault}; allowed is an address as in {example}.")

    scheme, colon, rest = value.partition("://")
    if not colon or scheme not in schemes:
        begin = " or ".join(f"{one}://" for one in schemes)
        wrong(f"does not begin with {begin}")
    if not value.isprintable() or " " in value:
        wrong(f"has a blank or a line break in it ({ENCODE})")
    if "<" in value or ">" in value:
        wrong("has something in < > that was not filled in")
    # A name or password ends at the last @; reserved characters before it should be encoded.
    userinfo, at, _ = rest.rpartition("@")
    if at and (set(userinfo) & set("@/?#[] ") or userinfo.count(":") > 1):
        wrong(f"has a sign in its user or password that ends it ({ENCODE})")
    if _badly_encoded(userinfo):
        wrong(f"has a % in its user or password that encodes nothing ({ENCODE})")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        wrong(f"has a host or port that is none ({ENCODE})")
    if port == 0 or (port is None and parts.netloc.endswith(":")):
        wrong("has a port that is none")
    if parts.fragment or value.endswith("#"):
        wrong(f"has a # ({ENCODE})")
    return parts


def _badly_encoded(text: str) -> bool:
    return any(
        len(piece) < 2 or not set(piece[:2]) <= set("0123456789abcdefABCDEF")
        for piece in text.split("%")[1:]
    )
