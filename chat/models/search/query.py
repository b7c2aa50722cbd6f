"""Searching one's own conversations: all terms in the title, or in one message.

Both databases read the index from the newest match back, as far as an answer needs. A search ends
after two seconds, or when nobody waits for it any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import batched
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import BooleanField, F, Func, Max, Min, Q, Value

from chat.database import waiting
from chat.database.folding import fold
from chat.models.conversations import Conversation, ConversationQuerySet, Source
from chat.models.messages import Message
from chat.models.search.excerpts import MarkedPiece, excerpt, marks, pieces
from chat.models.search.terms import Term, fts5_query, terms_of, title_parts, tsquery
from chat.models.search_index import owner

SECONDS = 2.0
LOOKED_AT = 1000
"""Matches that are read at once, the newest."""
EXCERPTS = 3
"""Excerpts of a conversation, beside others."""
READ = 2_000_000
"""Code points in which a search looks for its excerpts; further matches have none."""

INDEXED = (
    "SELECT rowid FROM chat_messagewords WHERE chat_messagewords MATCH %s AND {place}"
    " ORDER BY rowid DESC LIMIT {limit}"
    if settings.SQLITE
    else "SELECT rowid FROM chat_messagewords WHERE words @@ %s::tsquery"
    " AND {own} AND {place} ORDER BY rowid DESC LIMIT {limit}"
)
OWN = "ARRAY[owner] @> ARRAY[%s::bigint]"
"""The owner, on Postgres, as the index of words has it (migration 0021)."""
OWN_IN_ORDER = "owner = %s"
"""The same for beginnings of words that most messages have: the newest ones are looked at, as the
index of words would first collect all."""
SHORT = 3
"""Characters of such a beginning."""
MATCHES = (
    "SELECT w.rowid, c.id, m.created FROM ({indexed}) w"
    " LEFT JOIN chat_message m ON m.id = w.rowid AND m.user_id = %s"
    " LEFT JOIN chat_conversation c"
    " ON c.id = m.conversation_id AND c.deleted_at IS NULL AND {which}"
    " ORDER BY w.rowid DESC"
)


@dataclass(frozen=True)
class Excerpt:
    """A message that matches, and the part of it that shows why."""

    message: Message
    pieces: list[MarkedPiece] = field(repr=False)


@dataclass
class Result:
    """A conversation that matches, with its newest matches."""

    conversation: Conversation
    at: datetime
    """Time of its newest match; of a title, the last activity."""
    title: list[MarkedPiece] = field(repr=False)
    excerpts: list[Excerpt]


@dataclass
class Found:
    """A page of results, the newest first."""

    results: list[Result]
    next: tuple[datetime, int] | None = None
    """Begin of the next page; None on the last."""


@dataclass
class Match:
    """A message that matches."""

    pk: int
    conversation: int
    created: datetime


@dataclass
class Matches:
    """The newest matches, without those in conversations that a search leaves out."""

    found: list[Match]
    last: int | None
    """Key of the oldest one that was read, where there may be older ones."""


def find(user_id: int, q: str, *, limit: int, before: tuple[datetime, int] | None = None) -> Found:
    """The user's conversations that match, by their newest match, each with up to three excerpts.

    A page may have fewer than `limit`, and a conversation comes again where older matches of it
    are on a later page. Raises `OperationalError` where it takes too long.
    """
    terms = terms_of(q)
    if not terms:
        return Found([])
    with _limited():
        upto = before[1] if before else 2**62
        matches = _matches(user_id, terms, "rowid < %s", [upto])
        while not matches.found and matches.last is not None:
            matches = _matches(user_id, terms, "rowid < %s", [matches.last])
        found = matches.found
        titled = _titled(user_id, terms, before[0] if before else None, limit + 1)
        newest: dict[int, datetime] = {}
        for match in found:
            newest.setdefault(match.conversation, match.created)
        for pk, updated in titled:
            newest[pk] = max(updated, newest.get(pk, updated))
        ranked = sorted(newest, key=lambda pk: (newest[pk], pk), reverse=True)
        shown = ranked[:limit]
        rows = Conversation.objects.for_user(user_id).in_bulk(shown)
        shown = [pk for pk in shown if pk in rows]
        own: dict[int, list[Match]] = {pk: [] for pk in shown}
        for match in found:
            if len(own.get(match.conversation, [0] * EXCERPTS)) < EXCERPTS:
                own[match.conversation].append(match)
        excerpts = _excerpts(terms, [match for some in own.values() for match in some])
    results = [
        Result(
            rows[pk],
            newest[pk],
            _title(rows[pk].title, terms),
            [excerpts[match.pk] for match in own[pk] if match.pk in excerpts],
        )
        for pk in shown
    ]
    return Found(results, _next(matches, newest, ranked, limit))


def find_in(user_id: int, q: str, conversation: UUID, *, limit: int) -> Result:
    """All matches in one conversation, the oldest first, at most `limit`.

    Raises `Conversation.DoesNotExist`.
    """
    row = Conversation.objects.for_user(user_id).get(uid=conversation)
    terms = terms_of(q)
    excerpts: list[Excerpt] = []
    if terms:
        with _limited():
            keys = row.messages.aggregate(first=Min("pk"), last=Max("pk"))
            bounds = [keys["first"] or 0, keys["last"] or 0]
            if settings.SQLITE:
                found = _matches(user_id, terms, "rowid BETWEEN %s AND %s", bounds, row.pk)
            else:
                place = "rowid IN (SELECT id FROM chat_message WHERE conversation_id = %s)"
                found = _matches(user_id, terms, place, [row.pk])
            own = found.found[:limit][::-1]
            known = _excerpts(terms, own)
            excerpts = [known[match.pk] for match in own if match.pk in known]
    return Result(row, row.updated, _title(row.title, terms), excerpts)


def search(rows: ConversationQuerySet, user_id: int, text: str) -> ConversationQuerySet:
    """The matching ones of these conversations, by the newest matches; all without words."""
    if not text.strip():
        return rows
    terms = terms_of(text)
    if not terms:
        return rows.none()
    with _limited():
        matches = _matches(user_id, terms, "rowid < %s", [2**62])
        found = {match.conversation for match in matches.found}
        found |= {pk for pk, _ in _titled(user_id, terms, None, LOOKED_AT)}
    return rows.filter(pk__in=found)


def contains(field: str, word: str) -> Q:
    """A word in a field of any rows, for searches in the admin.

    SQLite knows the case of ASCII only, and does that quicker than we do the rest.
    """
    if not settings.SQLITE or word.isascii():
        return Q(**{f"{field}__icontains": word})
    found = Func(F(field), Value(fold(word)), function="CONTAINS", output_field=BooleanField())
    return Q(found)


# --- the index ----------------------------------------------------------------------------


def _matches(
    user_id: int,
    terms: Sequence[Term],
    place: str,
    values: Sequence[Any],
    within: int | None = None,
) -> Matches:
    """The newest messages of this user that match, and are at this place in the index."""
    limit = LOOKED_AT if within is None else 20 * LOOKED_AT
    wanted: list[Any] = (
        [fts5_query(terms, str(owner(user_id)))] if settings.SQLITE else [tsquery(terms), user_id]
    )
    dense = any(term.is_prefix and len(term.words[-1]) <= SHORT for term in terms)
    own = OWN_IN_ORDER if dense else OWN
    indexed = INDEXED.format(own=own, place=place, limit=limit)
    # A removal hides matches until they are deleted; of temporary ones only those here are shown.
    which = "c.shown_at IS NULL" if within is None else "c.id = %s"
    inside = [] if within is None else [within]
    with connection.cursor() as cursor:
        statement = MATCHES.format(indexed=indexed, which=which)
        cursor.execute(statement, [*wanted, *values, user_id, *inside])
        rows = cursor.fetchall()
    found = [Match(pk, chat, _time(created)) for pk, chat, created in rows if chat is not None]
    keys = [pk for pk, *_ in rows]
    return Matches(found, keys[-1] if len(keys) == limit else None)


def _time(created: Any) -> datetime:
    """A time as the database gives it to a statement of ours."""
    column = Message._meta.get_field("created").get_col("chat_message")
    for convert in connection.ops.get_db_converters(column):
        created = convert(created, column, connection)
    return cast(datetime, created)


def _titled(
    user_id: int, terms: Sequence[Term], before: datetime | None, limit: int
) -> list[tuple[int, datetime]]:
    """Conversations with a title that matches, and their last activity, the newest first."""
    rows = Conversation.objects.for_user(user_id).listed().exclude(source=Source.PASSING)
    for part in title_parts(terms):
        rows = rows.filter(title_words__contains=part)
    if before is not None:
        rows = rows.filter(updated__lt=before)
    return list(rows.order_by("-updated", "-id").values_list("pk", "updated")[:limit])


def _next(
    matches: Matches, newest: dict[int, datetime], ranked: Sequence[int], limit: int
) -> tuple[datetime, int] | None:
    """Begin of the next page: the time of the last result, and the first key that was not shown."""
    found = matches.found
    if len(ranked) > limit:
        at = newest[ranked[limit - 1]]
        later = [match.pk for match in found if match.created < at]
        return at, (max(later) + 1 if later else matches.last or 0)
    if matches.last is not None:
        return min(found[-1].created, *(newest[pk] for pk in ranked)), matches.last
    return None


# --- excerpts -----------------------------------------------------------------------------


def _excerpts(terms: Sequence[Term], found: Sequence[Match]) -> dict[int, Excerpt]:
    """By message; texts are read some at a time, and beyond `READ` only their beginnings."""
    excerpts: dict[int, Excerpt] = {}
    room = READ
    for some in batched(found, 20, strict=False):
        rows = Message.objects.filter(pk__in=[match.pk for match in some])
        for row in rows.only("pk", "uid", "role", "text").order_by("-pk"):
            room -= len(row.text)
            text = row.text if room > 0 or not excerpts else row.text[:2000]
            excerpts[row.pk] = Excerpt(row, excerpt(text, terms))
    return excerpts


def _title(title: str, terms: Sequence[Term]) -> list[MarkedPiece]:
    return pieces(title, marks(title, terms), 0, len(title))


# --- limits -------------------------------------------------------------------------------


@contextmanager
def _limited() -> Iterator[None]:
    """Statements that end in time; on SQLite the connection sees to that itself."""
    if settings.SQLITE:
        yield
        return
    work = waiting.current()
    seconds = min(SECONDS, work.left()) if work is not None else SECONDS
    with transaction.atomic():
        with connection.cursor() as cursor:
            limit = str(int(seconds * 1000))
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [limit])
        yield
