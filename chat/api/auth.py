"""Scopes of a route, checked before anything else of a request is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from django.http import HttpRequest

from chat.api.problems import ApiProblem
from chat.authentication import Caller, identify
from chat.sentence import Sentence

JSON = "application/json"


class Access:
    """A route's `auth`: a session, or a token with one of these scopes (of none: any token).

    Also refuses clients that accept none of the media types of the route's answers. A route that
    decides this itself names none.
    """

    def __init__(self, *scopes: str, answers: tuple[str, ...] = (JSON,)) -> None:
        self.scopes = scopes
        self.answers = answers

    @property
    def security(self) -> list[dict[str, list[str]]]:
        """The same for the OpenAPI document."""
        return [{"token": list(self.scopes)}, {"session": []}]

    def __call__(self, request: HttpRequest) -> Caller:
        caller = identify(request, *self.scopes)
        wanted = request.headers.get("Accept", "").strip()
        if wanted and self.answers and preferred(request, self.answers) is None:
            message = Sentence("This URL returns {answers}.", answers=" or ".join(self.answers))
            raise ApiProblem(406, "not_acceptable", message, field="Accept")
        return caller


def preferred(request: HttpRequest, types: Sequence[str]) -> str | None:
    """The one of these media types that `Accept` prefers; None where it excludes them all.

    Its parameters do not count, but for `q`: many clients name a charset.
    """
    bare = HttpRequest()
    bare.META["HTTP_ACCEPT"] = ", ".join(
        f"{one.main_type}/{one.sub_type}; q={one.quality}" for one in request.accepted_types
    )
    return bare.get_preferred_type(types)


def caller_of(request: HttpRequest) -> Caller:
    """The caller of a route whose `auth` has let them in."""
    return cast(Caller, request.auth)  # type: ignore[attr-defined]
