"""This process's part in replies: what it produces, who follows here, its lease, its drain."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings
from django.db import DataError, IntegrityError
from django.db import Error as DatabaseError

from chat import protocol
from chat.models import UNFINISHED, Change, Claim, Deletion, Reply, Request
from chat.models.changes import listener
from chat.replies import leases, sessions
from chat.replies.database import GENERATION, LEASE, SOCKETS
from chat.replies.live import LiveReply
from chat.replies.producer import Cut, Producer
from chat.upstream import Client, Endpoint

logger = logging.getLogger(__name__)

BAD_DATA = (DataError, IntegrityError, UnicodeEncodeError)
TIDY_SECONDS = 3600
LOAD_AT_FULL_PACE = 20
LOAD_AT_SLOWEST_PACE = 200


class Connection(Protocol):
    """A socket or stream of a logged-in user, as the process sees it."""

    login: sessions.Login

    def told(self, frame: str, seq: int) -> None:
        """A change of the user's objects; only queues it."""

    async def close(self, code: int) -> None: ...

    def tick(self, counter: int | None) -> None:
        """Called every few seconds, with the user's change counter where it is known."""


class ReplyProcess:
    """One per server process; everything here runs on its event loop."""

    def __init__(self) -> None:
        self.draining = False
        self.ready = asyncio.Event()
        self.connections: dict[int, set[Connection]] = defaultdict(set)
        self._row_pk = 0
        self._row_uid: UUID | None = None
        self._lives: dict[UUID, LiveReply] = {}
        self._producers: dict[int, Producer] = {}
        self._clients: dict[str, Client] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._claiming: set[int] = set()
        self._seen_at = 0.0

    # --- start and end --------------------------------------------------------------------

    async def start(self) -> None:
        """Register, listen for commits, take up what an earlier process left, begin to sweep."""
        loop = asyncio.get_running_loop()
        await self._register()
        listener.announce = lambda user_id, changes: _soon(
            loop, self._announced, user_id, [(change, _frame(change)) for change in changes]
        )
        listener.wake = lambda ids: _soon(loop, self._wake, ids)
        await self._sweep()
        self._loops = [
            asyncio.create_task(coroutine, name=name)
            for name, coroutine in (
                ("lease", self._every(settings.LEASE_SECONDS / 4, self._renew)),
                ("sweep", self._every(settings.LEASE_SECONDS / 4, self._sweep)),
                ("checkpoint", self._every(settings.CHECKPOINT_SECONDS, self.checkpoint)),
                ("sessions", self._every(settings.SESSION_CHECK_SECONDS, self._check_sessions)),
                ("tidy", self._every(TIDY_SECONDS, self._tidy, at_once=True)),
            )
        ]
        self.ready.set()

    async def drain(self) -> None:
        """Let live replies end for `DRAIN_SECONDS`, hand over the rest, release the lease."""
        if self.draining:
            return
        self.draining = True
        for connection in self._everybody():
            await connection.close(4412)
        if not self.ready.is_set():
            return
        producers = list(self._producers.values())
        if producers:
            waits = [asyncio.create_task(producer.wait()) for producer in producers]
            await asyncio.wait(waits, timeout=settings.DRAIN_SECONDS)
        rest = dict(self._producers)
        for producer in rest.values():
            producer.cut(Cut.DRAIN)
        for producer in rest.values():
            await producer.wait()
        await self._store_parts(rest)
        for task in (*self._loops, *self._tasks):
            task.cancel()
        listener.announce = listener.wake = None
        await GENERATION.run(leases.hand_over, self._row_pk)
        await LEASE.run(leases.release, self._row_pk)
        for client in self._clients.values():
            await client.close()

    async def _every(
        self, seconds: float, work: Callable[[], Awaitable[None]], *, at_once: bool = False
    ) -> None:
        """Run a piece of upkeep for ever; what goes wrong once is logged and tried again."""
        if not at_once:
            await asyncio.sleep(seconds)
        while True:
            try:
                await work()
            except DatabaseError as problem:
                logger.warning("%s: the database: %s", work.__name__, type(problem).__name__)
            except Exception:
                logger.exception("%s failed", work.__name__)
            await asyncio.sleep(seconds)

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        """Start a short task that the process owns and the drain ends."""
        task = asyncio.create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- lease and sweep ------------------------------------------------------------------

    async def _register(self) -> None:
        row = await LEASE.run(leases.register)
        self._row_pk, self._row_uid = row.pk, row.uid
        self._seen_at = asyncio.get_running_loop().time()

    async def _renew(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._row_uid is not None and await LEASE.run(leases.renew, self._row_uid):
            if now - self._seen_at > settings.LEASE_SECONDS / 2:
                # It was late: others may have thought it dead, so it takes nothing over for now.
                now += settings.LEASE_SECONDS
            self._seen_at = max(now, self._seen_at)
        else:
            await self._register()

    async def _sweep(self) -> None:
        """Every process sweeps, but not one that may itself be thought dead."""
        age = asyncio.get_running_loop().time() - self._seen_at
        if self.draining or not -0.001 <= age <= settings.LEASE_SECONDS / 2:
            return
        live = set(self._producers) | self._claiming
        await GENERATION.run(leases.sweep, self._row_pk, live, alone=settings.SQLITE)
        self._wake(await GENERATION.run(Reply.objects.forgotten))

    async def _tidy(self) -> None:
        await GENERATION.run(Request.objects.forget_old)
        await GENERATION.run(Deletion.objects.forget_old)

    # --- dispatch: from a wake-up to a producer -------------------------------------------

    def _wake(self, reply_ids: Sequence[int]) -> None:
        for pk in reply_ids:
            if not self.draining and pk not in self._claiming and pk not in self._producers:
                self._claiming.add(pk)
                self.spawn(self._claim(pk), f"claim-{pk}")

    async def _claim(self, pk: int) -> None:
        try:
            claim = await GENERATION.run(Reply.objects.claim, pk, self._row_pk)
            if claim is not None:
                await self._produce(claim)
        except DatabaseError as problem:
            # Nobody is lost: the sweep wakes it again.
            logger.warning("claim: the database: %s", type(problem).__name__)
        finally:
            self._claiming.discard(pk)

    async def _produce(self, claim: Claim) -> None:
        live = self._lives.get(claim.uid)
        if live is None:
            row = await GENERATION.run(Reply.objects.get, pk=claim.reply)
            live = self._lives.setdefault(claim.uid, LiveReply(row))
        live.begin(claim.attempt, claim.model, claim.text, claim.reasoning)
        producer = Producer(claim, live, self._client(claim), self.pace, lambda: self.draining)
        self._producers[claim.reply] = producer
        producer.start(self._produced)

    def _produced(self, producer: Producer) -> None:
        if self._producers.get(producer.claim.reply) is producer:
            del self._producers[producer.claim.reply]
        self._forget(producer.live)

    def _client(self, claim: Claim) -> Client | None:
        """The one client of an endpoint, for the life of the process."""
        if claim.endpoint is None:
            return None
        name = claim.endpoint.name
        if name not in self._clients:
            self._clients[name] = Client(
                Endpoint(
                    name=claim.endpoint.label,
                    base_url=claim.endpoint.base_url,
                    api_key=settings.OPENAI_API_KEY if name == "openai" else "",
                    continues_prefix=claim.endpoint.continues_prefix,
                    connect_timeout=settings.CONNECT_TIMEOUT,
                    first_token_timeout=settings.FIRST_TOKEN_TIMEOUT,
                    idle_timeout=settings.IDLE_TIMEOUT,
                )
            )
        return self._clients[name]

    def pace(self) -> float:
        """Seconds between two reads of an upstream: longer under load, so that one read, one
        frame and one wake-up carry more tokens instead of queueing up."""
        slow, fast = settings.PACE_SECONDS_UNDER_LOAD, settings.PACE_SECONDS
        load = (len(self._producers) - LOAD_AT_FULL_PACE) / (
            LOAD_AT_SLOWEST_PACE - LOAD_AT_FULL_PACE
        )
        pace: float = fast + (max(slow, fast) - fast) * min(max(load, 0.0), 1.0)
        return pace

    # --- checkpoints ----------------------------------------------------------------------

    async def checkpoint(self) -> None:
        """Store what is new of all live replies; learn of stop marks and of lost replies."""
        producers = dict(self._producers)
        if not producers:
            return
        held = await self._store_parts(producers)
        for pk, producer in producers.items():
            if held.get(pk):
                producer.cut(Cut.STOP)
            elif pk not in held and producer is self._producers.get(pk):
                await self._abandon(producer)

    async def _store_parts(self, producers: dict[int, Producer]) -> dict[int, bool]:
        """What these have that is not stored; returns those still ours, with their stop marks.

        Raises `OperationalError` while the database is away: the text waits in memory.
        """
        unsaved = {pk: producer.unsaved() for pk, producer in producers.items()}
        owner = self._row_pk
        held: dict[int, bool] = {}
        try:
            held = await GENERATION.run(Reply.objects.checkpoint, owner, list(unsaved.values()))
        except BAD_DATA:
            # One reply's data must not keep the others from being stored.
            for pk, item in unsaved.items():
                try:
                    held |= await GENERATION.run(Reply.objects.checkpoint, owner, [item])
                except BAD_DATA:
                    logger.error("reply %s: its text cannot be stored", producers[pk].claim.uid)
        for pk in held:
            producers[pk].saved(unsaved[pk])
        return held

    async def _abandon(self, producer: Producer) -> None:
        """Its row is somebody else's or gone: followers go on from what the row says."""
        producer.cut(Cut.LOST)
        await producer.wait()
        await self._refresh(producer.live)

    # --- following ------------------------------------------------------------------------

    async def live(self, user_id: int, uid: UUID) -> LiveReply:
        """The live state of a reply of this user: the producer's own, or one made of its row.

        Raises `Reply.DoesNotExist` for what is not this user's.
        """
        live = self._lives.get(uid)
        if live is None:
            row, text, reasoning = await SOCKETS.run(_load, user_id, uid)
            live = self._lives.get(uid)  # a claim may have come first
            if live is None:
                live = LiveReply(row, text, reasoning)
                if row.status in UNFINISHED:
                    self._lives[uid] = live
                    # What was committed between the read and this line was announced to nobody.
                    self.spawn(self._refresh(live), f"refresh-{uid}")
        if live.user_id != user_id:
            raise Reply.DoesNotExist
        return live

    def left(self, live: LiveReply) -> None:
        """A follower has gone."""
        self._forget(live)

    def stop(self, pk: int) -> None:
        """A stop mark was stored: the producer, if it is here, need not wait for a checkpoint."""
        producer = self._producers.get(pk)
        if producer is not None:
            producer.cut(Cut.STOP)

    def _forget(self, live: LiveReply) -> None:
        if live.pk in self._producers or (live.followers and live.end_frame is None):
            return
        if self._lives.get(live.uid) is live:
            del self._lives[live.uid]

    async def _refresh(self, live: LiveReply) -> None:
        """Bring a live reply that is not produced here to what its row says."""
        if live.pk in self._producers and self._lives.get(live.uid) is live:
            await self._place(live.conversation_id)
            return
        try:
            row, text, reasoning = await SOCKETS.run(_load, live.user_id, live.uid)
        except Reply.DoesNotExist:
            live.vanish()
            self._forget(live)
            return
        if live.pk in self._producers:
            return
        self._show(live, row)
        if live.end_frame is None and row.attempt == live.attempt:
            live.append(text[live.text.length :], reasoning[live.reasoning.length :])
        await self._place(live.conversation_id)

    # --- what was committed ---------------------------------------------------------------

    def _announced(self, user_id: int, changes: Sequence[tuple[Change, str]]) -> None:
        connections = list(self.connections.get(user_id, ()))
        places: set[int] = set()
        for change, frame in changes:
            for connection in connections:
                connection.told(frame, change.seq)
            if change.kind == "message" and change.row is not None:
                live = self._lives.get(change.uid)
                if live is not None:
                    self._show(live, change.row)
                places.add(change.row.conversation_id)  # type: ignore[union-attr]
            elif change.kind == "conversation" and change.event == "deleted":
                self._conversation_deleted(user_id)
        for conversation in places:
            if self._queued_in(conversation):
                self.spawn(self._place(conversation), f"place-{conversation}")

    def _show(self, live: LiveReply, row: Any) -> None:
        """Take over what a committed row says; an older one than is known is not news."""
        if row.seq < live.seq:
            return
        live.seq = row.seq
        if row.ended is not None:
            if live.end_frame is None:
                live.finish(row)
                self._forget(live)
        elif row.attempt == live.attempt:
            live.tell(row.status, row.reason, row.retry_at, live.position)

    def _conversation_deleted(self, user_id: int) -> None:
        """Its replies are gone; which ones, the rows tell."""
        for live in list(self._lives.values()):
            if live.user_id == user_id:
                self.spawn(self._vanish_if_gone(live), f"gone-{live.uid}")

    async def _vanish_if_gone(self, live: LiveReply) -> None:
        if await SOCKETS.run(Reply.objects.filter(pk=live.pk).exists):
            return
        producer = self._producers.get(live.pk)
        if producer is not None:
            producer.cut(Cut.LOST)
        live.vanish()
        self._forget(live)

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

    # --- connections ----------------------------------------------------------------------

    def _everybody(self) -> list[Connection]:
        return [one for group in self.connections.values() for one in group]

    async def _check_sessions(self) -> None:
        """Close what is no longer logged in; tell the others their user's counter."""
        everybody = self._everybody()
        if not everybody:
            return
        counters: dict[int, int] = {}
        try:
            over, counters = await SOCKETS.run(sessions.check, {one.login for one in everybody})
            for connection in everybody:
                if connection.login in over:
                    await connection.close(4401)
        finally:
            for connection in everybody:
                connection.tick(counters.get(connection.login.user_id))


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *args: Any) -> None:
    """From the thread of a commit to the loop."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(call, *args)


def _frame(change: Change) -> str:
    """Built in the thread of the commit, where a row may still fetch what it refers to."""
    row = change.uid if change.row is None else change.row
    return protocol.change_frame(change.kind, change.event, change.seq, row)


def _load(user_id: int, uid: UUID) -> tuple[Reply, str, str]:
    row = Reply.objects.for_user(user_id).get(uid=uid)
    return row, *row.stored_text()


def _line(conversation: int) -> list[int]:
    """The replies of a conversation that have not ended, in turn."""
    unfinished = Reply.objects.filter(conversation_id=conversation, status__in=UNFINISHED)
    return list(unfinished.order_by("turn").values_list("pk", flat=True))


process = ReplyProcess()
