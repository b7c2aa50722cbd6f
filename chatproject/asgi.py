"""The server's way in: HTTP to Django, the socket to the consumer, start and drain to `replies`.

Requests of monitors are answered before Django (`chat/health.py`).

Importing this starts nothing. Under daphne the start and the drain hang on Twisted's reactor
(daphne has no lifespan events and ends without waiting for anybody); elsewhere on lifespan.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

from chatproject.starting import load_settings

load_settings()
if "--proxy-headers" in sys.argv:
    # daphne then takes the client's own claim for its address, before TRUSTED_PROXIES is asked.
    sys.exit("Parley does not start: daphne runs with --proxy-headers; use TRUSTED_PROXIES.")

from django.core.asgi import get_asgi_application  # noqa: E402
from structlog.contextvars import bound_contextvars  # noqa: E402

django_application = get_asgi_application()

from chat import access_lines, health, lifecycle  # noqa: E402  needs the apps
from chat.consumers import ChatConsumer, not_found  # noqa: E402
from chat.logs import request_id  # noqa: E402
from chat.trusted_proxies import trusts  # noqa: E402
from chat.websocket_auth import header  # noqa: E402

type Scope = dict[str, Any]
type Receive = Callable[[], Awaitable[dict[str, Any]]]
type Send = Callable[[dict[str, Any]], Awaitable[None]]

SOCKET_PATH = "/ws/chat/"
chat_socket = ChatConsumer.as_asgi()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http" and scope["path"] in health.PAGES:
        await health.answer(scope, send)
    elif scope["type"] == "http":
        await django_application(scope, receive, send)  # type: ignore[arg-type]
    elif scope["type"] == "websocket":
        socket = chat_socket if scope["path"] == SOCKET_PATH else not_found
        peer = scope.get("client") or [None]
        sent = header(scope, b"x-request-id") if trusts(peer[0]) else ""
        with bound_contextvars(request=request_id(sent)):
            await socket(scope, receive, send)
    elif scope["type"] == "lifespan":
        await lifecycle.lifespan(receive, send)


access_lines.hide_secrets()
lifecycle.check_settings()
if "daphne.server" in sys.modules:
    lifecycle.hang_on_reactor()
