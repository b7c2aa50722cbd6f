"""Addresses that clients make of a base URL: a slash too many, `/v1` left out or given twice.

Their meaning is clear, so they are served like the right address.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction

from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

type Answer = Callable[[HttpRequest], HttpResponseBase]
type AsyncAnswer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

BASE = "v1"
SERVED = ("chat/completions", "models")
API_NAMES = ("chat", "models", "responses", "embeddings", "completions")
"""Names below the base URL in clients of OpenAI's; nothing else here has them."""
OTHER_PREFIXES = ("openai", "v1beta", "v2")
"""Prefixes at which other servers have such an API."""


def _parts(path: str) -> list[str]:
    parts = [part.strip() for part in path.split("/")]
    return [part for part in parts if part not in ("", ".")]


def canonical(path: str) -> str | None:
    """The address under `/v1/` that is meant by this path; None for any other path.

    Addresses that cannot be served are under `/v1/` too, where an error explains them.
    """
    parts = _parts(path)
    at = next((at for at, part in enumerate(parts) if part != BASE), len(parts))
    rest = parts[at:]
    if not at and not _is_api(parts):
        return None
    return "/".join(["", BASE, *rest]) if rest else f"/{BASE}/"


def _is_api(parts: list[str]) -> bool:
    small = [part.lower() for part in parts]
    if small[:1] == [BASE] or (small and small[0] in (*API_NAMES, *OTHER_PREFIXES)):
        return True
    return small[-2:] == SERVED[0].split("/")


def explain(path: str) -> str:
    """The wrong part of an address that is not served, if it can be named, as a clause."""
    parts = _parts(path)
    for served in SERVED:
        end = served.split("/")
        places = range(len(parts) - len(end) + 1)
        for at in places:
            if [part.lower() for part in parts[at : at + len(end)]] != end:
                continue
            before, after = parts[:at], parts[at + len(end) :]
            if after:
                return f": '/{served}' does not belong in the base URL"
            if extra := [part for part in before if part != BASE]:
                return f": '/{'/'.join(extra)}' before '/{served}' does not belong there"
            return ": write it in lower case"
    if BASE not in parts[:1]:
        return f": '/{BASE}' is missing before it"
    rest = "/".join(parts[1:])
    return f": '/{rest}' does not exist" if rest else ""


@sync_and_async_middleware
def tidy_addresses(get_response: Answer | AsyncAnswer) -> Answer | AsyncAnswer:
    """Middleware that shows the routes the address meant, in any form of the base URL."""
    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponseBase:
            request.path_info = canonical(request.path_info) or request.path_info
            response: HttpResponseBase = await get_response(request)
            return response

        return middleware

    def sync_middleware(request: HttpRequest) -> HttpResponseBase:
        request.path_info = canonical(request.path_info) or request.path_info
        response: HttpResponseBase = get_response(request)  # type: ignore[assignment]
        return response

    return sync_middleware
