"""Errors as application/problem+json (RFC 9457): one shape for all that goes wrong under /api/."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from inspect import iscoroutinefunction
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist, RequestDataTooBig
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from ninja import NinjaAPI, Schema
from ninja.errors import HttpError, ValidationError
from pydantic import Field

from chat import protocol
from chat.access import Refused
from chat.intake import STATUS

type Answer = Callable[[HttpRequest], HttpResponseBase]
type AsyncAnswer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

logger = structlog.stdlib.get_logger(__name__)

CONTENT_TYPE = "application/problem+json"
RETRY_SECONDS = 5
NOTHING_HERE = "There is nothing here for you."
TOO_LARGE = "The body of this request is too large."
PLAIN = {
    400: ("bad_request", "This request cannot be understood."),
    404: ("not_found", NOTHING_HERE),
    405: ("method_not_allowed", "This address does not take this method: see `Allow`."),
    413: ("too_large", TOO_LARGE),
    503: ("unavailable", "Try again in a moment."),
}
"""What Django itself answers with a page."""
MANY = 20
"""Up to so many wrong fields are named."""
FIELD_LENGTH = 80


class WrongField(Schema):
    field: str | None = Field(description="Null where the whole body is meant.")
    detail: str


class Problem(Schema):
    """An error. `code` never changes its meaning; `detail` is a sentence for people."""

    type: str = Field(examples=["about:blank"])
    title: str
    status: int
    detail: str
    code: str
    field: str | None = Field(default=None, description="Which field is wrong: the first of them.")
    errors: list[WrongField] | None = Field(default=None, description="All of them.")
    retry_after: float | None = Field(default=None, description="Seconds.")


class Declined(Exception):
    """Answered with this problem, wherever it is raised."""

    def __init__(self, status: int, code: str, detail: str, **facts: object) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.facts = facts


def problem(
    request: HttpRequest | None, status: int, code: str, message: str, **facts: object
) -> HttpResponse:
    """The answer that says what is wrong; facts without a value are left out."""
    known = {name: fact for name, fact in facts.items() if fact is not None}
    if status in {429, 503}:
        known.setdefault("retry_after", RETRY_SECONDS)
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": message,
        "code": code,
    }
    response = HttpResponse(
        json.dumps(body | known, default=str), status=status, content_type=CONTENT_TYPE
    )
    if "retry_after" in known:
        response["Retry-After"] = str(math.ceil(float(str(known["retry_after"]))))
    return response


def not_found(request: HttpRequest | None) -> HttpResponse:
    """The same bytes for what is not there and for what is somebody else's."""
    return problem(request, 404, "not_found", NOTHING_HERE)


def refused(request: HttpRequest, bad: protocol.BadFrame) -> HttpResponse:
    """What `error` frames say over a socket."""
    if bad.code == "not_found":
        return not_found(request)
    return problem(request, STATUS[bad.code], bad.code, bad.message, **bad.facts)


def handle(api: NinjaAPI) -> None:
    """Teach the API to answer what its routes raise."""

    @api.exception_handler(Declined)
    def _(request: HttpRequest, declined: Declined) -> HttpResponse:
        return problem(request, declined.status, declined.code, declined.detail, **declined.facts)

    @api.exception_handler(Refused)
    def _(request: HttpRequest, who: Refused) -> HttpResponse:
        response = problem(request, who.status, who.code, who.message)
        for name, value in who.headers.items():
            response[name] = value
        return response

    @api.exception_handler(protocol.BadFrame)
    def _(request: HttpRequest, bad: protocol.BadFrame) -> HttpResponse:
        return refused(request, bad)

    @api.exception_handler(ObjectDoesNotExist)
    def _(request: HttpRequest, _: ObjectDoesNotExist) -> HttpResponse:
        return not_found(request)

    @api.exception_handler(OperationalError)
    @api.exception_handler(InterfaceError)
    def _(request: HttpRequest, error: DatabaseError) -> HttpResponse:
        logger.warning("api: the database cannot be reached", exc_info=error)
        return problem(request, 503, *PLAIN[503])

    @api.exception_handler(RequestDataTooBig)
    def _(request: HttpRequest, _: RequestDataTooBig) -> HttpResponse:
        return problem(request, 413, "too_large", TOO_LARGE)

    @api.exception_handler(HttpError)
    def _(request: HttpRequest, error: HttpError) -> HttpResponse:
        # Ninja makes one of whatever was raised while it read a body.
        if isinstance(error.__cause__, Declined):
            return api.on_exception(request, error.__cause__)
        return problem(request, error.status_code, "bad_json", "This is not valid JSON.")

    @api.exception_handler(ValidationError)
    def _(request: HttpRequest, error: ValidationError) -> HttpResponse:
        wrong = [_wrong_field(one) for one in error.errors[:MANY]]
        return problem(
            request, 422, "bad_field", wrong[0]["detail"], field=wrong[0]["field"], errors=wrong
        )


def _wrong_field(error: dict[str, Any]) -> dict[str, Any]:
    source, *path = error["loc"]
    # The first step into a body is the name of the view's argument.
    name = ".".join(str(step) for step in (path[1:] if source == "body" else path))
    name = protocol.clean(name)[:FIELD_LENGTH]
    return {"field": name or None, "detail": f"{str(error['msg']).rstrip('.')}."}


@sync_and_async_middleware
def problems_for_pages(get_response: Answer | AsyncAnswer) -> Answer | AsyncAnswer:
    """Middleware: under /api/ also what Django answers itself is a problem, never a page.

    An address that is none, a method that a route does not take, an error within the server.
    """
    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponseBase:
            return _translate(request, await get_response(request))

        return middleware

    def sync_middleware(request: HttpRequest) -> HttpResponseBase:
        return _translate(request, get_response(request))  # type: ignore[arg-type]

    return sync_middleware


def _translate(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    status = response.status_code
    if (
        status < 400
        or not request.path_info.startswith("/api/")
        or response.headers.get("Content-Type") == CONTENT_TYPE
        or (status == 500 and settings.DEBUG)
    ):
        return response
    code, detail = PLAIN.get(status, ("server_error", "Something went wrong here."))
    told = problem(request, status, code, detail)
    if "Allow" in response.headers:
        told["Allow"] = ", ".join(sorted(response["Allow"].replace(" ", "").split(",")))
    return told
