"""One reply as it arrives: batches of text, then how it ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import httpx2

from chat.upstream.chunks import Chunk, MalformedError, Usage, read_chunk
from chat.upstream.decoding import Decoder, UnreadableError
from chat.upstream.endpoint import Batch, ChatRequest, Endpoint
from chat.upstream.errors import UpstreamError
from chat.upstream.prefix import Joint, part_end
from chat.upstream.refusals import Said, read_error, reported
from chat.upstream.request import names_sent
from chat.upstream.scrubbing import describe
from chat.upstream.sse import MAX_EVENT_BYTES, EventTooLargeError, Splitter
from chat.upstream.tracks import ThinkRouter, Track, clean
from chat.upstream.transport import Body

TAIL_SECONDS = 5.0
"""How long usage and the end are waited for once a finish reason was seen."""

_FAILED = frozenset(["error", "abort", "insufficient_system_resource", "network_error"])
"""Finish reasons of OpenRouter, Mistral, vLLM, DeepSeek and Zhipu that mean: it was cut."""

LATE_SECONDS = 0.5
"""How late a watchdog may be before that tells of this process rather than of the endpoint."""

type Opener = Callable[[ChatRequest], Awaitable[tuple[Body, httpx2.Headers]]]


class _ExpiredError(Exception):
    """A watchdog ran out."""


class Stream:
    """Iterate it inside `async with`; each step gives all that has arrived since the last one.

    Between two steps nothing is read from the connection, so the caller sets the pace. A step ends
    with content only, because a pause after anything else would delay the first token or the end;
    `model` and `usage` are set as soon as they are told. After the iteration `finish_reason` is
    None where the endpoint gave none: the reply was cut off. Errors come as UpstreamError, always
    after the text that arrived before them.
    """

    def __init__(self, endpoint: Endpoint, request: ChatRequest, opener: Opener) -> None:
        self.finish_reason: str | None = None
        self.usage: Usage | None = None
        self.model: str | None = None
        self.detail = ""
        """For staff: how it ended where neither a finish reason nor an error tells."""
        self._endpoint, self._request, self._opener = endpoint, request, opener
        self._body: Body | None = None
        self._splitter = Splitter()
        self._decoder: Decoder | None = None
        self._whole: list[bytes] | None = None
        self._begun = False
        self._text, self._reasoning = Track(), Track()
        # A continued answer does not begin with its thoughts.
        self._router = None if request.prefix else ThinkRouter()
        kept = clean(request.messages[-1].get("content", "")) if request.prefix else ""
        self._echo, space = part_end(kept)
        self._joint = Joint(space)
        self._thinks_in_field = False
        self._failure: UpstreamError | None = None
        self._ended = False
        self._fed = False
        self._answered = False
        self._odd: Said | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._spared = False
        self._limit, self._patience = "timeout_first_token", endpoint.first_token_timeout
        self._waiting = False

    async def __aenter__(self) -> Self:
        endpoint = self._endpoint
        self._deadline = self._loop.time() + endpoint.first_token_timeout
        try:
            async with asyncio.timeout_at(self._deadline):
                self._body, headers = await self._opener(self._request)
        except TimeoutError:
            detail = f"No answer within {endpoint.first_token_timeout:g} s."
            raise self._error("timeout_first_token", detail) from None
        try:
            self._decoder = Decoder(headers, MAX_EVENT_BYTES)
        except UnreadableError as unreadable:
            self._close()
            raise self._error("bad_response", str(unreadable)) from None
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    @property
    def ended(self) -> bool:
        """Whether the next step tells the end or the error, so that no pause is wanted before."""
        return self._ended

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch:
        if self._fed:
            self._fed = False
            if self.finish_reason is None:  # after it, what else comes has its own short time
                self._extend("timeout_idle", self._endpoint.idle_timeout)
        while not self._ended:
            packet = await self._read()
            if packet:
                self._consume(packet)
            elif not self._ended:
                self._end()
            text = self._text.take(self._ended)
            if text and not self._joint.closed:
                text = self._joint.join(text)
            reasoning = self._reasoning.take(self._ended)
            if text or reasoning:
                return Batch(text, reasoning)
        if self._failure is not None:
            raise self._failure
        raise StopAsyncIteration

    async def _read(self) -> bytes:
        """Wait for bytes, or for the end of the patience; b"" where there is no more."""
        assert self._body is not None, "a Stream is read inside `async with`"
        if self.finish_reason is not None and self._loop.time() >= self._deadline:
            # Where there is always more to read, no wait tells that the time is up.
            self._break(self._limit, "")
            return b""
        if self._timer is None:
            self._timer = self._loop.call_at(self._deadline, self._expire)
        self._waiting = True
        try:
            return await self._body.read()
        except _ExpiredError:
            self._break(self._limit, f"No content within {self._patience:g} s.")
        except Exception as broken:
            self._break("connection_lost", type(broken).__name__)
        finally:
            self._waiting = False
        return b""

    def _consume(self, packet: bytes) -> None:
        assert self._decoder is not None, "a Stream is read inside `async with`"
        try:
            packet = self._decoder.feed(packet)
            if not self._begun:
                packet = self._begin(packet)
            if self._whole is not None:
                self._whole.append(packet)
                if sum(map(len, self._whole)) > MAX_EVENT_BYTES:
                    raise EventTooLargeError
                return
            for name, data in self._splitter.feed(packet):
                self._take(name, data)
                if self._ended:
                    return
        except MalformedError:
            self._break("bad_response", "An event is not JSON.")
        except EventTooLargeError:
            self._break("bad_response", "An event is too large.")
        except UnreadableError as unreadable:
            self._break("bad_response", str(unreadable))

    def _begin(self, packet: bytes) -> bytes:
        """Tell a stream from a plain completion and from a page, by the first character."""
        start = packet.removeprefix(b"\xef\xbb\xbf").lstrip()
        if start:
            self._begun = True
        if start.startswith((b"{", b"[")):
            self._whole = []
            return start
        if start.startswith(b"<"):
            self._break("bad_response", "The body is markup.")
            return b""
        return packet

    def _take(self, name: bytes, data: bytes) -> None:
        """Take in one event."""
        if name == b"error":
            self._report_error(data)
            return
        if data.startswith(b"[DONE]"):
            self._finish("[DONE] came")
            return
        chunk = read_chunk(data)
        if chunk.text and self._echo:
            chunk.text = self._without_echo(chunk.text)
        if chunk.text:
            self._fed = True
            if self._router is None:
                self._text.add(chunk.text)
            else:
                self._route(self._router, chunk.text)
        if chunk.reasoning:
            self._fed = self._thinks_in_field = True
            self._reasoning.add(chunk.reasoning)
        elif chunk.details and not self._thinks_in_field:
            self._fed = True
            self._reasoning.add(chunk.details)
        self._take_facts(chunk)
        if chunk.known:
            self._answered = True
        elif self._odd is None:
            self._odd = read_error(data, "")

    def _without_echo(self, text: str) -> str:
        """The first piece without the text that it continues, where the endpoint repeats that.

        llama.cpp does so in an answer that is no stream; Mistral always, in a piece of its own
        (https://docs.mistral.ai/guides/prefix, https://github.com/vercel/ai/pull/3256).
        """
        echo, self._echo = self._echo, ""
        repeats = self._whole is not None or self._endpoint.prefix == "flag"
        return text.removeprefix(echo) if repeats else text

    def _take_facts(self, chunk: Chunk) -> None:
        if chunk.model is not None:
            self.model = chunk.model
        if chunk.usage is not None:
            self.usage = chunk.usage
        if chunk.error is not None:
            self._fail(self._reported(chunk.error))
        elif chunk.tools or chunk.finish_reason in ("tool_calls", "function_call"):
            self._break("tool_calls", "No tool was offered.")
        elif chunk.finish_reason in _FAILED:
            self._fail(self._error("upstream_error", f"Finish reason: {chunk.finish_reason}."))
        elif chunk.finish_reason is not None and self.finish_reason is None:
            self.finish_reason = chunk.finish_reason
            self._extend("timeout_idle", min(TAIL_SECONDS, self._endpoint.idle_timeout))
            self._fed = False

    def _route(self, router: ThinkRouter, said: str) -> None:
        text, reasoning = router.feed(said)
        if router.plain:
            self._router = None
        if text:
            self._text.add(text)
        if reasoning:
            self._reasoning.add(reasoning)

    def _end(self) -> None:
        """The connection has ended, in order or not."""
        if self._whole is not None:
            try:
                self._take(b"", b"".join(self._whole))
            except MalformedError:
                self._break("bad_response", "The body is not JSON.")
        else:
            try:
                for name, data in self._splitter.finish():
                    self._take(name, data)
            except MalformedError:
                # A last event that was cut: the reply was, too, and has no finish reason.
                pass
        if self._ended:
            return
        if self._decoder is not None and self._decoder.cut:
            self._break("connection_lost", "The compressed body is cut.")
        else:
            self._finish("The stream ended" if self._whole is None else "The answer came")

    def _finish(self, how: str) -> None:
        """The stream said, by [DONE] or its end, that this is all."""
        if self._answered:
            if self.finish_reason is None:
                self.detail = f"{how} without a finish reason."
                if self._odd is not None:
                    told = describe(self._odd.words, self._odd.kind, self._secrets())
                    self.detail = f"{self.detail} Beside it: {told}"
            self._stop()
        elif self._odd is not None:
            told = describe(self._odd.words, self._odd.kind, self._secrets())
            self._break("bad_response", f"No answer in what was sent. {told}".strip())
        else:
            self._break("empty_response", "Status 200, and no event with content.")

    def _report_error(self, data: bytes) -> None:
        """Take in an event named `error`, of JSON or of words."""
        try:
            error = json.loads(data)
        except (ValueError, RecursionError):
            said = read_error(data, "")
            error = {"message": said.words, "type": said.kind}
        self._fail(self._reported(error))

    def _reported(self, error: object) -> UpstreamError:
        names = names_sent(self._endpoint, self._request)
        return reported(self._endpoint.name, error, self._secrets(), names)

    def _break(self, code: str, detail: str) -> None:
        self._fail(self._error(code, detail))

    def _fail(self, error: UpstreamError) -> None:
        """End with an error, unless the reply was complete before it."""
        if not self._ended and self.finish_reason is None:
            self._failure = error
        self._stop()

    def _stop(self) -> None:
        self._ended = True
        if self._router is not None:
            text, reasoning = self._router.finish()
            self._router = None
            if text:
                self._text.add(text)
            if reasoning:
                self._reasoning.add(reasoning)

    def _error(self, code: str, detail: str) -> UpstreamError:
        return UpstreamError(code, self._endpoint.name, detail=detail)

    def _secrets(self) -> list[str]:
        return [*self._endpoint.secrets, *(m.get("content", "") for m in self._request.messages)]

    def _extend(self, limit: str, seconds: float) -> None:
        """Grant more time. A timer that is set already notices when it goes off."""
        self._limit, self._patience = limit, seconds
        self._deadline = self._loop.time() + seconds
        self._spared = False
        if self._timer is not None and self._timer.when() > self._deadline:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self._timer = None
        if not self._waiting:
            return
        now = self._loop.time()
        if now > self._deadline + LATE_SECONDS and not self._spared:
            # This process stood still, not the endpoint: what came meanwhile is still to be read.
            self._spared = True
            self._deadline = now + LATE_SECONDS
        if now < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._expire)
        elif self._body is not None:
            self._body.fail(_ExpiredError())

    def _close(self) -> None:
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._body is not None:
            self._body.close()
