"""The server's way in: HTTP to Django, the socket to the consumer, start and drain to `replies`.

Importing this starts nothing. Under daphne the start and the drain hang on Twisted's reactor
(daphne has no lifespan events and ends without waiting for anybody); elsewhere on lifespan.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproject.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from chat import lifecycle  # noqa: E402  needs the apps
from chat.consumers import ChatConsumer, not_found  # noqa: E402

type Scope = dict[str, Any]
type Receive = Callable[[], Awaitable[dict[str, Any]]]
type Send = Callable[[dict[str, Any]], Awaitable[None]]

SOCKET_PATH = "/ws/chat/"
chat_socket = ChatConsumer.as_asgi()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await django_application(scope, receive, send)  # type: ignore[arg-type]
    elif scope["type"] == "websocket":
        socket = chat_socket if scope["path"] == SOCKET_PATH else not_found
        await socket(scope, receive, send)
    elif scope["type"] == "lifespan":
        await lifecycle.lifespan(receive, send)


if "daphne.server" in sys.modules:
    lifecycle.hang_on_reactor()
