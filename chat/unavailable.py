"""Answers within three seconds while the database does not answer.

One search at a time may have a connection, so that searching never keeps others from sending.
"""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from inspect import iscoroutinefunction
from weakref import WeakKeyDictionary

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.utils.decorators import sync_and_async_middleware
from django.views.defaults import server_error as something_broke

from chat.database import waiting
from chat.database.faults import is_trouble, sentence, troubles
from chat.sentence import Sentence

type Answer = Callable[[HttpRequest], HttpResponseBase]
type AsyncAnswer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

SEARCHED = re.compile(r"/api/v1/conversations/?|/admin/.*")
SEARCH_TERMS = ("q", "term")
SEARCH = "/api/v1/search"
"""Asked by POST, as words in an address would be logged on the way."""
SEARCH_WAIT_SECONDS = waiting.CALLER_SECONDS - waiting.LEAST_SECONDS
RETRY_SECONDS = 2
BUSY = Sentence("Another search is running. Try again in a moment.")


@sync_and_async_middleware
def answered_in_time(get_response: Answer | AsyncAnswer) -> Answer | AsyncAnswer:
    """Middleware that bounds a request's wait for the database, and ends work nobody waits for.

    Deletions, and changes in the admin, may take longer once they have begun.
    """
    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponseBase:
            with _work(request) as work:
                try:
                    response: HttpResponseBase = await get_response(request)
                except asyncio.CancelledError:
                    if _only_reads(request):
                        # Aside: Postgres is asked over a connection of its own.
                        threading.Thread(target=work.break_off, daemon=True).start()
                    raise
            return response

        return middleware

    def sync_middleware(request: HttpRequest) -> HttpResponseBase:
        with _work(request):
            return get_response(request)  # type: ignore[return-value]

    return sync_middleware


def _work(request: HttpRequest) -> AbstractContextManager[waiting.Work]:
    patient = request.method == "DELETE" or (
        not _only_reads(request) and request.path_info.startswith("/admin/")
    )
    return waiting.within(waiting.PERSON_SECONDS, patient=patient)


def _only_reads(request: HttpRequest) -> bool:
    return request.method in {"GET", "HEAD"} or request.path_info == SEARCH


# --- searches -----------------------------------------------------------------------------

_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


@sync_and_async_middleware
def searches_in_turn(get_response: Answer | AsyncAnswer) -> Answer | AsyncAnswer:
    """Middleware that runs one search at a time; one whose turn does not come is refused."""
    if not iscoroutinefunction(get_response):
        return get_response

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        try:
            async with _search_turn(request):
                response: HttpResponseBase = await get_response(request)
        except TimeoutError:
            return _answer(request, BUSY)
        return response

    return middleware


@asynccontextmanager
async def _search_turn(request: HttpRequest) -> AsyncIterator[None]:
    """Wait until no other search goes on, without a connection. Raises `TimeoutError`."""
    if not _searches(request):
        yield
        return
    turn = _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
    async with asyncio.timeout(SEARCH_WAIT_SECONDS):
        await turn.acquire()
    try:
        yield
    finally:
        turn.release()


def _searches(request: HttpRequest) -> bool:
    return request.path_info == SEARCH or bool(
        SEARCHED.fullmatch(request.path_info)
        and any(request.GET.get(name, "").strip() for name in SEARCH_TERMS)
    )


# --- the answer ---------------------------------------------------------------------------


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler of uncaught errors; a database that is away is no fault."""
    problem = sys.exc_info()[1]
    if problem is not None and is_trouble(problem):
        troubles.note(problem)
        return _answer(request, sentence(problem))
    return something_broke(request)


def _answer(request: HttpRequest, said: str) -> HttpResponse:
    # Nothing in the page may ask the database again.
    response = HttpResponse(render_to_string("503.html", {"sentence": said}), status=503)
    response["Retry-After"] = str(RETRY_SECONDS)
    setattr(response, "sentence", said)  # noqa: B010  for answers that are no pages
    return response
