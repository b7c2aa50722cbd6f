"""Search in a user's conversations, with excerpts. By POST: words must not stand in an address."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import ConfigDict, Field, StrictInt

from chat import protocol
from chat.api.answers import answer, answers
from chat.api.auth import Access, caller_of
from chat.api.problems import ApiProblem
from chat.models.search.excerpts import MarkedPiece
from chat.models.search.filling import is_filled
from chat.models.search.query import Found, Result, find, find_in
from chat.models.search.terms import MOST, terms_of
from chat.protocol import Moment, Shape, described
from chat.sentence import Sentence

router = Router(tags=["search"])

PAGE = 20
MATCHES = 500
"""Matches that are told of one conversation."""


class Marked(Shape, frozen=True):
    """A piece of a text."""

    text: str
    marked: Annotated[bool, described("It is what was searched for.")]


class ExcerptObject(Shape, frozen=True):
    """The part of a message that shows a match."""

    message: UUID
    role: Literal["user", "assistant", "system"]
    pieces: Annotated[list[Marked], described("In their order; `…` where the text was cut.")]


class SearchResult(Shape, frozen=True):
    """A conversation that matches."""

    conversation: UUID
    title: str
    title_pieces: list[Marked]
    date: Annotated[
        Moment, described("When its newest match was written; of a title, the last activity.")
    ]
    archived: bool
    source: Annotated[Literal["api"] | None, described("Where it was begun; null: in the chat.")]
    excerpts: list[ExcerptObject]


class SearchAnswer(Shape, frozen=True):
    """Conversations that match, the newest match first."""

    results: list[SearchResult]
    next: Annotated[str | None, described("`before` of the next page; null on the last.")]
    terms: Annotated[int, described(f"Words and phrases that were searched for: at most {MOST}.")]
    complete: Annotated[
        bool, described("False while older messages are still being put into the index.")
    ]


class SearchQuestion(Schema):
    model_config = ConfigDict(extra="forbid")

    q: str = Field(max_length=200, description='Words and "phrases in quotes"; all must be met.')
    limit: StrictInt = Field(
        default=PAGE, ge=1, le=50, description="At most so many conversations."
    )
    before: str | None = Field(
        default=None, max_length=200, description="`next` of the page before."
    )
    conversation: UUID | None = Field(
        default=None, description="Only in this one: all its matches, the oldest first."
    )


@router.post("/search", auth=Access("read"), response=answers(SearchAnswer, 404, 413, 415, 422))
def search(request: HttpRequest, question: SearchQuestion) -> HttpResponse:
    """Find conversations by words in one message, or in the title; archived ones, too.

    Case and accents never count, and the last word may be the beginning of one. Each has its newest
    excerpts, up to three. Messages of every branch are found: `through` of
    `GET /conversations/{uid}` reads the path of one.
    """
    user_id = caller_of(request).user_id
    q = protocol.clean(question.q)
    if question.conversation is not None:
        found = Found([find_in(user_id, q, question.conversation, limit=MATCHES)])
    else:
        before = _read_cursor(question.before) if question.before else None
        found = find(user_id, q, limit=question.limit, before=before)
    return answer(
        SearchAnswer(
            results=[_result(one) for one in found.results],
            next=_make_cursor(*found.next) if found.next else None,
            terms=len(terms_of(q)),
            complete=is_filled(),
        )
    )


def _result(found: Result) -> SearchResult:
    row = found.conversation
    return SearchResult(
        conversation=row.uid,
        title=row.title,
        title_pieces=_pieces(found.title),
        date=protocol.moment(found.at),
        archived=row.archived,
        source="api" if row.source else None,
        excerpts=[
            ExcerptObject(one.message.uid, one.message.role, _pieces(one.pieces))  # type: ignore[arg-type]
            for one in found.excerpts
        ],
    )


def _pieces(found: Sequence[MarkedPiece]) -> list[Marked]:
    return [Marked(text, is_marked) for text, is_marked in found]


def _make_cursor(at: datetime, key: int) -> str:
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{key}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, int]:
    try:
        at, _, key = base64.urlsafe_b64decode(cursor.encode()).decode().partition("|")
        moment, number = datetime.fromisoformat(at).astimezone(UTC), int(key)
        if not 0 <= number < 2**63:
            raise ValueError(cursor)
    except (ValueError, OverflowError, binascii.Error):
        message = Sentence("This cursor is not valid.")
        raise ApiProblem(422, "bad_field", message, field="before") from None
    return moment, number
