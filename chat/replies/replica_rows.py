"""Rows of replies that are followed here and produced elsewhere (`replicas.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import connection
from django.db.models import Case, Count, OuterRef, Subquery, When

from chat.models import UNFINISHED, Reply, Status
from chat.replies.pieces import PIECE

TRACKS = ("text", "reasoning")

type Piece = tuple[str, int, str]
"""Track, position, text."""


@dataclass(frozen=True)
class Progress:
    """The position of a replica, so that only text beyond it is read."""

    attempt: int
    have: dict[str, int]
    since: dict[str, int]
    """Start of the last part that was read of each track: it may have grown since."""


@dataclass(frozen=True)
class ReplicaState:
    """The state of a reply by its rows."""

    row: Reply
    owner: str
    """The lease's uid (hex) of the process that produces it, or ""."""
    place: int | None
    """Replies before it in its conversation, while it is queued."""
    pieces: list[Piece] = field(default_factory=list)
    last: dict[str, int] = field(default_factory=dict)
    """Start of the last part of each track."""


def read(progress: Mapping[int, Progress]) -> dict[int, ReplicaState]:
    """Read the state of these replies and their text beyond `progress`, in two statements.

    One more if some have ended: for the rest of their texts, up to a piece.
    """
    before = (
        Reply.objects.filter(
            conversation=OuterRef("conversation"),
            status__in=UNFINISHED,
            turn__lt=OuterRef("turn"),
        )
        .order_by()
        .values("conversation")
        .annotate(number=Count("pk"))
        .values("number")
    )
    rows = (
        Reply.objects.filter(pk__in=list(progress), conversation__deleted_at=None)
        .select_related("owner")
        .defer(*TRACKS, "error_detail")
        .annotate(before=Case(When(status=Status.QUEUED, then=Subquery(before)), default=None))
    )
    found: dict[int, ReplicaState] = {}
    for row in rows:
        if row.ended is None:
            row.text = row.reasoning = ""  # the text in the row belongs to an earlier attempt
        owner = row.owner.uid.hex if row.owner else ""
        found[row.pk] = ReplicaState(row, owner, row.before or None)
    wanted: list[tuple[int, int, str, int, int]] = []
    tails: list[tuple[int, str, int]] = []
    for pk, seen in found.items():
        if seen.row.ended is not None and progress[pk].attempt == seen.row.attempt:
            lengths = {"text": seen.row.length or 0, "reasoning": seen.row.reasoning_length or 0}
            for track, have in progress[pk].have.items():
                if have < lengths[track] <= have + PIECE:
                    tails.append((pk, track, have))
        if seen.row.ended is None:
            done = progress[pk]
            same = done.attempt == seen.row.attempt
            wanted += [
                (
                    pk,
                    seen.row.attempt,
                    track,
                    done.since[track] if same else 0,
                    done.have[track] if same else 0,
                )
                for track in TRACKS
            ]
    for pk, track, part_at, at, text in _parts(wanted):
        found[pk].pieces.append((track, at, text))
        found[pk].last[track] = part_at
    for pk, track, at, text in _tails(tails):
        found[pk].pieces.append((track, at, text))
    return found


def _parts(
    wanted: Sequence[tuple[int, int, str, int, int]],
) -> list[tuple[int, str, int, int, str]]:
    """Parts from `since` on: reply, track and start; then start and text beyond `have`.

    By the parts' unique index, for any number of replies; known text is not sent.
    """
    if not wanted:
        return []
    values = ", ".join(["(%s, %s, %s, %s, %s)"] * len(wanted))
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH wanted (reply, attempt, track, since, have) AS (VALUES {values})"  # noqa: S608
            " SELECT part.reply_id, part.track, part.at,"
            " CASE WHEN have > part.at THEN have ELSE part.at END,"
            " substr(part.text, CASE WHEN have > part.at THEN have - part.at + 1 ELSE 1 END)"
            " FROM wanted JOIN chat_part AS part ON part.reply_id = wanted.reply"
            " AND part.attempt = wanted.attempt AND part.track = wanted.track"
            " AND part.at >= wanted.since ORDER BY part.reply_id, part.track, part.at",
            [value for row in wanted for value in row],
        )
        rows: list[tuple[int, str, int, int, str]] = cursor.fetchall()
        return rows


def _tails(wanted: Sequence[tuple[int, str, int]]) -> list[tuple[int, str, int, str]]:
    """Rests of ended texts beyond `have`: reply, track, `have`, text."""
    if not wanted:
        return []
    values = ", ".join(["(%s, %s, %s)"] * len(wanted))
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH wanted (reply, track, have) AS (VALUES {values})"  # noqa: S608
            " SELECT row.id, wanted.track, have, substr("
            "CASE WHEN wanted.track = 'text' THEN row.text ELSE row.reasoning END, have + 1)"
            " FROM wanted JOIN chat_message AS row ON row.id = wanted.reply"
            " WHERE row.ended IS NOT NULL",
            [value for row in wanted for value in row],
        )
        rows: list[tuple[int, str, int, str]] = cursor.fetchall()
        return rows
