"""The replies somebody follows or produces in this process, and what commits say of them.

With SQLite all of them are produced here, or wait to be; with Postgres one that is produced
elsewhere is a copy (`copies.py`), which learns from its rows what this process was not told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any
from uuid import UUID

from chat.models import UNFINISHED, Change, Message, Reply, Status
from chat.replies.copies import Copies
from chat.replies.database import SOCKETS
from chat.replies.live import LiveReply

VERIFY_SECONDS = 0.1
"""Long enough for a claim to come first, which makes the check needless."""

type Spawn = Callable[[Coroutine[Any, Any, None], str], None]


class Following:
    """One live reply per unfinished reply that is followed or produced here."""

    def __init__(self, spawn: Spawn) -> None:
        self._spawn = spawn
        self.copies: Copies | None = None
        """Set where other processes may produce replies."""
        self._lives: dict[UUID, LiveReply] = {}

    def lives(self) -> list[LiveReply]:
        return list(self._lives.values())

    async def find(self, user_id: int, uid: UUID) -> LiveReply:
        """The live state of a reply of this user: the producer's own, or one made of its row.

        Raises `Reply.DoesNotExist` for what is not this user's.
        """
        live = self._current(uid)
        if live is None:
            row, text, reasoning = await SOCKETS.run(_load, user_id, uid)
            live = self._current(uid)  # a claim may have come first
            if live is None:
                live = LiveReply(row, text, reasoning)
                if row.status in UNFINISHED:
                    self._enter(live)
        if live.user_id != user_id:
            raise Reply.DoesNotExist
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
        if self.copies is not None:
            self.copies.drop(live)
        return live

    def release(self, live: LiveReply) -> None:
        """Its producer has left."""
        live.produced = False
        if live.end_frame is None and live.followers:
            # Ended without being told (a commit whose answer was lost announces nothing), or lost.
            if self.copies is not None:
                self.copies.watch(live)
            else:
                self._spawn(self.refresh(live), f"refresh-{live.uid}")
        self.forget(live)

    def produced(self, uid: UUID) -> LiveReply | None:
        """The live state of a reply that is produced here."""
        live = self._lives.get(uid)
        return live if live is not None and live.produced else None

    def _enter(self, live: LiveReply, after: float = 0) -> None:
        self._lives[live.uid] = live
        if self.copies is not None:
            self.copies.watch(live, after)
        else:
            self._spawn(self._verify(live), f"verify-{live.uid}")

    def _current(self, uid: UUID) -> LiveReply | None:
        """The listed one, unless it has ended: the row may be in its next attempt already."""
        live = self._lives.get(uid)
        return live if live is not None and live.end_frame is None else None

    async def _verify(self, live: LiveReply) -> None:
        """What was committed before it was listed here was announced to nobody."""
        await asyncio.sleep(VERIFY_SECONDS)
        if not live.produced and live.end_frame is None:
            await self.refresh(live)

    def forget(self, live: LiveReply) -> None:
        """Drop it unless it is still of use; called whenever a follower or producer leaves."""
        if live.produced or (live.followers and live.end_frame is None and not live.gone):
            return
        if self._lives.get(live.uid) is live:
            del self._lives[live.uid]
        if self.copies is not None:
            self.copies.drop(live)

    async def refresh(self, live: LiveReply) -> None:
        """Bring a live reply that is not produced here to what its row says."""
        if self.copies is not None:
            self.copies.stir(live)
            return
        if not live.produced:
            try:
                row, text, reasoning = await SOCKETS.run(_load, live.user_id, live.uid)
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
        """Take over what was committed."""
        places: set[int] = set()
        for change in changes:
            if change.kind == "message" and change.row is not None:
                row: Any = change.row
                live = self._lives.get(change.uid)
                if live is not None:
                    self._show(live, row)
                places.add(row.conversation_id)
            elif change.kind == "message":
                live = self._lives.get(change.uid)
                if live is not None and not live.produced:  # its producer learns by a checkpoint
                    live.vanish()
                    self.forget(live)
            elif change.row is not None:
                places.add(change.row.pk)  # one less may be waiting
            else:
                # With a conversation its replies are gone; which ones, the rows tell.
                for live in self._lives.values():
                    if live.user_id == user_id:
                        self._spawn(self.refresh(live), f"gone-{live.uid}")
        if self.copies is not None:
            self.copies.stir_user(user_id)
            return
        for conversation in places:
            if self._queued_in(conversation):
                self._spawn(self._place(conversation), f"place-{conversation}")

    def _show(self, live: LiveReply, row: Reply) -> None:
        """Take over what a committed row says; an older one than is known is not news."""
        if row.seq < live.seq:
            return
        live.seq = row.seq
        if row.ended is not None:
            if live.end_frame is None:
                live.finish(row)
                self.forget(live)
        elif row.attempt == live.attempt:
            live.tell(row.status, row.reason, row.retry_at, live.position, row.model)

    def _queued_in(self, conversation: int) -> list[LiveReply]:
        return [
            live
            for live in self._lives.values()
            if live.conversation_id == conversation and live.status == "queued"
        ]

    async def _place(self, conversation: int) -> None:
        """Tell who waits in a conversation how many are before it."""
        if not self._queued_in(conversation):
            return
        waiting = await SOCKETS.run(_line, conversation)
        for live in self._queued_in(conversation):
            if live.pk in waiting:
                place = waiting.index(live.pk) or None
                live.tell(live.status, live.reason, live.retry_at, place)


def _load(user_id: int, uid: UUID) -> tuple[Reply, str, str]:
    row = Reply.objects.for_user(user_id).get(uid=uid)
    if row.status == Status.RUNNING and not row.parts.filter(attempt=row.attempt).exists():
        return row, "", ""  # what is folded there belongs to an earlier attempt
    return row, *row.stored_text()


def _line(conversation: int) -> list[int]:
    """The replies of a conversation that have not ended, in turn."""
    unfinished = Reply.objects.filter(conversation_id=conversation, status__in=UNFINISHED)
    return list(unfinished.order_by("turn").values_list("pk", flat=True))
