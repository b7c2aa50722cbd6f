"""Errors in OpenAI's shape. No I/O."""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

from chat.commands import STATUS
from chat.protocol import BadFrame

INVALID = "invalid_request_error"
RATE = "rate_limit_error"
SERVER = "server_error"


class OpenAIProblem(Exception):
    """An answer with this status and error; `again` lets OpenAI's SDKs repeat the call.

    Without it they do so after 408, 409, 429 and 5xx.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = INVALID,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        headers: dict[str, str] | None = None,
        again: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"message": message, "type": type, "param": param, "code": code}
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(math.ceil(retry_after))
        if again is not None:
            self.headers["x-should-retry"] = "true" if again else "false"

    @property
    def body(self) -> str:
        return json.dumps({"error": self.error}, ensure_ascii=False)


def invalid(message: str, param: str | None, code: str | None = None) -> OpenAIProblem:
    """A request that is wrong in this place."""
    return OpenAIProblem(400, message, param=param, code=code)


class Kind(NamedTuple):
    status: int
    type: str
    code: str


_REFUSED = {
    "no_model": Kind(404, INVALID, "model_not_found"),
    "too_many": Kind(429, RATE, "rate_limit_exceeded"),
    "rate_limited": Kind(429, RATE, "rate_limit_exceeded"),
    # 409 would be repeated by the SDKs, and refused again.
    "id_reused": Kind(400, INVALID, "idempotency_key_reused"),
}
_PARAMS = {"no_model": "model"}
RETRY_SECONDS = 5


def of_frame(bad: BadFrame) -> OpenAIProblem:
    """A refusal of every transport, in the shape of this one."""
    status = STATUS[bad.code]
    kind = _REFUSED.get(bad.code) or Kind(status, SERVER if status >= 500 else INVALID, bad.code)
    after: Any = bad.facts.get("retry_after")
    if after is None and kind.status in (429, 503):
        after = RETRY_SECONDS
    return OpenAIProblem(
        kind.status,
        bad.message,
        type=kind.type,
        code=kind.code,
        param=_PARAMS.get(bad.code),
        retry_after=after,
    )


_ENDED = {
    "rate_limited": Kind(429, RATE, "rate_limit_exceeded"),
    "too_large_context": Kind(400, INVALID, "context_length_exceeded"),
    "content_filtered": Kind(400, INVALID, "content_filter"),
    "refused_setting": Kind(400, INVALID, "unsupported_parameter"),
    "bad_request": Kind(400, INVALID, "bad_request"),
    "unknown_model": Kind(404, INVALID, "model_not_found"),
    "no_model": Kind(404, INVALID, "model_not_found"),
    "server_error": Kind(500, SERVER, "server_error"),
    "timeout_connect": Kind(504, SERVER, "timeout_connect"),
    "timeout_first_token": Kind(504, SERVER, "timeout_first_token"),
    "timeout_idle": Kind(504, SERVER, "timeout_idle"),
}


def of_end(error: dict[str, Any] | None) -> OpenAIProblem:
    """The error of a reply that has failed or was cut off.

    Parley has repeated the request where that could help, so the SDKs should not.
    """
    code = (error or {}).get("code") or "interrupted"
    message = (error or {}).get("message") or "The reply was cut off."
    kind = _ENDED.get(code, Kind(502, SERVER, code))
    after = (error or {}).get("retry_after")
    return OpenAIProblem(
        kind.status, message, type=kind.type, code=kind.code, again=False, retry_after=after
    )


def gone() -> OpenAIProblem:
    """The conversation, or the message, was deleted while its reply was written."""
    return OpenAIProblem(404, "This reply was deleted.", code="deleted", again=False)


def diverged() -> OpenAIProblem:
    """A further attempt says something else than was sent, which cannot be taken back."""
    message = (
        "The server restarted this reply, and the new text differs from the text sent so far. The "
        "new reply is stored. Repeat the call, or read it in Parley."
    )
    return OpenAIProblem(500, message, type=SERVER, code="reply_began_anew")


def restarting() -> OpenAIProblem:
    """The process that sent the answer ends; the reply goes on elsewhere."""
    message = "The server is restarting. The reply will be completed and stored. Repeat the call."
    return OpenAIProblem(503, message, type=SERVER, code="draining", retry_after=1)


def unavailable() -> OpenAIProblem:
    """Others of the user's calls came first, or the database went away."""
    message = "This call cannot be served right now. Try again in a moment."
    return OpenAIProblem(503, message, type=SERVER, code="unavailable", retry_after=1)


def unstored(problem: str) -> OpenAIProblem:
    """The reply cannot be stored, so its end is not sent; the SDKs would ask for a second one."""
    message = f"{problem} The reply stays in memory until it can be stored. Find it in Parley then."
    return OpenAIProblem(503, message, type=SERVER, code="unavailable", again=False)


def logged_out() -> OpenAIProblem:
    """The token is not valid any more."""
    return OpenAIProblem(401, "This token is no longer valid.", code="invalid_api_key")
