"""One endpoint's client: the `openai` SDK for the request, a `Stream` for the answer."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
import httpx2
import openai

from chat.endpoint import EndpointConfig
from chat.upstream import request as sending
from chat.upstream.chat_request import ChatRequest
from chat.upstream.decoding import Decoder, UnreadableError
from chat.upstream.errors import UpstreamError
from chat.upstream.habits import Habits
from chat.upstream.listing import MAX_LIST_BYTES, NoListError, read_models
from chat.upstream.reach import ForbiddenAddressError, Guard
from chat.upstream.refusals import refusal, refuses_stream, reported
from chat.upstream.scrubbing import AT_ONCE, size
from chat.upstream.sdk import Sdk
from chat.upstream.stream import Stream
from chat.upstream.transport import EXTENSION, Body, Transport

LOGGERS = ("openai", "httpx2", "aiohttp")
"""Loggers of the libraries used here. None of them writes keys or prompts; httpx2 writes URLs at
INFO, so settings should hold all of them at WARNING."""

_STREAM_OPTIONS = (b"stream_options", b"include_usage")


class Client:
    """Talks to one endpoint, for the life of a process and any number of replies at a time."""

    def __init__(self, endpoint: EndpointConfig) -> None:
        self.endpoint = endpoint
        self._sdk: Sdk | None = None
        self._guard = Guard(private=endpoint.private)
        self._asks_usage = True
        self._habits = Habits()

    def __repr__(self) -> str:
        return f"Client({self.endpoint.label!r})"

    @property
    def met_private(self) -> bool:
        """True if the endpoint's name led to a private network address."""
        return self._guard.met_private

    def stream(self, request: ChatRequest) -> Stream:
        """Ask for a reply. `async with` sends the request and closes the connection at its end.

        Raises ValueError for a prefix that this endpoint cannot continue.
        """
        sending.check(self.endpoint, request)
        return Stream(self.endpoint, request, self._open, self._habits)

    async def models(self) -> list[str]:
        """The names of the models that the endpoint lists, each once, in its order.

        Raises UpstreamError. The limit for the first token applies to the whole list.
        """
        endpoint = self.endpoint
        try:
            async with asyncio.timeout(endpoint.first_token_timeout):
                data = await self._list()
        except TimeoutError:
            detail = f"No list within {endpoint.first_token_timeout:g} s."
            raise self._error("timeout_first_token", detail) from None
        except UnreadableError as unreadable:
            raise self._error("bad_response", str(unreadable)) from None
        try:
            return read_models(data)
        except NoListError as none:
            value = none.value
        if not data.strip():
            raise self._error("empty_response", "The list of models is empty.")
        if isinstance(value, dict) and value.get("error"):
            raise reported(endpoint.label, value["error"], endpoint.secrets)
        kind = "JSON, but no list of models" if value is not None else "not JSON"
        raise self._error("bad_response", f"The answer is {kind}.")

    async def close(self) -> None:
        """Close the connections. The client can be used again."""
        if self._sdk is not None:
            await self._sdk.close()
            self._sdk = None

    async def _list(self) -> bytes:
        error: UpstreamError | None = None
        try:
            body, headers = await self._send(sending.models_path(self.endpoint), None)
        except openai.APIStatusError as refused:
            error = self._refusal(refused.response, self.endpoint.secrets)
        except UpstreamError:
            raise
        except Exception as broken:
            error = self._failure(broken)
        if error is not None:
            raise error
        try:
            return await self._whole(body, Decoder(headers, MAX_LIST_BYTES))
        finally:
            body.close()

    async def _whole(self, body: Body, decoder: Decoder) -> bytes:
        data = bytearray()
        try:
            while packet := await body.read():
                data += decoder.feed(packet)
                if len(data) > MAX_LIST_BYTES:
                    raise UnreadableError("The list of models is too large.")
        except (aiohttp.ClientError, OSError) as broken:
            if isinstance(broken, TimeoutError):
                raise
            raise self._error("connection_lost", type(broken).__name__) from None
        return bytes(data)

    async def _open(
        self, request: ChatRequest, whole: Callable[[], None]
    ) -> tuple[Body, httpx2.Headers]:
        """Send the request, return the body and head of its answer, or raise UpstreamError.

        A refusal of our own wishes leads to a request without them: first usage, then the stream.
        `whole` is called before the answer is asked for all at once.
        """
        model, habits = request.model, self._habits
        usage, streamed = self._asks_usage, model not in habits.cannot_stream
        path = sending.completions_path(self.endpoint, model)
        while True:
            if not streamed:
                whole()
            body = sending.body(
                self.endpoint, request, asks_usage=usage and streamed, streamed=streamed
            )
            answer = await self._ask(path, body, request, usage=usage, streamed=streamed)
            if not isinstance(answer, str):
                break
            usage = usage and answer != "usage"
            streamed = streamed and answer != "stream"
        # Remembered once it is known to help, so that it costs one refused request in the life of
        # this client, and nothing is lost when the request was wrong otherwise.
        if not streamed:
            habits.cannot_stream.add(model)
        else:
            self._asks_usage = self._asks_usage and usage
        return answer

    async def _ask(
        self, path: str, body: Any, request: ChatRequest, *, usage: bool, streamed: bool
    ) -> tuple[Body, httpx2.Headers] | str:
        """The answer, or which wish of this request was refused: `usage` or `stream`."""
        error: UpstreamError | None = None
        try:
            return await self._send(path, body)
        except UpstreamError:
            raise
        except openai.APIStatusError as refused:
            if usage and streamed and _names_usage(refused.response):
                return "usage"
            if streamed and refuses_stream(refused.response.status_code, refused.response.content):
                return "stream"
            secrets = [*self.endpoint.secrets, *(m["content"] for m in request.messages)]
            names = sending.names_sent(self.endpoint, request)
            if size(secrets) <= AT_ONCE:
                error = self._refusal(refused.response, secrets, names)
            else:
                error = await asyncio.to_thread(self._refusal, refused.response, secrets, names)
        except Exception as broken:
            error = self._failure(broken)
        # Raised out here, without the library's error as its context: that one holds the
        # request with its key and prompt.
        raise error

    async def _send(self, path: str, body: Any) -> tuple[Body, httpx2.Headers]:
        """POST the body, or GET where there is none."""
        if self._sdk is None:
            self._sdk = self._new_sdk()
        # `idempotency_key` stands for one that the SDK would make for each request and not send.
        options: Any = {"headers": self._headers(body), "idempotency_key": "none"}
        asked: dict[str, Any] = {"cast_to": httpx2.Response, "options": options, "stream": True}
        asked["stream_cls"] = openai.AsyncStream[Any]
        if body is None:
            response = await self._sdk.get(path, **asked)
        else:
            response = await self._sdk.post(path, content=sending.encode(body), **asked)
        assert isinstance(response, httpx2.Response)
        return response.extensions[EXTENSION], response.headers

    def _headers(self, body: Any) -> dict[str, Any]:
        # All named here, so that the SDK takes none of them from the environment.
        headers: dict[str, Any] = {
            "authorization": openai.Omit(),
            "openai-organization": openai.Omit(),
            "openai-project": openai.Omit(),
            "accept": "text/event-stream, application/json" if body else "application/json",
            "accept-encoding": "identity",
        }
        return headers | sending.headers(self.endpoint)

    def _new_sdk(self) -> Sdk:
        base_url, query = sending.address(self.endpoint)
        # The query may hold a secret: httpx2 logs the URLs that it knows.
        transport = Transport(self.endpoint.connect_timeout, query, self._guard)
        return Sdk(
            api_key=self.endpoint.api_key or "none",
            base_url=base_url,
            max_retries=0,
            # Time limits are the stream's: they count content, not bytes.
            timeout=None,
            http_client=openai.DefaultAioHttpClient(
                transport=transport, trust_env=False, follow_redirects=False, timeout=None
            ),
        )

    def _error(self, code: str, detail: str) -> UpstreamError:
        return UpstreamError(code, self.endpoint.label, detail=detail)

    def _refusal(
        self, response: httpx2.Response, secrets: Sequence[str], sent: Sequence[str] = ()
    ) -> UpstreamError:
        return refusal(
            self.endpoint.label,
            response.status_code,
            response.headers,
            response.content,
            secrets,
            sent,
        )

    def _failure(self, broken: Exception) -> UpstreamError:
        """The error for a request that got no answer."""
        cause = broken.__cause__ if isinstance(broken, openai.APIConnectionError) else broken
        code = _code_of(cause or broken)
        reason = getattr(cause, "strerror", None)
        # A system's own words about a failed connection; anything else might quote the request.
        detail = type(cause).__name__
        if isinstance(cause, OSError) and isinstance(reason, str):
            detail += f": {reason[:200]}"
        return self._error(code, detail)


def _names_usage(response: httpx2.Response) -> bool:
    """True if the request may have been refused because it asks for usage."""
    named = any(word in response.content for word in _STREAM_OPTIONS)
    return named and response.status_code in (400, 422)


def _code_of(cause: BaseException) -> str:
    if isinstance(cause, aiohttp.ClientConnectorDNSError):
        return "unknown_host"
    if isinstance(cause, aiohttp.ClientSSLError | ssl.SSLError):
        return "tls_failed"
    if isinstance(cause, aiohttp.ServerTimeoutError | asyncio.TimeoutError):
        return "timeout_connect"
    if isinstance(cause, aiohttp.ClientConnectorError):
        forbidden = isinstance(cause.os_error, ForbiddenAddressError)
        return "forbidden_address" if forbidden else "unreachable"
    if isinstance(cause, aiohttp.ClientResponseError):
        return "bad_response"
    if isinstance(cause, aiohttp.ClientConnectionError | OSError):
        return "connection_lost"
    # A base URL that is none, and whatever else keeps a request from being sent.
    return "unreachable"
