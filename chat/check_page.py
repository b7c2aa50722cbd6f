"""The check page: obstacles between a browser and this server, for operators.

The browser finds them, by trying all that the chat needs. The server adds its view of a request,
and a stream like that of a reply.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.mixins import LoginRequiredMixin, UserPassesTestMixin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from django.views.generic import TemplateView

from chat.streams import HEADERS, TYPES
from chat.trusted_proxies import SCHEME_CLAIMED, trusts
from chat.websocket_auth import same_origin

PIECES = 10
APART = 0.2
"""Seconds between two pieces of the test stream."""
LONGEST_SILENCE = 60

type AsyncView = Callable[[HttpRequest], Coroutine[Any, Any, HttpResponseBase]]


def staff_only(view: AsyncView) -> AsyncView:
    """For an asynchronous view; others are answered as by the page itself."""

    @wraps(view)
    async def guarded(request: HttpRequest) -> HttpResponseBase:
        user = await request.auser()
        if not user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if not user.is_staff:
            raise PermissionDenied
        return await view(request)

    return guarded


@method_decorator(never_cache, name="dispatch")
class CheckPage(LoginRequiredMixin, UserPassesTestMixin, TemplateView):
    """The page; its script does the checks."""

    template_name = "chat/check.html"

    def test_func(self) -> bool:
        return bool(self.request.user.is_staff)


@never_cache
@require_GET
@staff_only
async def seen(request: HttpRequest) -> HttpResponse:
    """This request as it arrived, as JSON; and if a page of `?origin=` may open sockets."""
    facts = {
        "scheme": request.scheme,
        "host": request.get_host(),
        "origin_allowed": same_origin(_handshake(request)),
        "forwarded_proto": request.META.get(SCHEME_CLAIMED),
        "trusts_proxies": trusts(request.META.get("REMOTE_ADDR")),
        "https": settings.HTTPS,
        "now": time.time(),
    }
    return HttpResponse(json.dumps(facts), content_type="application/json")


def _handshake(request: HttpRequest) -> dict[str, object]:
    """The scope of a socket's handshake that came the way of this request."""
    scheme = getattr(request, "scope", {}).get("scheme", "http")
    headers = {
        "host": request.headers.get("Host", ""),
        "x-forwarded-proto": request.headers.get("X-Forwarded-Proto", ""),
        "origin": request.GET.get("origin", ""),
    }
    return {
        "client": [request.META.get("REMOTE_ADDR") or None],
        "scheme": "wss" if scheme == "https" else "ws",
        "headers": [
            (name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()
        ],
    }


@require_GET
@staff_only
async def stream(request: HttpRequest) -> HttpResponseBase:
    """A stream like that of a reply, in pieces; with `?silent=`, in two, so many seconds apart."""
    try:
        silent = int(request.GET.get("silent", "0"))
    except ValueError:
        silent = -1
    if not 0 <= silent <= LONGEST_SILENCE:
        return HttpResponse(status=400)
    pauses = [float(silent)] if silent else [APART] * (PIECES - 1)
    return StreamingHttpResponse(_pieces(pauses), content_type=TYPES["sse"], headers=HEADERS)


async def _pieces(pauses: list[float]) -> AsyncGenerator[bytes]:
    yield b'data: {"piece": 0}\n\n'
    for number, pause in enumerate(pauses, 1):
        await asyncio.sleep(pause)
        yield b'data: {"piece": %d}\n\n' % number
