"""What is followed here and produced in another process: one copy of each such reply.

A copy is fed by deltas, which its producer's process sends while it is asked to, and by the rows,
which all copies of this process read together once a second. The rows alone are enough; the deltas
only make it quick, so each of them may be lost, repeated or come in any order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import Error as DatabaseError
from django.db import connection
from django.db.models import Case, Count, F, OuterRef, Subquery, TextField, Value, When

from chat.models import UNFINISHED, Reply, Status
from chat.replies.database import SOCKETS
from chat.replies.hints import Hints, Message, process_group, reply_group
from chat.replies.live import LiveReply

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
BREATH_SECONDS = 0.02
WANT_SECONDS = 5.0
WANT_AGAIN_SECONDS = 0.25
EARLY_PIECES = 100
EARLY_CHARACTERS = 256 * 1024

TRACKS = ("text", "reasoning")

type Piece = tuple[str, int, str]
"""Track, position, text."""


@dataclass(frozen=True)
class Place:
    """What a copy has, so that only what lies beyond it is read."""

    attempt: int
    have: dict[str, int]
    since: dict[str, int]
    """Where the last part begins that was read of each track: it may have grown since."""


@dataclass(frozen=True)
class Found:
    """What the rows say of a reply."""

    row: Any
    owner: str
    """The lease's uid (hex) of the process that produces it, or ""."""
    position: int | None
    pieces: list[Piece] = field(default_factory=list)
    last: dict[str, int] = field(default_factory=dict)
    """Where the last part of each track begins."""


def read(places: Mapping[int, Place]) -> dict[int, Found]:
    """How these replies stand and what of their text lies beyond, in two statements.

    The stored text of one that has ended comes whole, with its row.
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
    ended = {
        f"ended_{track}": Case(
            When(ended__isnull=False, then=F(track)), default=Value(""), output_field=TextField()
        )
        for track in TRACKS
    }
    rows = (
        Reply.objects.filter(pk__in=list(places))
        .select_related("owner")
        .defer(*TRACKS, "error_detail")
        .annotate(
            before=Case(When(status=Status.QUEUED, then=Subquery(before)), default=None), **ended
        )
    )
    found: dict[int, Found] = {}
    for row in rows:
        stored: Any = row
        row.text, row.reasoning = stored.ended_text, stored.ended_reasoning
        owner = row.owner.uid.hex if row.owner else ""
        found[row.pk] = Found(row, owner, stored.before or None)
    wanted: list[tuple[int, int, str, int, int]] = []
    for pk, seen in found.items():
        if seen.row.ended is None:
            place = places[pk]
            same = place.attempt == seen.row.attempt
            wanted += [
                (
                    pk,
                    seen.row.attempt,
                    track,
                    place.since[track] if same else 0,
                    place.have[track] if same else 0,
                )
                for track in TRACKS
            ]
    for pk, track, part_at, at, text in _parts(wanted):
        found[pk].pieces.append((track, at, text))
        found[pk].last[track] = part_at
    return found


def _parts(
    wanted: Sequence[tuple[int, int, str, int, int]],
) -> list[tuple[int, str, int, int, str]]:
    """The parts from `since` on: reply, track, where it begins; then what lies beyond `have`.

    By the parts' unique index, however many replies there are; what is known already is not sent.
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


class Copy:
    """One reply as it is known here; joins what comes, in whatever order."""

    def __init__(self, live: LiveReply) -> None:
        self.live = live
        self.owner = ""
        self.due = 0.0
        """When its row is to be read next."""
        self.wanted_at = float("-inf")
        self.gap = False
        """Whether text came that does not join on: something before it is missing."""
        self._since: dict[str, int] = {}
        self._early: dict[str, list[tuple[int, str]]] = {}
        self.restart()

    def restart(self) -> None:
        """A new attempt: nothing of the text of the one before counts."""
        self.gap = False
        self._since = dict.fromkeys(TRACKS, 0)
        self._early = {track: [] for track in TRACKS}

    @property
    def place(self) -> Place:
        have = {track: self._length(track) for track in TRACKS}
        return Place(self.live.attempt, have, dict(self._since))

    def take(self, pieces: Sequence[Piece]) -> None:
        """Append what joins on to the text, keep what is early, drop what is known."""
        for track, at, text in pieces:
            if text:
                self._early[track].append((at, text))
        self.gap = False
        new = {track: self._join(track) for track in TRACKS}
        if new["text"] or new["reasoning"]:
            self.live.append(new["text"], new["reasoning"])

    def take_stored(self, pieces: Sequence[Piece], last: Mapping[str, int]) -> None:
        """The same for parts; they have no gaps, unless one has grown since it was read."""
        self.take(pieces)
        self._since.update(last)
        for track, at, _ in pieces:
            if at > self._length(track):
                self._since[track] = 0

    def _length(self, track: str) -> int:
        return (self.live.text if track == "text" else self.live.reasoning).length

    def _join(self, track: str) -> str:
        """What of the early pieces has its turn now."""
        if not self._early[track]:
            return ""
        at, turn, rest = self._length(track), [], []
        for start, text in sorted(self._early[track]):
            if start > at:
                rest.append((start, text))
            elif start + len(text) > at:
                turn.append(text[at - start :])
                at = start + len(text)
        self.gap = self.gap or bool(rest)
        # What is too much to keep is sent again: a copy asks for all that lies beyond its text.
        few = len(rest) <= EARLY_PIECES and sum(len(text) for _, text in rest) <= EARLY_CHARACTERS
        self._early[track] = rest if few else []
        return "".join(turn)


