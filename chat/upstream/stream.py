"""One reply as it arrives: batches of text, then how it ended."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from chat.endpoint import EndpointConfig
from chat.upstream.body_events import BodyEvents
from chat.upstream.chat_request import ChatRequest
from chat.upstream.chunks import AnswerFacts
from chat.upstream.completion import Completion
from chat.upstream.content import Batch
from chat.upstream.decoding import UnreadableError
from chat.upstream.errors import UpstreamError
from chat.upstream.habits import Habits
from chat.upstream.sse import EventTooLargeError
from chat.upstream.watched_body import Opener, WatchedBody


class Stream:
    """Iterate it inside `async with`; each step gives all that has arrived since the last one.

    Between two steps nothing is read from the connection, so the caller sets the pace. A step ends
    with content only, because a pause after anything else would delay the first token or the end;
    `facts` are set as soon as they arrive. After the iteration `complete` is False
    where the endpoint gave neither a finish reason nor `[DONE]`: the reply was cut off. Errors come
    as UpstreamError, always after the text that arrived before them.
    """

    def __init__(
        self, endpoint: EndpointConfig, request: ChatRequest, opener: Opener, habits: Habits
    ) -> None:
        self._label, self._request, self._opener = endpoint.label, request, opener
        self._body = WatchedBody(endpoint)
        self._completion = Completion(endpoint, request, habits, self._body.patience)
        self._events: BodyEvents | None = None

    @property
    def finish_reason(self) -> str | None:
        return self._completion.finish_reason

    @property
    def complete(self) -> bool:
        return self._completion.complete

    @property
    def facts(self) -> AnswerFacts:
        return self._completion.facts

    @property
    def detail(self) -> str:
        """For staff: the kind of end without a finish reason or an error."""
        return self._completion.detail

    @property
    def ended(self) -> bool:
        """True if the next step is the end or the error, so that no pause should come before."""
        return self._completion.ended

    async def __aenter__(self) -> Self:
        headers = await self._body.open(self._request, self._opener)
        try:
            self._events = BodyEvents(headers)
        except UnreadableError as unreadable:
            self._close()
            raise UpstreamError("bad_response", self._label, detail=str(unreadable)) from None
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch:
        completion = self._completion
        while not completion.ended:
            try:
                packet = await self._body.read()
            except UpstreamError as broken:
                completion.fail(broken)
            else:
                if packet:
                    self._consume(packet)
                else:
                    self._end()
            if batch := completion.batch():
                return batch
        if completion.failure is not None:
            raise completion.failure
        raise StopAsyncIteration

    def _consume(self, packet: bytes) -> None:
        assert self._events is not None, "a Stream is read inside `async with`"
        completion = self._completion
        try:
            for name, data in self._events.feed(packet):
                completion.take(name, data)
                if completion.ended:
                    return
        except EventTooLargeError:
            completion.fail_with("bad_response", "An event is too large.")
        except UnreadableError as unreadable:
            completion.fail_with("bad_response", str(unreadable))

    def _end(self) -> None:
        """The connection has ended, in order or not."""
        events, completion = self._events, self._completion
        assert events is not None, "a Stream is read inside `async with`"
        if (body := events.whole) is not None:
            completion.take_whole(body)
        else:
            for name, data in events.rest():
                completion.take(name, data)
        if completion.ended:
            return
        if events.cut:
            completion.fail_with("connection_lost", "The compressed body is cut.")
        else:
            completion.finish()

    def _close(self) -> None:
        self._completion.ended = True
        self._body.close()
