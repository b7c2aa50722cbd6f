"""Answers of a route: JSON as it is, and the document's list of possible answers."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from django.http import HttpResponse

from chat.api.problems import Problem
from chat.protocol import Shape

_encode = msgspec.json.Encoder().encode


def answer(content: Shape | dict[str, Any], status: int = 200) -> HttpResponse:
    """The answer, encoded at once: a run through a schema takes longer than all the rest.

    Tests hold the answers against their schemas.
    """
    return HttpResponse(_encode(content), status=status, content_type="application/json")


def answers(ok: type[Shape] | None, *statuses: int, status: int = 200) -> dict[int, Any]:
    """A route's responses in the OpenAPI document: its answer, and its problems."""
    return {status: ok and shown(ok)} | errors(*statuses)


def errors(*statuses: int) -> dict[int, Any]:
    """The problems alone: these, and those of every route."""
    return dict.fromkeys(sorted({400, 401, 403, 406, 503, *statuses}), shown(Problem))


def shown(shape: type[Shape]) -> Any:
    """A struct in the place of Ninja's schema; `document.py` finds it there."""
    return Annotated[Any, shape]
