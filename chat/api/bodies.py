"""Bodies of requests: JSON in UTF-8, uncompressed, up to a size."""

from __future__ import annotations

import json
from email.message import Message
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest
from ninja.parser import Parser

from chat.api.problems import TOO_LARGE, ApiProblem
from chat.sentence import Sentence


def read_body(request: HttpRequest, limit: int | None = None) -> bytes:
    """The body, of at most `limit` bytes (`MESSAGE_BYTES` where not given).

    Raises `ApiProblem`: 413 too_large, 415 media_type.
    """
    limit = settings.MESSAGE_BYTES if limit is None else limit
    if int(request.META.get("CONTENT_LENGTH") or 0) > limit:
        raise ApiProblem(413, "too_large", TOO_LARGE)
    header = Message()
    header["Content-Type"] = request.headers.get("Content-Type", "")
    charset = header.get_content_charset("utf-8")
    if header.get_content_type() != "application/json" or charset not in {"utf-8", "utf8"}:
        message = Sentence("Send `Content-Type: application/json`, in UTF-8.")
        raise ApiProblem(415, "media_type", message, field="Content-Type")
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in {"identity", ""}:
        message = Sentence("Send the body uncompressed, without `Content-Encoding`.")
        raise ApiProblem(415, "media_type", message, field="Content-Encoding")
    body = request.body
    if len(body) > limit:  # one without Content-Length
        raise ApiProblem(413, "too_large", TOO_LARGE)
    return body


class JsonParser(Parser):
    """Ninja's, which would take any type, any encoding, and NaN for a number."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        body = read_body(request)
        return cast(dict[str, Any], json.loads(body.decode("utf-8-sig"), parse_constant=_refuse))


def _refuse(name: str) -> float:
    raise ValueError(name)
