"""Errors as application/problem+json (RFC 9457): one shape for all that goes wrong under /api/."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from inspect import iscoroutinefunction
from typing import Annotated, Any

import msgspec
import structlog
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist, RequestDataTooBig
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import translation
from django.utils.decorators import sync_and_async_middleware
from django.utils.translation import gettext
from msgspec import UNSET, Meta, UnsetType
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from chat import protocol
from chat.authentication import AuthenticationFailed
from chat.commands import STATUS
from chat.database.faults import is_trouble, sentence, troubles
from chat.languages import of_request, said
from chat.protocol import Shape, described
from chat.protocol.sentences import BROKEN, NOT_JSON, NOTHING_HERE
from chat.sentence import Sentence

type Answer = Callable[[HttpRequest], HttpResponseBase]
type AsyncAnswer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

logger = structlog.stdlib.get_logger(__name__)

CONTENT_TYPE = "application/problem+json"
RETRY_SECONDS = 5
TOO_LARGE = Sentence("The body of this request is too large.")
PLAIN = {
    400: ("bad_request", Sentence("This request is not valid.")),
    404: ("not_found", NOTHING_HERE),
    405: ("method_not_allowed", Sentence("This method is not allowed at this URL. See `Allow`.")),
    413: ("too_large", TOO_LARGE),
    503: ("unavailable", Sentence("Try again in a moment.")),
}
"""Problems for statuses that Django itself answers with a page."""
MANY = 20
"""Up to so many wrong fields are named."""
FIELD_LENGTH = 80


class WrongField(Shape, frozen=True):
    field: Annotated[str | None, described("Null where the whole body is meant.")]
    detail: str


class Problem(Shape, frozen=True):
    """An error. `code` never changes its meaning; `detail` is a sentence for people."""

    type: Annotated[str, Meta(examples=["about:blank"])]
    title: str
    status: int
    detail: str
    code: str
    field: Annotated[str, described("The wrong field: the first of them.")] | UnsetType = UNSET
    errors: Annotated[list[WrongField], described("All of them.")] | UnsetType = UNSET
    retry_after: Annotated[float, described("Seconds.")] | UnsetType = UNSET
    id: Annotated[str, described("Your id of a request that met a fault.")] | UnsetType = UNSET
    reply: Annotated[str, described("The reply that it was about.")] | UnsetType = UNSET


class ApiProblem(Exception):
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
    """An answer with a problem; facts without a value are left out.

    A fault of the server has the ids of the request, by which a client can repeat it.
    """
    about = getattr(request, "about", {}) if status >= 500 else {}
    known = about | {name: fact for name, fact in facts.items() if fact is not None}
    if status in {429, 503}:
        known.setdefault("retry_after", RETRY_SECONDS)
    with translation.override(of_request(request)):
        title, detail = gettext(HTTPStatus(status).phrase), said(message)
        if "errors" in known:
            known["errors"] = [WrongField(one.field, said(one.detail)) for one in known["errors"]]
        body = Problem("about:blank", title, status, detail, code, **known)
    response = HttpResponse(
        json.dumps(msgspec.to_builtins(body)), status=status, content_type=CONTENT_TYPE
    )
    if "retry_after" in known:
        response["Retry-After"] = str(math.ceil(float(str(known["retry_after"]))))
    return response


def not_found(request: HttpRequest | None) -> HttpResponse:
    """Answer with the same bytes for an unknown id and for somebody else's."""
    return problem(request, 404, "not_found", NOTHING_HERE)


def refused(request: HttpRequest, bad: protocol.BadFrame) -> HttpResponse:
    """A refusal, which sockets get as an `error` frame."""
    if bad.code == "not_found":
        return not_found(request)
    return problem(request, STATUS[bad.code], bad.code, bad.message, **bad.facts)


def handle(api: NinjaAPI) -> None:
    """Add handlers for the errors of routes to the API."""

    @api.exception_handler(ApiProblem)
    def _(request: HttpRequest, declined: ApiProblem) -> HttpResponse:
        return problem(request, declined.status, declined.code, declined.detail, **declined.facts)

    @api.exception_handler(AuthenticationFailed)
    def _(request: HttpRequest, failure: AuthenticationFailed) -> HttpResponse:
        response = problem(request, failure.status, failure.code, failure.message)
        for name, value in failure.headers.items():
            response[name] = value
        return response

    @api.exception_handler(protocol.BadFrame)
    def _(request: HttpRequest, bad: protocol.BadFrame) -> HttpResponse:
        return refused(request, bad)

    @api.exception_handler(ObjectDoesNotExist)
    def _(request: HttpRequest, _: ObjectDoesNotExist) -> HttpResponse:
        return not_found(request)

    @api.exception_handler(DatabaseError)
    @api.exception_handler(InterfaceError)
    def _(request: HttpRequest, error: Exception) -> HttpResponse:
        if not is_trouble(error):
            raise error
        troubles.note(error)
        logger.warning("api: the database: %s", type(error).__name__)
        return problem(request, 503, "unavailable", sentence(error))

    @api.exception_handler(RequestDataTooBig)
    def _(request: HttpRequest, _: RequestDataTooBig) -> HttpResponse:
        return problem(request, 413, "too_large", TOO_LARGE)

    @api.exception_handler(HttpError)
    def _(request: HttpRequest, error: HttpError) -> HttpResponse:
        # Ninja makes one of whatever was raised while it read a body.
        if isinstance(error.__cause__, ApiProblem):
            return api.on_exception(request, error.__cause__)
        return problem(request, error.status_code, "bad_json", NOT_JSON)

    @api.exception_handler(ValidationError)
    def _(request: HttpRequest, error: ValidationError) -> HttpResponse:
        wrong = [_wrong_field(one) for one in error.errors[:MANY]]
        return problem(
            request, 422, "bad_field", wrong[0].detail, field=wrong[0].field, errors=wrong
        )


def _wrong_field(error: dict[str, Any]) -> WrongField:
    source, *path = error["loc"]
    # The first step into a body is the name of the view's argument.
    name = ".".join(str(step) for step in (path[1:] if source == "body" else path))
    name = protocol.clean(name)[:FIELD_LENGTH]
    return WrongField(name or None, f"{str(error['msg']).rstrip('.')}.")


@sync_and_async_middleware
def problems_for_pages(get_response: Answer | AsyncAnswer) -> Answer | AsyncAnswer:
    """Middleware that makes problems of Django's own answers under /api/, never pages.

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
    code, detail = PLAIN.get(status, ("server_error", BROKEN))
    detail = getattr(response, "sentence", detail)
    answer = problem(request, status, code, detail)
    if "Allow" in response.headers:
        answer["Allow"] = ", ".join(sorted(response["Allow"].replace(" ", "").split(",")))
    if "Retry-After" in response.headers:
        answer["Retry-After"] = response["Retry-After"]
    return answer
