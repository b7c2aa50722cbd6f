"""The body of an answer, opened and read under the time limits of its endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx2

from chat.endpoint import EndpointConfig
from chat.upstream.chat_request import ChatRequest
from chat.upstream.errors import UpstreamError
from chat.upstream.patience import Patience
from chat.upstream.transport import Body

type Opener = Callable[[ChatRequest, Callable[[], None]], Awaitable[tuple[Body, httpx2.Headers]]]
"""Sends a request; calls back where the answer will come all at once."""


class _ExpiredError(Exception):
    """A watchdog ran out."""


class WatchedBody:
    """Sends a request with `open`, then gives the bytes of its answer.

    Both raise UpstreamError when the time is over; `read` does so when the connection breaks, too.
    """

    def __init__(self, endpoint: EndpointConfig) -> None:
        self.patience = Patience(endpoint, self._give_up)
        self._label = endpoint.label
        self._body: Body | None = None

    async def open(self, request: ChatRequest, opener: Opener) -> httpx2.Headers:
        """Send the request and return the headers of the answer."""
        patience = self.patience
        try:
            async with asyncio.timeout_at(patience.deadline) as limit:

                def whole() -> None:
                    patience.whole()
                    limit.reschedule(patience.deadline)

                self._body, headers = await opener(request, whole)
        except TimeoutError:
            raise self._expired() from None
        patience.heard()
        return headers

    async def read(self) -> bytes:
        """Wait for bytes; b"" where there is no more."""
        assert self._body is not None, "a Stream is read inside `async with`"
        patience = self.patience
        if patience.is_over():
            raise self._expired()
        if packet := self._body.read_at_once():
            patience.heard()
            return packet
        patience.wait()
        try:
            packet = await self._body.read()
            patience.heard()
        except _ExpiredError:
            problem = self._expired()
        except Exception as broken:
            lost = type(broken).__name__
            problem = UpstreamError("connection_lost", self._label, detail=lost)
        else:
            return packet
        finally:
            patience.stop_waiting()
        raise problem

    def close(self) -> None:
        self.patience.close()
        if self._body is not None:
            self._body.close()

    def _give_up(self) -> None:
        if self._body is not None:
            self._body.fail(_ExpiredError())

    def _expired(self) -> UpstreamError:
        it = self.patience
        return UpstreamError(it.code, self._label, detail=it.reason, advice=it.advice)
