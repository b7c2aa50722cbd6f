"""The replies somebody follows or produces in this process, kept in step with commits.

With SQLite all of them are produced here, or wait to be; with Postgres one that is produced
elsewhere is a replica (`replicas.py`), which learns the rest from its rows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any
from uuid import UUID

from django.db import Error as DatabaseError
from django.db.models.functions import Length, Substr

from chat.database.threads import SOCKETS
from chat.models import UNFINISHED, Change, Conversation, Message, Reply, Status
from chat.replies.live import Follower, LiveReply
from chat.replies.pieces import PIECE, PieceKey, StoredTrack
from chat.replies.replicas import Replicas

logger = logging.getLogger(__name__)

VERIFY_SECONDS = 0.1
"""Long enough for a claim to come first, which makes the check needless."""
AGAIN_SECONDS = 1.0
"""Delay before a piece that could not be read is read again."""

type Spawn = Callable[[Coroutine[Any, Any, None], str], None]


class Following:
    """One live reply per unfinished reply that is followed or produced here."""

    def __init__(self, spawn: Spawn) -> None:
        self._spawn = spawn
        self.replicas: Replicas | None = None
        """Set where other processes may produce replies."""
        self._lives: dict[UUID, LiveReply] = {}
        self._ended: dict[UUID, LiveReply] = {}
        """Replies that had ended when somebody began to follow them."""
        self._reading: dict[PieceKey, set[Follower]] = {}

    def lives(self) -> list[LiveReply]:
        return list(self._lives.values())

    async def find(self, user_id: int, uid: UUID) -> LiveReply:
        """The live state of a reply of this user: the producer's own, or one made of its row.

        Raises `Reply.DoesNotExist` for somebody else's.
        """
        live = self._current(uid)
        if live is None:
            row, text, reasoning = await SOCKETS.run_for(user_id, _load, user_id, uid)
            live = self._current(uid)  # a claim may have come first
            if live is None:
                live = LiveReply(row, text, reasoning)
                if row.status in UNFINISHED:
                    self._enter(live)
                else:
                    live = self._share(live)
        if live.user_id != user_id:
            raise Reply.DoesNotExist
        return live

    def _share(self, live: LiveReply) -> LiveReply:
        """One for all that follow this end."""
        known = self._ended.get(live.uid)
        if known is not None and (known.attempt, known.seq) == (live.attempt, live.seq):
            return known
        self._ended[live.uid] = live
        return live

    def adopt(self, row: Message) -> LiveReply:
        """The live state of a reply just queued: the known one, or a new one."""
        live = self._current(row.uid)
        if live is None:
            live = LiveReply(row, row.text, row.reasoning)
            self._enter(live, VERIFY_SECONDS)
        return live

    def produce(self, row: Message) -> LiveReply:
        """The live state of a reply just claimed, which a producer of this process grows."""
        live = self._current(row.uid) or LiveReply(row, row.text, row.reasoning)
        self._lives[row.uid] = live
        live.produced = True
        if self.replicas is not None:
            self.replicas.drop(live)
        return live

    def release(self, live: LiveReply) -> None:
        """Its producer has left."""
        live.produced = False
        live.set_trouble("")
        if live.end_frame is None and live.followers:
            # Ended unannounced (a commit whose answer was lost announces nothing), or lost.
            if self.replicas is not None:
                self.replicas.watch(live)
            else:
                self._spawn(self.refresh(live), f"refresh-{live.uid}")
        self.forget(live)

    def set_trouble(self, pk: int, trouble: str) -> None:
        """Show followers the reason that nothing of it can be stored, or ("") that it can."""
        for live in self._lives.values():
            if live.pk == pk:
                live.set_trouble(trouble)

    def produced(self, uid: UUID) -> LiveReply | None:
        """The live state of a reply that is produced here."""
        live = self._lives.get(uid)
        return live if live is not None and live.produced else None

    def _enter(self, live: LiveReply, after: float = 0) -> None:
        self._lives[live.uid] = live
        if self.replicas is not None:
            self.replicas.watch(live, after)
        else:
            self._spawn(self._verify(live), f"verify-{live.uid}")

    def _current(self, uid: UUID) -> LiveReply | None:
        """The listed one, unless it has ended: the row may be in its next attempt already."""
        live = self._lives.get(uid)
        return live if live is not None and live.end_frame is None else None

    async def _verify(self, live: LiveReply) -> None:
        """Read the row again: a commit before it was listed here was announced to nobody."""
        await asyncio.sleep(VERIFY_SECONDS)
        if not live.produced and live.end_frame is None:
            await self.refresh(live)

    def forget(self, live: LiveReply) -> None:
        """Drop it unless it is still of use; called whenever a follower or producer leaves."""
        if not live.followers and self._ended.get(live.uid) is live:
            del self._ended[live.uid]
        if live.produced or (live.followers and live.end_frame is None and not live.gone):
            return
        if self._lives.get(live.uid) is live:
            del self._lives[live.uid]
        if self.replicas is not None:
            self.replicas.drop(live)

    # --- texts of ended replies -----------------------------------------------------------

    def supply(self, follower: Follower, room: int) -> bool:
        """Have the piece read that a follower goes on with, where it has room for that.

        Notifies it then. Returns whether it has to wait for one.
        """
        key = follower.missing(room)
        if key is None:
            return False
        if key in self._reading:
            self._reading[key].add(follower)
        else:
            self._reading[key] = {follower}
            self._spawn(self._read(follower.live, key), f"read-{key.reply}")
        return True

    async def _read(self, live: LiveReply, key: PieceKey) -> None:
        try:
            text = await SOCKETS.run(_load_piece, live.pk, key)
            if text is None:  # deleted, or in its next attempt
                await self._move(live)
            else:
                track = live.text if key.track == "text" else live.reasoning
                if isinstance(track, StoredTrack):
                    track.take(key.at, text)
        except Exception as problem:
            if isinstance(problem, DatabaseError):
                logger.warning("following: the database: %s", type(problem).__name__)
            else:
                logger.exception("following: a piece cannot be read")
            await asyncio.sleep(AGAIN_SECONDS)
        finally:
            for follower in self._reading.pop(key):
                follower.notify()

    async def _move(self, live: LiveReply) -> None:
        """Move followers of a row that has changed on to its present state."""
        try:
            now = await self.find(live.user_id, live.uid)
        except Reply.DoesNotExist:
            live.vanish()
            return
        for follower in list(live.followers):
            follower.move(now)
        self.forget(live)
        self.forget(now)  # unless somebody follows it

    async def refresh(self, live: LiveReply) -> None:
        """Bring a live reply that is not produced here to the state of its row."""
        if self.replicas is not None:
            self.replicas.stir(live)
            return
        if not live.produced:
            try:
                row, text, reasoning = await SOCKETS.run_for(
                    live.user_id, _load, live.user_id, live.uid
                )
            except Reply.DoesNotExist:
                live.vanish()
                self.forget(live)
                return
            if not live.produced:
                self._show(live, row)
                if live.end_frame is None and row.attempt == live.attempt:
                    live.append(text[live.text.length :], reasoning[live.reasoning.length :])
        await self._place(live.conversation_id)

    def announced(self, user_id: int, changes: Iterable[Change]) -> None:
        """Take over committed changes."""
        places: set[int] = set()
        for change in changes:
            row = change.row
            if isinstance(row, Message):
                live = self._lives.get(change.uid)
                if live is not None:
                    self._show(live, row)
                places.add(row.conversation_id)
            elif change.kind == "message":
                live = self._lives.get(change.uid)
                if live is not None and not live.produced:  # its producer learns by a checkpoint
                    live.vanish()
                    self.forget(live)
            elif isinstance(row, Conversation):
                places.add(row.pk)  # one less may be waiting
            elif change.event == "deleted" and change.kind == "conversation":
                # With a conversation its replies are gone; the rows show which.
                for live in self._lives.values():
                    if live.user_id == user_id:
                        self._spawn(self.refresh(live), f"gone-{live.uid}")
        if self.replicas is not None:
            self.replicas.stir_user(user_id)
            return
        for conversation in places:
            if self._queued_in(conversation):
                self._spawn(self._place(conversation), f"place-{conversation}")

    def _show(self, live: LiveReply, row: Message) -> None:
        """Take over a committed row; one older than the known state is not news."""
        if row.seq < live.seq:
            return
        live.seq = row.seq
        if row.ended is not None:
            if live.end_frame is None:
                live.finish(row)
                self.forget(live)
        elif row.attempt == live.attempt:
            live.set_status(row.status, row.reason, row.retry_at, live.place, row.model)

    def _queued_in(self, conversation: int) -> list[LiveReply]:
        return [
            live
            for live in self._lives.values()
            if live.conversation_id == conversation and live.status == "queued"
        ]

    async def _place(self, conversation: int) -> None:
        """Show waiting replies of a conversation their places in the queue."""
        if not self._queued_in(conversation):
            return
        waiting = await SOCKETS.run(_line, conversation)
        for live in self._queued_in(conversation):
            if live.pk in waiting:
                place = waiting.index(live.pk) or None
                live.set_status(live.status, live.reason, live.retry_at, place)


def _load(user_id: int, uid: UUID) -> tuple[Reply, str, str]:
    row = Reply.objects.for_user(user_id).defer("text", "reasoning", "error_detail").get(uid=uid)
    if row.ended is not None:
        if row.length is None or row.reasoning_length is None:
            lengths = Reply.objects.filter(pk=row.pk).values_list(
                Length("text"), Length("reasoning")
            )
            row.length, row.reasoning_length = lengths.get()
        return row, "", ""  # read in pieces
    if row.status == Status.RUNNING and not row.parts.filter(attempt=row.attempt).exists():
        return row, "", ""  # the text in the row belongs to an earlier attempt
    return row, *row.stored_text()


def _load_piece(pk: int, key: PieceKey) -> str | None:
    """None where the reply has not ended in this attempt, or is gone."""
    rows = Reply.objects.filter(pk=pk, attempt=key.attempt, ended__isnull=False)
    text: str | None = rows.values_list(Substr(key.track, key.at + 1, PIECE), flat=True).first()
    return text


def _line(conversation: int) -> list[int]:
    """The replies of a conversation that have not ended, in turn."""
    unfinished = Reply.objects.filter(conversation_id=conversation, status__in=UNFINISHED)
    return list(unfinished.order_by("turn").values_list("pk", flat=True))
