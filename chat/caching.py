"""Cache headers: browsers and proxies keep nothing that was made for one person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction

from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

type Answer = Callable[[HttpRequest], HttpResponseBase]
type AsyncAnswer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def no_store(get_response: Answer | AsyncAnswer) -> Answer | AsyncAnswer:
    """Middleware that forbids to store answers without a `Cache-Control` of their own.

    Static files are answered further out and keep their own rule.
    """

    def mark(response: HttpResponseBase) -> HttpResponseBase:
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponseBase:
            return mark(await get_response(request))

        return middleware

    def sync_middleware(request: HttpRequest) -> HttpResponseBase:
        return mark(get_response(request))  # type: ignore[arg-type]

    return sync_middleware
