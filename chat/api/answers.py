"""How a route answers: JSON as it is, and the document's list of what it may answer."""

from __future__ import annotations

from typing import Any

import msgspec
from django.http import HttpResponse

from chat.api.problems import Problem

_encode = msgspec.json.Encoder().encode


def answer(content: object, status: int = 200) -> HttpResponse:
    """JSON, not run through the schema again: that takes longer than all the rest of a large one.

    Tests hold the answers against their schemas.
    """
    return HttpResponse(_encode(content), status=status, content_type="application/json")


def answers(ok: Any, *statuses: int, status: int = 200) -> dict[int, Any]:
    """What the OpenAPI document says of a route: its answer, and the problems it may tell."""
    return {status: ok} | errors(*statuses)


def errors(*statuses: int) -> dict[int, Any]:
    """The problems alone: these, and those of every route."""
    return dict.fromkeys(sorted({400, 401, 403, 406, 503, *statuses}), Problem)
