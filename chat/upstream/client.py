"""One endpoint's client: the `openai` SDK for the request, a `Stream` for the answer."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import aiohttp
import httpx2
import openai

from chat.upstream.endpoint import ChatRequest, Endpoint
from chat.upstream.errors import UpstreamError, refusal
from chat.upstream.stream import Stream
from chat.upstream.tracks import clean
from chat.upstream.transport import EXTENSION, Body, Transport

LOGGERS = ("openai", "httpx2", "aiohttp")
"""Loggers of the libraries used here. None of them writes keys or prompts; httpx2 writes URLs at
INFO, so settings should hold all of them at WARNING."""

_STREAM_OPTIONS = (b"stream_options", b"include_usage")


class Client:
    """Talks to one endpoint, for the life of a process and any number of replies at a time."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._sdk: openai.AsyncOpenAI | None = None
        self._asks_usage = True

    def __repr__(self) -> str:
        return f"Client({self.endpoint.name!r})"

    def stream(self, request: ChatRequest) -> Stream:
        """Ask for a reply. `async with` sends the request and closes the connection at its end."""
        return Stream(self.endpoint, request, self._open)

    async def close(self) -> None:
        """Close what is open. The client can be used again."""
        if self._sdk is not None:
            await self._sdk.close()
            self._sdk = None

    async def _open(self, request: ChatRequest) -> tuple[Body, httpx2.Headers]:
        """Send the request, return the body and head of its answer, or raise UpstreamError."""
        error: UpstreamError | None = None
        try:
            return await self._send(request)
        except UpstreamError:
            raise
        except openai.APIStatusError as refused:
            if not self._gives_up_usage(refused.response):
                error = self._refusal(refused.response, request)
        except Exception as broken:
            error = self._failure(broken)
        if error is not None:
            # Raised out here, without the library's error as its context: that one holds the
            # request with its key and prompt.
            raise error
        return await self._open(request)

    def _gives_up_usage(self, response: httpx2.Response) -> bool:
        """Whether the request was refused for asking for usage, and will be sent without.

        Remembered, so that it costs one refused request in the life of this client.
        """
        named = any(word in response.content for word in _STREAM_OPTIONS)
        if not (self._asks_usage and named and response.status_code in (400, 422)):
            return False
        self._asks_usage = False
        return True

    async def _send(self, request: ChatRequest) -> tuple[Body, httpx2.Headers]:
        key = self.endpoint.api_key
        if not (key.isascii() and key.isprintable()):
            detail = "The key has characters that no header can carry."
            raise UpstreamError("refused_key", self.endpoint.name, detail=detail)
        if self._sdk is None:
            self._sdk = self._new_sdk()
        messages = [{k: clean(v) for k, v in message.items()} for message in request.messages]
        body: dict[str, Any] = {"model": clean(request.model), "messages": messages, "stream": True}
        if self._asks_usage:
            body["stream_options"] = {"include_usage": True}
        # All named here, so that the SDK takes none of them from the environment.
        headers = {
            "Authorization": f"Bearer {key}" if key else openai.Omit(),
            "OpenAI-Organization": openai.Omit(),
            "OpenAI-Project": openai.Omit(),
            "Accept": "text/event-stream, application/json",
            "Accept-Encoding": "identity",
        }
        response = await self._sdk.post(
            "/chat/completions",
            cast_to=httpx2.Response,
            body=body,
            options={"headers": headers},
            stream=True,
            stream_cls=openai.AsyncStream[Any],
        )
        assert isinstance(response, httpx2.Response)
        return response.extensions[EXTENSION], response.headers

    def _new_sdk(self) -> openai.AsyncOpenAI:
        transport = Transport(self.endpoint.connect_timeout)
        return openai.AsyncOpenAI(
            api_key=self.endpoint.api_key or "none",
            base_url=self.endpoint.base_url,
            max_retries=0,
            # Time limits are the stream's: they count content, not bytes.
            timeout=None,
            http_client=openai.DefaultAioHttpClient(
                transport=transport, trust_env=False, follow_redirects=False, timeout=None
            ),
        )

    def _refusal(self, response: httpx2.Response, request: ChatRequest) -> UpstreamError:
        secrets = [self.endpoint.api_key, *(m.get("content", "") for m in request.messages)]
        return refusal(
            self.endpoint.name, response.status_code, response.headers, response.content, secrets
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
        return UpstreamError(code, self.endpoint.name, detail=detail)


def _code_of(cause: BaseException) -> str:
    if isinstance(cause, aiohttp.ClientConnectorDNSError):
        return "unknown_host"
    if isinstance(cause, aiohttp.ClientSSLError | ssl.SSLError):
        return "tls_failed"
    if isinstance(cause, aiohttp.ServerTimeoutError | asyncio.TimeoutError):
        return "timeout_connect"
    if isinstance(cause, aiohttp.ClientConnectorError):
        return "unreachable"
    if isinstance(cause, aiohttp.ClientResponseError):
        return "bad_response"
    if isinstance(cause, aiohttp.ClientConnectionError | OSError):
        return "connection_lost"
    # A base URL that is none, and whatever else keeps a request from being sent.
    return "unreachable"
