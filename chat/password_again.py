"""A second request for the password, before changes of accounts, endpoints and tokens.

Somebody who finds an open browser must not make a way in of their own. How long an answer counts is
`PASSWORD_AGAIN_MINUTES`; the question itself is allauth's, by password or by second factor.
"""

from __future__ import annotations

from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from django.conf import settings
from django.http import HttpRequest, HttpResponseRedirect


def is_confirmed(request: HttpRequest) -> bool:
    """True if the password was given again lately, or need not be."""
    if not settings.PASSWORD_AGAIN_MINUTES:
        return True
    return bool(did_recently_reauthenticate(request))


def ask(request: HttpRequest) -> HttpResponseRedirect:
    """To the page that asks, and back to this one.

    The posted data is not kept in the session, as allauth would: there may be a new key or a
    password in it, and sessions lie in the clear.
    """
    methods = get_adapter().get_reauthentication_methods(request.user)
    query = urlencode({"next": request.get_full_path()})
    return HttpResponseRedirect(f"{methods[0]['url']}?{query}")


asks_password = reauthentication_required(
    enabled=lambda request: request.user.is_authenticated and bool(settings.PASSWORD_AGAIN_MINUTES)
)
"""Decorator for a user's own pages."""
