# ruff: noqa: N802, N815  (the names are Twisted's)
"""Limits that daphne lacks, for clients that read, or write, as slowly as they like.

- Sending waits while a client does not take earlier bytes; daphne itself hands everything to the
  transport at once, whose buffer has no bound. A client that takes nothing for minutes is cut off.
- A request has to arrive in time: its headers within `REQUEST_SECONDS`, its body at a pace of
  `BODY_PACE` besides. Twisted's own time-out begins again with each byte.

Other servers do the first by themselves and have a setting for the second.
"""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from daphne import http_protocol
from daphne.server import Server
from django.conf import settings
from twisted.internet import reactor as _reactor
from twisted.internet.interfaces import IPushProducer
from twisted.web import http as _http
from zope.interface import implementer  # type: ignore[import-untyped]

from chat.socket_frames import send_text

reactor: Any = _reactor
http: Any = _http

logger = structlog.stdlib.get_logger(__name__)

STALLED_AFTER = 4
"""Number of `SLOW_CLIENT_SECONDS` in which a client's buffer never once became empty: it is as
large as a minute's text over the slowest of lines."""
BODY_PACE = 4096
"""Bytes a second at which a body has to come, at least."""


@implementer(IPushProducer)
class Brake:
    """Holds one response, or socket, while its client does not take the sent bytes."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._free = asyncio.Event()
        self._free.set()
        self._cut: Any = None

    async def wait(self) -> None:
        await self._free.wait()

    # --- as Twisted's transports call it ------------------------------------------------------

    def pauseProducing(self) -> None:
        self._free.clear()
        if self._cut is None:
            seconds = STALLED_AFTER * settings.SLOW_CLIENT_SECONDS
            self._cut = reactor.callLater(seconds, self._abort)

    def resumeProducing(self) -> None:
        self._free.set()
        if self._cut is not None and self._cut.active():
            self._cut.cancel()
        self._cut = None

    stopProducing = resumeProducing  # the connection is lost, and daphne drops later data

    def _abort(self) -> None:
        logger.info("a client took nothing for long, and was cut off")
        self._transport.abortConnection()


_brakes: WeakKeyDictionary[Any, Brake] = WeakKeyDictionary()
"""By transport: an upgraded connection has another protocol on the same one."""


class BrakedRequest(http_protocol.WebRequest):  # type: ignore[misc]
    def process(self) -> Any:
        brake = _brakes[self.transport] = Brake(self.transport)
        self.registerProducer(brake, True)
        return super().process()

    def finish(self) -> None:
        if self.producer is not None:
            self.unregisterProducer()
            if brake := _brakes.get(self.channel.transport):
                brake.resumeProducing()
        super().finish()


async def handle_reply(self: Server, protocol: Any, message: dict[str, Any]) -> None:
    """daphne's own, in which each piece waits until the client has room for it."""
    text = message["type"] == "websocket.send" and message.get("text")
    if not text:
        await _hand_over(self, protocol, message)
    elif protocol in self.connections and not self.connections[protocol].get("disconnected"):
        send_text(protocol, text)
    goes_on = text or message.get("more_body") or message["type"] == "websocket.send"
    transport = getattr(protocol, "transport", None)
    if goes_on and transport is not None and (brake := _brakes.get(transport)):
        await brake.wait()


_hand_over = Server.handle_reply


class TimedChannel(http.HTTPChannel):  # type: ignore[misc]
    """A connection on which each request has to arrive in time."""

    _due: Any = None
    _began = 0.0
    _came = 0
    _has_headers = False

    def connectionMade(self) -> None:
        super().connectionMade()
        self._await_request()

    def dataReceived(self, data: bytes) -> None:
        if self._due is None and not self._handlingRequest:
            self._await_request()  # the next one, on the same connection
        self._came += len(data)
        super().dataReceived(data)

    def allHeadersReceived(self) -> None:
        self._has_headers = True
        super().allHeadersReceived()

    def allContentReceived(self) -> None:
        self._arrived()
        super().allContentReceived()

    def connectionLost(self, reason: Any) -> None:
        self._arrived()
        super().connectionLost(reason)

    def _await_request(self) -> None:
        self._began, self._came, self._has_headers = _now(), 0, False
        self._due = reactor.callLater(settings.REQUEST_SECONDS, self._check)

    def _arrived(self) -> None:
        if self._due is not None and self._due.active():
            self._due.cancel()
        self._due = None

    def _check(self) -> None:
        self._due = None
        left = self._began + settings.REQUEST_SECONDS + self._came / BODY_PACE - _now()
        if self._has_headers and left > 0:
            self._due = reactor.callLater(max(left, 1), self._check)
            return
        if self._came:
            logger.info("a request did not arrive in time", bytes=self._came)
            self.transport.write(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n")
        self.loseConnection()


def _now() -> float:
    return float(reactor.seconds())


def bound_daphne() -> None:
    """Have daphne use all of these; before it listens."""
    http_protocol.WebRequest = BrakedRequest
    Server.handle_reply = handle_reply
    http_protocol.HTTPFactory.protocol = _timed_channel


def _timed_channel(_: Any) -> Any:
    return http._GenericHTTPChannelProtocol(TimedChannel())