class Copies:
    """All copies of this process. `over` is told of those that have ended or are gone."""

    def __init__(
        self,
        hints: Hints,
        over: Callable[[LiveReply], None],
        read: Callable[[Mapping[int, Place]], dict[int, Found]] = read,
    ) -> None:
        self.rounds = 0
        """Rounds of reading, of two statements each."""
        self.gaps = 0
        self.gaps_healed = 0
        self.stale = 0
        """Deltas of an attempt that is over."""
        self._hints = hints
        self._over = over
        self._rows = read
        self._copies: dict[UUID, Copy] = {}
        self._stirred = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._copies)

    # --- which replies are copied ---------------------------------------------------------

    def watch(self, live: LiveReply, after: float = 0) -> None:
        """Keep this reply as its rows and its producer's process say, from so many seconds on."""
        if live.uid not in self._copies:
            self._copies[live.uid] = Copy(live)
            self._hints.join(reply_group(live.uid.hex))
        copy = self._copies[live.uid]
        copy.live, copy.due = live, _now() + after
        self._stirred.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="copies")

    def drop(self, live: LiveReply) -> None:
        """Nobody follows it here any more, or it is produced here."""
        copy = self._copies.get(live.uid)
        if copy is not None and copy.live is live:
            del self._copies[live.uid]
            self._hints.leave(reply_group(live.uid.hex))
            self._stirred.set()

    def stir(self, live: LiveReply) -> None:
        """Its row has changed: read it now."""
        if (copy := self._copies.get(live.uid)) is not None:
            self._hurry(copy)

    def stir_user(self, user_id: int) -> None:
        for copy in self._copies.values():
            if copy.live.user_id == user_id:
                self._hurry(copy)

    def stir_all(self) -> None:
        """Hints were lost: read all rows now, and ask for deltas again."""
        for copy in self._copies.values():
            copy.wanted_at = float("-inf")
            self._hurry(copy)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    # --- deltas ---------------------------------------------------------------------------

    def delta(self, message: Message) -> None:
        copy = self._copies.get(UUID(message["reply"]))
        if copy is None:
            return
        live, attempt = copy.live, message["attempt"]
        if attempt > live.attempt:
            self._hurry(copy)
        elif attempt < live.attempt or live.status != Status.RUNNING:
            self.stale += 1
        else:
            gap = copy.gap
            pieces = [(track, message[f"{track}_at"], message[track]) for track in TRACKS]
            copy.take(pieces)
            self._count(copy, gap)
            if copy.gap:
                self._want(copy, WANT_AGAIN_SECONDS)

    def _count(self, copy: Copy, before: bool) -> None:
        self.gaps += copy.gap and not before
        self.gaps_healed += before and not copy.gap

    def _want(self, copy: Copy, pause: float) -> None:
        """Ask the producer's process for all that lies beyond, unless that was done just now."""
        live, now = copy.live, _now()
        if live.status != Status.RUNNING or not copy.owner or now - copy.wanted_at < pause:
            return
        copy.wanted_at = now
        want = {
            "type": "want",
            "reply": live.uid.hex,
            "attempt": live.attempt,
            "text": live.text.length,
            "reasoning": live.reasoning.length,
        }
        self._hints.send(process_group(copy.owner), want)

    # --- rows -----------------------------------------------------------------------------

    def _hurry(self, copy: Copy) -> None:
        copy.due = 0
        self._stirred.set()

    async def _run(self) -> None:
        """Read the rows of whatever is due, for as long as there are copies."""
        try:
            while self._copies:
                self._stirred.clear()
                wait = min(copy.due for copy in self._copies.values()) - _now()
                if wait > 0:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(wait):
                            await self._stirred.wait()
                    continue
                try:
                    await self._read()
                except DatabaseError as problem:
                    logger.warning("copies: the database: %s", type(problem).__name__)
                except Exception:
                    logger.exception("copies: reading failed")
                await asyncio.sleep(BREATH_SECONDS)
        finally:
            self._task = None

    async def _read(self) -> None:
        now = _now()
        # A poll takes along who is due soon, so that all copies come to be read in one round.
        polled = any(0 < copy.due <= now for copy in self._copies.values())
        horizon = now + POLL_SECONDS / 2 if polled else now
        batch = [copy for copy in self._copies.values() if copy.due <= horizon]
        for copy in batch:
            copy.due = now + POLL_SECONDS
        self.rounds += 1
        places = {copy.live.pk: copy.place for copy in batch}
        found = await SOCKETS.run(self._rows, places)
        for copy in batch:
            if self._copies.get(copy.live.uid) is copy:
                self._show(copy, found.get(copy.live.pk))

    def _show(self, copy: Copy, found: Found | None) -> None:
        """Take over what the rows say; what was read before later news is none."""
        live = copy.live
        if found is None:
            live.vanish()
            self._over(live)
            return
        row, gap = found.row, copy.gap
        if row.seq < live.seq or row.attempt < live.attempt:
            return
        live.seq = row.seq
        if row.ended is not None:
            live.finish(row)
            copy.restart()
            self._count(copy, gap)
            self._over(live)
            return
        if row.attempt > live.attempt:
            copy.restart()
            live.begin(row.attempt, row.model, "", "")
            copy.wanted_at = float("-inf")
        copy.take_stored(found.pieces, found.last)
        self._count(copy, gap)
        live.tell(row.status, row.reason, row.retry_at, found.position, row.model)
        if copy.owner != found.owner:
            copy.owner, copy.wanted_at = found.owner, float("-inf")
        self._want(copy, WANT_AGAIN_SECONDS if copy.gap else WANT_SECONDS)


def _now() -> float:
    return asyncio.get_running_loop().time()
