"""Replicas of replies that are followed here and produced in another process, one of each.

A replica is fed by deltas, which its producer's process sends while it is asked to, and by the
rows, which all replicas of this process read together once a second. The rows alone are enough; the
deltas only make it quick, so each of them may be lost, repeated or come in any order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from uuid import UUID

from django.db import Error as DatabaseError

from chat.database.threads import SOCKETS
from chat.models import Status
from chat.replies.live import LiveReply
from chat.replies.notifications import Message, Notifications, process_group, reply_group
from chat.replies.replica_rows import TRACKS, Piece, Progress, ReplicaState, read

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
BREATH_SECONDS = 0.02
WANT_SECONDS = 5.0
WANT_AGAIN_SECONDS = 0.25
EARLY_PIECES = 100
EARLY_CHARACTERS = 256 * 1024


class Replica:
    """One reply as it is known here; joins its pieces, in any order."""

    def __init__(self, live: LiveReply) -> None:
        self.live = live
        self.owner = ""
        self.due = 0.0
        """Time of the next reading of its row."""
        self.wanted_at = float("-inf")
        self.gap = False
        """True if text came that does not join on: something before it is missing."""
        self._since: dict[str, int] = {}
        self._early: dict[str, list[tuple[int, str]]] = {}
        self.restart()

    def restart(self) -> None:
        """A new attempt: nothing of the text of the one before counts."""
        self.gap = False
        self._since = dict.fromkeys(TRACKS, 0)
        self._early = {track: [] for track in TRACKS}

    @property
    def progress(self) -> Progress:
        have = {track: self._length(track) for track in TRACKS}
        return Progress(self.live.attempt, have, dict(self._since))

    def take(self, pieces: Sequence[Piece]) -> None:
        """Append pieces that join on to the text, keep early ones, drop known ones."""
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
        """Take the text of the early pieces that joins on now."""
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
        # Pieces beyond the limit are sent again: a replica asks for all text beyond its own.
        few = len(rest) <= EARLY_PIECES and sum(len(text) for _, text in rest) <= EARLY_CHARACTERS
        self._early[track] = rest if few else []
        return "".join(turn)


class Replicas:
    """All replicas of this process. `over` is called with those that have ended or are gone."""

    def __init__(
        self,
        notifications: Notifications,
        over: Callable[[LiveReply], None],
        read: Callable[[Mapping[int, Progress]], dict[int, ReplicaState]] = read,
    ) -> None:
        self.rounds = 0
        """Rounds of reading, of two statements each."""
        self.gaps = 0
        self.gaps_healed = 0
        self.stale = 0
        """Deltas of an attempt that is over."""
        self._notifications = notifications
        self._over = over
        self._rows = read
        self._replicas: dict[UUID, Replica] = {}
        self._stirred = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._replicas)

    # --- which replies are copied ---------------------------------------------------------

    def watch(self, live: LiveReply, after: float = 0) -> None:
        """Keep this reply as its rows and its producer's process say, from so many seconds on."""
        if live.uid not in self._replicas:
            self._replicas[live.uid] = Replica(live)
            self._notifications.join(reply_group(live.uid.hex))
        replica = self._replicas[live.uid]
        replica.live, replica.due = live, _now() + after
        self._stirred.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="replicas")

    def drop(self, live: LiveReply) -> None:
        """Nobody follows it here any more, or it is produced here."""
        replica = self._replicas.get(live.uid)
        if replica is not None and replica.live is live:
            del self._replicas[live.uid]
            self._notifications.leave(reply_group(live.uid.hex))
            self._stirred.set()

    def stir(self, live: LiveReply) -> None:
        """Its row has changed: read it now."""
        if (replica := self._replicas.get(live.uid)) is not None:
            self._hurry(replica)

    def stir_user(self, user_id: int) -> None:
        for replica in self._replicas.values():
            if replica.live.user_id == user_id:
                self._hurry(replica)

    def stir_all(self) -> None:
        """Notifications were lost: read all rows now, and ask for deltas again."""
        for replica in self._replicas.values():
            replica.wanted_at = float("-inf")
            self._hurry(replica)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    # --- deltas ---------------------------------------------------------------------------

    def delta(self, message: Message) -> None:
        replica = self._replicas.get(UUID(message["reply"]))
        if replica is None:
            return
        live, attempt = replica.live, message["attempt"]
        if attempt > live.attempt:
            self._hurry(replica)
        elif attempt < live.attempt or live.status != Status.RUNNING:
            self.stale += 1
        else:
            gap = replica.gap
            pieces = [(track, message[f"{track}_at"], message[track]) for track in TRACKS]
            replica.take(pieces)
            live.set_trouble(message.get("trouble", ""))
            self._count(replica, gap)
            if replica.gap:
                self._want(replica, WANT_AGAIN_SECONDS)

    def _count(self, replica: Replica, before: bool) -> None:
        self.gaps += replica.gap and not before
        self.gaps_healed += before and not replica.gap

    def _want(self, replica: Replica, pause: float) -> None:
        """Ask the producer's process for all that lies beyond, unless that was done just now."""
        live, now = replica.live, _now()
        if live.status != Status.RUNNING or not replica.owner or now - replica.wanted_at < pause:
            return
        replica.wanted_at = now
        want = {
            "type": "want",
            "reply": live.uid.hex,
            **live.length._asdict(),
            "trouble": live.trouble,
        }
        self._notifications.send(process_group(replica.owner), want)

    # --- rows -----------------------------------------------------------------------------

    def _hurry(self, replica: Replica) -> None:
        replica.due = 0
        self._stirred.set()

    async def _run(self) -> None:
        """Read the rows of whatever is due, for as long as there are replicas."""
        try:
            while self._replicas:
                self._stirred.clear()
                wait = min(replica.due for replica in self._replicas.values()) - _now()
                if wait > 0:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(wait):
                            await self._stirred.wait()
                    continue
                try:
                    await self._read()
                except DatabaseError as problem:
                    logger.warning("replicas: the database: %s", type(problem).__name__)
                except Exception:
                    logger.exception("replicas: reading failed")
                await asyncio.sleep(BREATH_SECONDS)
        finally:
            self._task = None

    async def _read(self) -> None:
        now = _now()
        # A poll takes along replicas due soon, so that all come to be read in one round.
        polled = any(0 < replica.due <= now for replica in self._replicas.values())
        horizon = now + POLL_SECONDS / 2 if polled else now
        batch = [replica for replica in self._replicas.values() if replica.due <= horizon]
        for replica in batch:
            replica.due = now + POLL_SECONDS
        self.rounds += 1
        progress = {replica.live.pk: replica.progress for replica in batch}
        found = await SOCKETS.run(self._rows, progress)
        for replica in batch:
            if self._replicas.get(replica.live.uid) is replica:
                self._show(replica, found.get(replica.live.pk))

    def _show(self, replica: Replica, found: ReplicaState | None) -> None:
        """Take over the state of the rows, unless there is later news."""
        live = replica.live
        if found is None:
            live.vanish()
            self._over(live)
            return
        row, gap = found.row, replica.gap
        if row.seq < live.seq or row.attempt < live.attempt:
            return
        live.seq = row.seq
        if row.ended is not None:
            if row.attempt == live.attempt and live.joins(row):
                replica.take(found.pieces)
            live.finish(row)
            replica.restart()
            self._count(replica, gap)
            self._over(live)
            return
        if row.attempt > live.attempt:
            replica.restart()
            live.begin(row.attempt, row.model, "", "")
            replica.wanted_at = float("-inf")
        replica.take_stored(found.pieces, found.last)
        self._count(replica, gap)
        live.set_status(row.status, row.reason, row.retry_at, found.place, row.model)
        if replica.owner != found.owner:
            replica.owner, replica.wanted_at = found.owner, float("-inf")
        self._want(replica, WANT_AGAIN_SECONDS if replica.gap else WANT_SECONDS)


def _now() -> float:
    return asyncio.get_running_loop().time()
