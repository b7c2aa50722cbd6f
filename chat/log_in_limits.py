"""Limits of password tries, and the owner's way in while others try.

Failed tries count in the shared cache (`CACHES`), so for all processes together and beyond a
restart. One account has one set of counters, whichever of its names is typed; a name nobody has
is counted in the same way, under itself.

- From one address, for one account: `PER_ADDRESS`. Elsewhere it stays open: nobody can lock
  an owner out by the name.
- From one address, for all accounts: `PER_ADDRESS_ALL`, against one password on many names.
- For one account from everywhere: beyond `GENEROUS` tries an hour each address gets one a minute,
  and beyond `MOST` none. Tries from a thousand addresses get no further.
- A browser in which the account was logged in before is known by a signed cookie and is counted by
  itself, `PER_DEVICE`, whatever happens from elsewhere.

A right password gives back its try.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from allauth.core.internal import ratelimit
from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from chat.names import accounts_called, folded

PER_ADDRESS = "10/5m/key"
PER_ADDRESS_ALL = "40/5m/key"
PER_DEVICE = "10/5m/key"
GENEROUS = "100/1h/key"
SLOW = "1/1m/key"
MOST = "1000/1h/key"

KNOWN_FOR = 365 * 86400
SALT = "parley.known-browser"


@dataclass
class Tries:
    """The counters one try took from."""

    allowed: bool = True
    taken: list[ratelimit.RateLimitUsage] = field(default_factory=list)

    def give_back(self) -> None:
        """The password was right: the try does not count."""
        for usage in self.taken:
            usage.rollback()


def account_key(name: str) -> str:
    """One for all the names of an account; for a name nobody has, the name."""
    account = next((one for one in accounts_called(name) if one is not None), None)
    return f"account {account.pk}" if account else f"name {folded(name)}"


def take(request: HttpRequest, name: str) -> Tries:
    """Count a try for the account of this name, and say whether it may be made."""
    account = account_key(name)
    tries = Tries()

    def count(rate: str, *parts: str) -> bool:
        usage = ratelimit.consume(request, **_counter(rate, *parts))
        if usage is not None:
            tries.taken.append(usage)
        return usage is not None

    if device := known_browser(request, account):
        tries.allowed = count(PER_DEVICE, "device", device)
        return tries
    address = ratelimit.get_ip(request)
    tries.allowed = (
        count(PER_ADDRESS, "address", account, address)
        and count(PER_ADDRESS_ALL, "address", address)
        and (count(GENEROUS, "account", account) or count(SLOW, "slow", account, address))
        and count(MOST, "account", account)
    )
    return tries


def forgive(request: HttpRequest, name: str) -> None:
    """Reset the count for the account of this name, as after a new password by mail."""
    account = account_key(name)
    for rate in (GENEROUS, MOST):
        ratelimit.clear(request, **_counter(rate, "account", account))
    address = ratelimit.get_ip(request)
    ratelimit.clear(request, **_counter(PER_ADDRESS, "address", account, address))


def _counter(rate: str, *parts: str) -> dict[str, Any]:
    """Allauth's key of a counter; it includes the rate, and not the names themselves."""
    key = "\0".join(parts)  # allauth hashes it
    return {"app": "parley", "action": "log_in", "config": {"log_in": rate}, "key": key}


# --- browsers that are known ----------------------------------------------------------------


def cookie_name() -> str:
    return f"{settings.SESSION_COOKIE_NAME}_known"


def known_browser(request: HttpRequest, account: str) -> str | None:
    """The id of this browser, where the account was logged in with it."""
    return _known(request).get(account)


def remember_browser(request: HttpRequest, response: HttpResponse, user: Any) -> None:
    """Give the browser the cookie by which it is known next time; for at most five accounts."""
    known = _known(request)
    account = f"account {user.pk}"
    device = known.pop(account, None) or uuid4().hex
    latest = dict([*list(known.items())[-4:], (account, device)])
    response.set_cookie(
        cookie_name(),
        signing.dumps(latest, salt=SALT),
        max_age=KNOWN_FOR,
        path="/accounts/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _known(request: HttpRequest) -> dict[str, str]:
    try:
        found: dict[str, str] = signing.loads(
            request.COOKIES.get(cookie_name(), ""), salt=SALT, max_age=KNOWN_FOR
        )
    except signing.BadSignature:
        return {}
    return found
