"""Claims, checkpoints and cuts: from a wake-up to a producer, and its stored text."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import OperationalError

from chat import metrics
from chat.database.faults import reason
from chat.database.locks import was_waited_for
from chat.database.threads import BAD_DATA, GENERATION
from chat.endpoint import EndpointConfig
from chat.models import Attempt, Claim, Reply, Unsaved
from chat.models.commands.titling import leave_titles
from chat.replies import leases
from chat.replies.cuts import Cut
from chat.replies.following import Following, Spawn
from chat.replies.pace import Pace
from chat.replies.producer import Producer
from chat.replies.titling import Titler
from chat.upstream import Client

logger = logging.getLogger(__name__)

CLAIM_TRIES = 4
CLAIM_AGAIN_SECONDS = 1.0
"""Delay after somebody else kept the user's lock; later the sweep wakes it."""
STORE_SECONDS = 3.0
"""Seconds for which all of a drain waits for the database; the rest has two more."""
HAND_OVER_SECONDS = 5.0
"""Seconds more where the database answers, but slowly: to be killed is no worse than to give up."""


class Dispatch:
    """The producers of this process. `owner` is the row of its lease."""

    def __init__(self, following: Following, spawn: Spawn) -> None:
        self.owner = 0
        self.draining = False
        self._following = following
        self._spawn = spawn
        self._producers: dict[int, Producer] = {}
        self._pace = Pace()
        self._claiming: set[int] = set()
        self._troubled: set[int] = set()
        """Replies whose claim could not be stored."""
        self._unclaimed = asyncio.Event()
        """Set whenever the last of the claims under way has ended."""
        self._storing = asyncio.Lock()
        self._clients: dict[str, Client] = {}
        self._replaced: set[Client] = set()
        self.titler = Titler(self._client_of, spawn)

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
        # A producer whose end is announced is about to leave: its reply may be queued again.
        producer = self._producers.get(pk)
        return pk in self._claiming or (producer is not None and producer.live.end_frame is None)

    async def _claim(self, pk: int) -> None:
        try:
            for _ in range(CLAIM_TRIES):
                try:
                    await self._try_claim(pk)
                except DatabaseError as problem:
                    if not was_waited_for(problem):
                        raise
                    await asyncio.sleep(CLAIM_AGAIN_SECONDS)
                else:
                    self._set_trouble(pk, "")
                    return
        except DatabaseError as problem:
            # Nothing is lost: the sweep wakes it again.
            self._set_trouble(pk, reason(problem))
            logger.warning("claim: the database: %s", type(problem).__name__)
        finally:
            self._claimed(pk)

    def _claimed(self, pk: int) -> None:
        self._claiming.discard(pk)
        if not self._claiming:
            self._unclaimed.set()

    def _set_trouble(self, pk: int, trouble: str) -> None:
        """Show followers the reason that it cannot begin, or ("") that it may."""
        if trouble:
            self._troubled.add(pk)
        elif pk in self._troubled:
            self._troubled.discard(pk)
        else:
            return
        self._following.set_trouble(pk, trouble)

    async def _try_claim(self, pk: int) -> None:
        if self.draining:
            return
        waiting = await GENERATION.run(Reply.objects.waiting, pk)
        if waiting is None or self.draining:
            return
        claim = await GENERATION.run_for(waiting[0], Reply.objects.claim, pk, self.owner, waiting)
        if claim is not None:
            self.produce(claim)

    def claimed(self, claim: Claim) -> None:
        """Produce a reply that was claimed when it was stored."""
        earlier = self._producers.get(claim.reply)
        if earlier is None or earlier.live.end_frame is not None:
            self.produce(claim)
            return
        # Another process has ended a reply that this one still produces, not knowing of the end.
        self._claiming.add(claim.reply)
        self._spawn(self._produce_after(earlier, claim), f"produce-{claim.uid}")

    async def _produce_after(self, earlier: Producer, claim: Claim) -> None:
        earlier.cut(Cut.LOST)
        try:
            await earlier.wait()
            self.produce(claim)
        finally:
            self._claimed(claim.reply)

    def produce(self, claim: Claim) -> None:
        """Begin to produce a reply that was claimed for this process."""
        if self.draining:
            return  # the drain puts it back
        live = self._following.produce(claim.row)
        live.begin(claim.attempt, claim.model, claim.text, claim.reasoning)
        client = self._client_of(claim.endpoint) if claim.endpoint else None
        if claim.endpoint:
            self.titler.make_way(claim.user, claim.endpoint.name)
        producer = Producer(claim, live, client, self._pause, lambda: self.draining, self._storing)
        self._producers[claim.reply] = producer
        producer.start(self._produced)

    def _produced(self, producer: Producer) -> None:
        live = producer.live
        if producer.handed_over:
            live.produced = False  # the drain stores its text
            return
        if self._producers.get(producer.claim.reply) is producer:
            del self._producers[producer.claim.reply]
        self._following.release(live)

    def _client_of(self, endpoint: EndpointConfig) -> Client:
        """The one client of an endpoint, until somebody changes how it is spoken to."""
        known = self._clients.get(endpoint.name)
        if known is None or known.endpoint != endpoint:
            if known is not None:
                self._replaced.add(known)
            known = self._clients[endpoint.name] = Client(endpoint)
        return known

    def is_busy(self) -> bool:
        """True if others should rather take more replies, from any thread."""
        full = len(self._producers) >= settings.CLAIM_AT_SEND_REPLIES
        return full or metrics.lag.lately > settings.CLAIM_AT_SEND_LAG

    async def _close_replaced(self) -> None:
        """Close the clients that nobody needs any more, once their last reply has ended."""
        busy = {producer.client for producer in self._producers.values()} | self.titler.clients()
        for client in self._replaced - busy:
            self._replaced.discard(client)
            await client.close()

    async def _pause(self) -> None:
        await self._pace.pause(len(self._producers))

    # --- checkpoints and cuts -------------------------------------------------------------

    def stop(self, pk: int) -> None:
        """Cut after a stored stop mark: a producer here need not wait for a checkpoint."""
        if producer := self._producers.get(pk):
            producer.cut(Cut.STOP)

    async def checkpoint(self) -> None:
        """Store the new text of all live replies; find stop marks and lost replies."""
        if self._replaced:
            await self._close_replaced()
        producers = dict(self._producers)
        if not producers:
            return
        try:
            with metrics.CHECKPOINTS.time():
                held = await self._store(producers)
        except DatabaseError as problem:
            for producer in producers.values():
                producer.checked(reason(problem))
            raise
        for pk, producer in producers.items():
            producer.checked("")
            if held.get(pk):
                producer.cut(Cut.STOP)
            elif pk not in held and producer is self._producers.get(pk) and not producer.ending:
                # Its row is somebody else's or gone: followers go on from the row.
                producer.cut(Cut.LOST)
                await producer.wait()
                await self._following.refresh(producer.live)

    async def _store(self, producers: dict[int, Producer]) -> dict[int, bool]:
        """Store their new text; returns the replies that are still ours, with their stop marks.

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
        except (*BAD_DATA, OperationalError) as problem:
            if isinstance(problem, OperationalError) and not was_waited_for(problem):
                raise
            # Faults of one reply's data or locks must not keep the others back.
            return await self._store_each(producers, unsaved)
        for pk in held:
            producers[pk].saved(unsaved[pk])
        return held

    async def _store_each(
        self, producers: dict[int, Producer], unsaved: dict[int, Unsaved]
    ) -> dict[int, bool]:
        held: dict[int, bool] = {}
        for pk, item in unsaved.items():
            try:
                found = await GENERATION.run(Reply.objects.checkpoint, self.owner, [item])
            except BAD_DATA:
                logger.error("reply %s: its text cannot be stored", producers[pk].claim.uid)
                continue
            except OperationalError as problem:
                if not was_waited_for(problem):
                    raise
                held[pk] = False  # it is not known to be lost; its text waits
                continue
            for mine in found:
                producers[mine].saved(item)
            held |= found
        return held

    async def drain(self, seconds: float, until: float) -> bool:
        """Give live replies `seconds` to end, then cut the rest and store their text.

        `until`, by the loop's clock, ends the wait for the database. True if it took some text.
        """
        self.draining = True
        untitled = self.titler.close()
        if self._producers:
            waits = [asyncio.create_task(one.wait()) for one in self._producers.values()]
            await asyncio.wait(waits, timeout=seconds)
        rest = dict(self._producers)
        for producer in rest.values():
            producer.cut(Cut.DRAIN)
        try:
            async with asyncio.timeout_at(until):
                for producer in rest.values():
                    await producer.wait()
                await self._store_last(rest)
                if untitled and not settings.SQLITE:
                    await GENERATION.run(leave_titles, untitled)
        except (DatabaseError, TimeoutError) as problem:
            # The rest is lost; the reply goes on from its stored text.
            logger.warning("drain: the database: %s", type(problem).__name__)
            rest = {}
        for client in [*self._clients.values(), *self._replaced]:
            await client.close()
        return bool(rest)

    async def hand_over(self) -> None:
        """Queue again the replies that run here, and those of claims under way in the drain."""
        claiming = bool(self._claiming)
        await GENERATION.run(leases.hand_over, self.owner)
        if claiming:
            while self._claiming:  # one may wait for a lock, and be granted after all others
                self._unclaimed.clear()
                await self._unclaimed.wait()
            await GENERATION.run(leases.hand_over, self.owner)

    async def _store_last(self, producers: dict[int, Producer]) -> None:
        """Store the text of those that are handed over, and the cost of their attempts."""
        if not producers:
            return
        await self._store(producers)
        seen = {
            producer.claim.record: producer.seen
            for producer in producers.values()
            if producer.seen is not None
        }
        await GENERATION.run(Attempt.objects.note, seen)
