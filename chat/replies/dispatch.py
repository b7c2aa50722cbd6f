"""From a wake-up to a producer, and what keeps its text: claims, checkpoints, cuts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from django.conf import settings
from django.db import Error as DatabaseError

from chat import metrics
from chat.models import Attempt, Claim, Reply
from chat.replies.asking import endpoint_of
from chat.replies.database import BAD_DATA, GENERATION
from chat.replies.following import Following, Spawn
from chat.replies.producer import Cut, Producer
from chat.upstream import Client

logger = logging.getLogger(__name__)

LOAD_AT_FULL_PACE = 20
LOAD_AT_SLOWEST_PACE = 200
LOAD_FOR_SHARED_TURNS = 60
TURN_SECONDS = 0.02
LAST_WORDS_SECONDS = 5.0
"""How long all of a drain waits for the database; a platform does not wait for ever."""


class Dispatch:
    """The producers of this process. `owner` is the row of its lease."""

    def __init__(self, following: Following, spawn: Spawn) -> None:
        self.owner = 0
        self.draining = False
        self._following = following
        self._spawn = spawn
        self._producers: dict[int, Producer] = {}
        self._claiming: set[int] = set()
        self._storing = asyncio.Lock()
        self._clients: dict[str, Client] = {}
        self._replaced: set[Client] = set()

    def held(self) -> set[int]:
        """The replies that are produced here, or about to be."""
        return set(self._producers) | self._claiming

    # --- claims ---------------------------------------------------------------------------

    def wake(self, reply_ids: Sequence[int]) -> None:
        """See whether these replies may run now. Any number of times, by anybody."""
        for pk in reply_ids:
            if not self.draining and not self._busy(pk):
                self._claiming.add(pk)
                self._spawn(self._claim(pk), f"claim-{pk}")

    async def take(self, pk: int) -> None:
        """The same for one reply; returns when its claim was tried."""
        if not self.draining and not self._busy(pk):
            self._claiming.add(pk)
            await self._claim(pk)

    def _busy(self, pk: int) -> bool:
        # A producer whose end is told is only about to leave: its reply may be queued again.
        producer = self._producers.get(pk)
        return pk in self._claiming or (producer is not None and producer.live.end_frame is None)

    async def _claim(self, pk: int) -> None:
        try:
            if self.draining:
                return
            claim = await GENERATION.run(Reply.objects.claim, pk, self.owner)
            if claim is not None and not self.draining:  # else the drain puts it back
                self._produce(claim)
        except DatabaseError as problem:
            # Nothing is lost: the sweep wakes it again.
            logger.warning("claim: the database: %s", type(problem).__name__)
        finally:
            self._claiming.discard(pk)

    def _produce(self, claim: Claim) -> None:
        live = self._following.produce(claim.row)
        live.begin(claim.attempt, claim.model, claim.text, claim.reasoning)
        producer = Producer(claim, live, self._client(claim), self.pace, lambda: self.draining)
        self._producers[claim.reply] = producer
        producer.start(self._produced)

    def _produced(self, producer: Producer) -> None:
        live = producer.live
        if producer.handed_over:
            live.produced = False  # the drain stores what it has
            return
        if self._producers.get(producer.claim.reply) is producer:
            del self._producers[producer.claim.reply]
        self._following.release(live)

    def _client(self, claim: Claim) -> Client | None:
        """The one client of an endpoint, until somebody changes how it is spoken to."""
        if claim.endpoint is None:
            return None
        endpoint = endpoint_of(claim.endpoint)
        known = self._clients.get(claim.endpoint.name)
        if known is None or known.endpoint != endpoint:
            if known is not None:
                self._replaced.add(known)
            known = self._clients[claim.endpoint.name] = Client(endpoint)
        return known

    async def _close_replaced(self) -> None:
        """Close the clients that nobody needs any more, once their last reply has ended."""
        busy = {producer.client for producer in self._producers.values()}
        for client in self._replaced - busy:
            self._replaced.discard(client)
            await client.close()

    def pace(self) -> float:
        """Seconds between two reads of an upstream.

        Longer under load, so that one read, one frame and one wake-up carry more tokens instead
        of queueing up.
        """
        fast = settings.PACE_SECONDS
        slow = max(settings.PACE_SECONDS_UNDER_LOAD, fast)
        running = len(self._producers)
        above = running - LOAD_AT_FULL_PACE
        load = min(max(above / (LOAD_AT_SLOWEST_PACE - LOAD_AT_FULL_PACE), 0.0), 1.0)
        pace = float(fast + (slow - fast) * load)
        if running < LOAD_FOR_SHARED_TURNS:
            return pace
        # Many wake up in one turn of the loop: a quarter less CPU than each in its own.
        now = asyncio.get_running_loop().time()
        return round((now + pace) / TURN_SECONDS) * TURN_SECONDS - now

    # --- checkpoints and cuts -------------------------------------------------------------

    def stop(self, pk: int) -> None:
        """A stop mark was stored: the producer, if it is here, need not wait for a checkpoint."""
        if producer := self._producers.get(pk):
            producer.cut(Cut.STOP)

    async def checkpoint(self) -> None:
        """Store what is new of all live replies; learn of stop marks and of lost replies."""
        if self._replaced:
            await self._close_replaced()
        producers = dict(self._producers)
        if not producers:
            return
        with metrics.CHECKPOINTS.time():
            held = await self._store(producers)
        for pk, producer in producers.items():
            if held.get(pk):
                producer.cut(Cut.STOP)
            elif pk not in held and producer is self._producers.get(pk):
                # Its row is somebody else's or gone: followers go on from what the row says.
                producer.cut(Cut.LOST)
                await producer.wait()
                await self._following.refresh(producer.live)

    async def _store(self, producers: dict[int, Producer]) -> dict[int, bool]:
        """What these have that is not stored; returns those still ours, with their stop marks.

        Raises `OperationalError` while the database is away: the text waits in memory.
        """
        async with self._storing:  # two at once would write the same text at different places
            return await self._store_alone(producers)

    async def _store_alone(self, producers: dict[int, Producer]) -> dict[int, bool]:
        unsaved = {pk: producer.unsaved() for pk, producer in producers.items()}
        held: dict[int, bool] = {}
        try:
            everything = list(unsaved.values())
            held = await GENERATION.run(Reply.objects.checkpoint, self.owner, everything)
        except BAD_DATA:
            # One reply's data must not keep the others from being stored.
            for pk, item in unsaved.items():
                try:
                    held |= await GENERATION.run(Reply.objects.checkpoint, self.owner, [item])
                except BAD_DATA:
                    logger.error("reply %s: its text cannot be stored", producers[pk].claim.uid)
        for pk in held:
            producers[pk].saved(unsaved[pk])
        return held

    async def drain(self, seconds: float, until: float) -> None:
        """Let live replies end for so long, then cut the rest and store what they have.

        The database is waited for `until` then, by the loop's clock, and no longer.
        """
        self.draining = True
        if self._producers:
            waits = [asyncio.create_task(one.wait()) for one in self._producers.values()]
            await asyncio.wait(waits, timeout=seconds)
        rest = dict(self._producers)
        for producer in rest.values():
            producer.cut(Cut.DRAIN)
        for producer in rest.values():
            await producer.wait()
        try:
            async with asyncio.timeout_at(until):
                await self._store_last(rest)
        except (DatabaseError, TimeoutError) as problem:
            # What was not stored is lost; the reply goes on from what was.
            logger.warning("drain: the database: %s", type(problem).__name__)
        for client in [*self._clients.values(), *self._replaced]:
            await client.close()

    async def _store_last(self, producers: dict[int, Producer]) -> None:
        """The text of those that are handed over, and what their attempts took."""
        if producers:
            await self._store(producers)
        for producer in producers.values():
            if producer.seen is not None:
                claim = producer.claim
                note = Attempt.objects.note
                await GENERATION.run(note, claim.reply, claim.attempt, producer.seen)
