"""Log lines: one formatter for ours and for all others, ids from the context, never content.

A line has an event, its request, conversation and reply, and its duration.
Addresses appear as their routes: links that reset a password or make the first account are secrets.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from secrets import token_hex
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.stdlib import PositionalArgumentsFormatter, ProcessorFormatter
from structlog.typing import EventDict, Processor

from chat import metrics

type Answer = Callable[[HttpRequest], HttpResponseBase]
type AsyncAnswer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

log = structlog.stdlib.get_logger(__name__)

CONVERSATION = re.compile(r"c/<|api/v1/conversations/<")
REPLY = re.compile(r"api/v1/replies/<")
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
LEFT = 499
"""The status that proxies give to a request whose client left before the answer."""


# --- how a line looks ---------------------------------------------------------------------


def formatter(style: str) -> ProcessorFormatter:
    """The formatter of settings.LOGGING: `json`, one object a line, or `console`, for people."""
    shared: list[Processor] = [
        merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            PositionalArgumentsFormatter(),
            ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    render: Processor = structlog.processors.JSONRenderer() if style == "json" else _line
    return ProcessorFormatter(
        foreign_pre_chain=[*shared, _route_for_address],
        # Tracebacks as plain text: the richer kinds show local variables.
        processors=[
            ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            render,
        ],
    )


def _line(logger: Any, name: str, event: EventDict) -> str:
    head = [event.pop("time"), event.pop("level").upper(), event.pop("logger"), event.pop("event")]
    trace = event.pop("exception", None)
    facts = [f"{key}={value}" for key, value in event.items() if value is not None]
    return " ".join(map(str, [*head, *facts])) + (f"\n{trace}" if trace else "")


def _route_for_address(logger: Any, name: str, event: EventDict) -> EventDict:
    """Django's own lines about a request end with its address."""
    request = getattr(event["_record"], "request", None)
    if isinstance(request, HttpRequest):
        event["event"] = event["event"].removesuffix(request.path) + (_route(request) or "")
    return event


class WithoutTraceback(logging.Filter):
    """Formats a refusal of a request by its sentence alone, as anybody can cause one."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = None
        return True


class WithoutOutage(logging.Filter):
    """A database that is away breaks every request in many places; its name says enough."""

    def filter(self, record: logging.LogRecord) -> bool:
        problem = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if isinstance(problem, OperationalError | InterfaceError):
            record.exc_info = None
            record.msg = f"{record.msg} ({type(problem).__name__})"
        return True


# --- requests -----------------------------------------------------------------------------


@sync_and_async_middleware
def requests(get_response: Answer | AsyncAnswer) -> Answer | AsyncAnswer:
    """Middleware that gives each request an id, and logs its end in one line."""
    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponseBase:
            started = time.perf_counter()
            with bound_contextvars(request=request_id(request.headers.get("X-Request-ID", ""))):
                try:
                    response: HttpResponseBase = await get_response(request)
                except asyncio.CancelledError:
                    _log_end(request, LEFT, started)
                    raise
                _log_end(request, response.status_code, started)
            return response

        return middleware

    def sync_middleware(request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        with bound_contextvars(request=request_id(request.headers.get("X-Request-ID", ""))):
            response: HttpResponseBase = get_response(request)  # type: ignore[assignment]
            _log_end(request, response.status_code, started)
        return response

    return sync_middleware


def request_id(sent: str) -> str:
    """The router's id of a request, where one in front is trusted, or one of our own."""
    if settings.TRUSTED_PROXIES and REQUEST_ID.fullmatch(sent):
        return sent
    return token_hex(8)


def _log_end(request: HttpRequest, status: int, started: float) -> None:
    level = logging.ERROR if status >= 500 else logging.INFO
    if status < 400 and request.path.startswith(settings.STATIC_URL):
        level = logging.DEBUG
    seconds = time.perf_counter() - started
    route = _route(request)
    metrics.count_request(request.method or "", route or _static(request, status), status, seconds)
    accepted = getattr(request, "accepted", None)
    log.log(
        level,
        "request",
        method=request.method,
        route=route,
        status=status,
        ms=round(seconds * 1000, 1),
        user=_user(request),
        conversation=str(accepted.conversation) if accepted else _id_in(CONVERSATION, request),
        reply=str(accepted.reply) if accepted else _id_in(REPLY, request),
    )


def _static(request: HttpRequest, status: int) -> str:
    """All static files as one; "" for an address that is none."""
    return (
        settings.STATIC_URL if status < 400 and request.path.startswith(settings.STATIC_URL) else ""
    )


def _route(request: HttpRequest) -> str | None:
    """The pattern that answered; None for an address that is none, and for files."""
    match = request.resolver_match
    return f"/{match.route}" if match else None


def _id_in(route: re.Pattern[str], request: HttpRequest) -> str | None:
    """The id in an address of this kind, and never anything else that stands there."""
    match = request.resolver_match
    if match is None or not route.match(str(match.route)):
        return None
    try:
        return str(UUID(str(match.kwargs["uid"])))
    except (KeyError, ValueError):
        return None


def _user(request: HttpRequest) -> str | None:
    """The caller's user, or the session's if it was read; nothing is loaded for the log."""
    if (caller := getattr(request, "caller", None)) is not None:
        return str(caller.user_id)
    session = getattr(request, "session", None)
    if session is None or not session.accessed or not hasattr(session, "_session_cache"):
        return None
    return _text(session.get(SESSION_KEY))


def _text(value: object) -> str | None:
    return None if value is None else str(value)
