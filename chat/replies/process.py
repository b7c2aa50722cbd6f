"""This process's part in replies: its lease, its upkeep, its connections, its start and drain."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from channels.layers import get_channel_layer
from django.conf import settings
from django.db import Error as DatabaseError

from chat import protocol, sessions
from chat.database.faults import is_logged
from chat.database.threads import GENERATION, LEASE, SOCKETS
from chat.models import Change, Deletion, Process, Reply, Request, stop_replies_of_inactive
from chat.models.changes import listener
from chat.models.commands.openai_calls import forget_unstored
from chat.models.rations import Ration
from chat.replies import leases
from chat.replies.change_frames import frame_of
from chat.replies.claims_at_send import ClaimsAtSend
from chat.replies.dispatch import HAND_OVER_SECONDS, STORE_SECONDS, Dispatch
from chat.replies.following import Following
from chat.replies.notifications import (
    FirstTime,
    Message,
    Notifications,
    changed,
    process_group,
    user_group,
)
from chat.replies.publisher import Publisher
from chat.replies.rations import Rations
from chat.replies.removals import Removals
from chat.replies.replicas import Replicas
from chat.replies.search_upkeep import SearchUpkeep

if TYPE_CHECKING:
    from chat.replies.worker import Worker

logger = logging.getLogger(__name__)

TIDY_SECONDS = 3600
SEARCH_SECONDS = 300


class Connection(Protocol):
    """A socket or stream of a logged-in user, as the process sees it."""

    login: sessions.Login
    shows: UUID | None

    def changed(self, frame: str, seq: int) -> None:
        """Queue the frame of a changed object of the user."""

    async def close(self, code: int) -> None:
        """Close it with one of the protocol's codes."""

    def tick(self, counter: int | None) -> None:
        """Called every few seconds, with the user's change counter where it is known."""


class ReplyProcess:
    """One per server or worker process; everything here runs on its event loop.

    With SQLite there is one, which produces and announces all; notifications and replicas are idle.
    """

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.connections: defaultdict[int, set[Connection]] = defaultdict(set)
        self.following = Following(self.spawn)
        self.dispatch = Dispatch(self.following, self.spawn)
        self.claims_at_send = ClaimsAtSend(self._claims_for)
        self.notifications = Notifications()
        self.publisher = Publisher(self.notifications)
        self.replicas = Replicas(self.notifications, self.following.forget)
        self.rations = Rations()
        self._removals = Removals(self._everybody)
        self._shared: int | None = None
        self._first_time = FirstTime()
        self._worker: Worker | None = None
        self._lease: UUID | None = None
        self._seen_at = 0.0
        self._alone = False
        """True if the last sweep found no other process."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._upkeep: list[asyncio.Task[None]] = []

    @property
    def draining(self) -> bool:
        return self.dispatch.draining

    # --- start and end --------------------------------------------------------------------

    async def start(self, *, sockets: bool = True) -> None:
        """Register, listen for commits, take up replies of an earlier process, begin to sweep.

        Without `sockets` it is a worker: it produces, and nobody follows here.
        """
        loop = asyncio.get_running_loop()
        await self._register()
        if not settings.SQLITE:
            self.join_others(get_channel_layer() if settings.REDIS_URL else None)
        listener.announce = lambda user_id, changes: _soon(
            loop, self._announced, user_id, [(change, frame_of(change)) for change in changes]
        )
        listener.wake = lambda ids: _soon(loop, self.dispatch.wake, ids)
        listener.untitled = lambda reply: _soon(loop, self.dispatch.titler.offer, reply)
        listener.claiming = self.claims_at_send.claiming
        listener.claimed = lambda claim: _soon(loop, self.dispatch.claimed, claim)
        await self._sweep(0)  # replies that the last one handed over need not wait
        lease, check = settings.LEASE_SECONDS / 4, settings.SESSION_CHECK_SECONDS
        self._upkeep = [
            asyncio.create_task(self._every(lease, self._renew), name="lease"),
            asyncio.create_task(self._every(lease, self._sweep), name="sweep"),
            asyncio.create_task(
                self._every(settings.CHECKPOINT_SECONDS, self.dispatch.checkpoint),
                name="checkpoint",
            ),
            asyncio.create_task(self._every(check, self._check_sessions), name="sessions"),
            asyncio.create_task(self._every(check, self._stop_inactive), name="inactive"),
            asyncio.create_task(
                self._every(check, self._removals.work, at_once=True), name="removals"
            ),
            asyncio.create_task(self._every(TIDY_SECONDS, self._tidy, at_once=True), name="tidy"),
        ]
        search = self._every(SEARCH_SECONDS, SearchUpkeep().work, at_once=True)
        self._upkeep.append(asyncio.create_task(search, name="search"))
        if sockets and not settings.SQLITE:
            share = self._every(settings.SESSION_CHECK_SECONDS, self._share_rations)
            self._upkeep.append(asyncio.create_task(share, name="rations"))
        if not settings.SQLITE and (settings.WORKERS == "embedded" or not sockets):
            from chat.replies.worker import Worker

            self._worker = Worker(self.dispatch)
            self._worker.start()
        self.ready.set()

    def join_others(self, layer: Any | None) -> None:
        """Work together with other processes, which follow and produce the same replies.

        Without a layer they share only the rows.
        """
        self.following.replicas = self.replicas
        if layer is None:
            return
        self.notifications.on("changed", self._heard_of_changes)
        self.notifications.on("want", self._wanted)
        self.notifications.on("delta", self.replicas.delta)
        self.notifications.on("stop", lambda message: self.dispatch.stop(message["reply"]))
        self.notifications.on_up = self.replicas.stir_all
        self.notifications.start(layer)

    async def drain(self) -> None:
        """Let live replies end for `DRAIN_SECONDS`, hand over the rest, release the lease."""
        if self.draining:
            return
        self.dispatch.draining = True
        if self._worker is not None:
            self._worker.stop_fetching()
        for connection in self._everybody():
            await connection.close(4412)
        if not self.ready.is_set():
            return
        seconds = settings.DRAIN_SECONDS
        until = asyncio.get_running_loop().time() + seconds + STORE_SECONDS
        if await self.dispatch.drain(seconds, until):
            until += HAND_OVER_SECONDS  # the database is there; many replies are much work
        self._say_goodbye()
        await self._last(until, self.claims_at_send.wait())
        # Somebody waits for these.
        await self._last(until, self.dispatch.hand_over())
        if self._worker is not None:
            await self._worker.close(until)
        for task in (*self._upkeep, *self._tasks):
            task.cancel()
        await self.replicas.close()
        await self._last(until, LEASE.run(leases.release, self.dispatch.owner))
        listener.announce = None
        await self.notifications.close()

    async def _last(self, until: float, step: Coroutine[Any, Any, None]) -> None:
        """A step that others make up for, once the lease is over, where the database is away."""
        try:
            async with asyncio.timeout_at(until):
                await step
        except (DatabaseError, TimeoutError) as problem:
            logger.warning("drain: the database: %s", type(problem).__name__)

    def _claims_for(self) -> int | None:
        """The owner of replies that are claimed when they are stored, from any thread, or None.

        Where another process could produce it, this one leaves it to that while it has much to do.
        """
        if self.draining or not settings.CLAIM_AT_SEND_REPLIES or not self._is_trusted():
            return None
        if settings.SQLITE:
            return self.dispatch.owner
        left_to_others = self._worker is None or (not self._alone and self.dispatch.is_busy())
        return None if left_to_others else self.dispatch.owner

    def _is_trusted(self) -> bool:
        """True if no other process may think it dead: its lease was renewed lately."""
        return 0 <= time.monotonic() - self._seen_at <= settings.LEASE_SECONDS / 2

    def _say_goodbye(self) -> None:
        """Announce commits, which now hand replies over, only to other processes from now on."""
        loop = asyncio.get_running_loop()
        listener.announce = listener.wake = listener.untitled = None
        if not settings.SQLITE:
            listener.announce = lambda user_id, changes: _soon(
                loop,
                self._notify_others,
                user_id,
                [(frame_of(change), change.seq) for change in changes],
            )

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        """Start a short task that the process owns and the drain ends."""
        task = asyncio.create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._spawned)

    def _spawned(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            logger.error("%s failed", task.get_name(), exc_info=problem)

    async def _every(
        self, seconds: float, work: Callable[[], Awaitable[None]], *, at_once: bool = False
    ) -> None:
        """Run a piece of upkeep for ever; failures are logged, and it is tried again."""
        if not at_once:
            await asyncio.sleep(seconds)
        while True:
            try:
                await work()
            except DatabaseError as problem:
                if not is_logged(problem):
                    logger.warning("%s: the database: %s", work.__name__, type(problem).__name__)
            except Exception:
                logger.exception("upkeep failed")
            await asyncio.sleep(seconds)

    # --- upkeep ---------------------------------------------------------------------------

    async def _register(self) -> None:
        row = await LEASE.run(leases.register)
        self.dispatch.owner, self._lease = row.pk, row.uid
        self.notifications.rename(row.uid.hex)
        self._seen_at = asyncio.get_running_loop().time()

    async def _renew(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._lease is None or not await LEASE.run(leases.renew, self._lease):
            await self._register()  # swept away: replies under the old row are lost
            return
        if now - self._seen_at > settings.LEASE_SECONDS / 2:
            # It was late: others may think it dead, so it takes nothing over for a while.
            now += settings.LEASE_SECONDS
        self._seen_at = max(now, self._seen_at)

    async def _sweep(self, forgotten_after: float = 5) -> None:
        """Every process sweeps, but not one that may itself be thought dead."""
        if self.draining or not self._is_trusted():
            return
        held = self.dispatch.held()
        others = await GENERATION.run(
            leases.sweep, self.dispatch.owner, held, alone=settings.SQLITE
        )
        self._alone = not others
        await GENERATION.run(Reply.objects.wake_forgotten, forgotten_after)

    async def _stop_inactive(self) -> None:
        """Stop replies of inactive users, also while it drains, in any process."""
        await GENERATION.run(stop_replies_of_inactive)

    async def _tidy(self) -> None:
        await GENERATION.run(Request.objects.forget_old)
        await GENERATION.run(Deletion.objects.forget_old)
        await GENERATION.run(forget_unstored)
        await GENERATION.run(Ration.objects.forget_old)
        if not settings.SQLITE:
            from chat.models.attempting import jobs

            await GENERATION.run(jobs.forget_stalled)

    async def _share_rations(self) -> None:
        """Share the use of users with other processes, and count their use there."""
        assert self._lease is not None
        elsewhere, self._shared = await SOCKETS.run(
            Ration.objects.share, self._lease, self.rations.collect(), self._shared
        )
        self.rations.learn(elsewhere)

    async def _check_sessions(self) -> None:
        """Close connections that are no longer logged in; send the others their user's counter."""
        everybody = self._everybody()
        counters: dict[int, int] = {}
        try:
            if everybody:
                logins = {connection.login for connection in everybody}
                over, counters = await SOCKETS.run(sessions.check, logins)
                for connection in everybody:
                    if connection.login in over:
                        await connection.close(4401)
        finally:
            for connection in everybody:
                connection.tick(counters.get(connection.login.user_id))

    # --- connections ----------------------------------------------------------------------

    def enter(self, connection: Connection) -> None:
        """Tell this connection of its user's changes, and close it when its login is over."""
        user_id = connection.login.user_id
        self.connections[user_id].add(connection)
        self.notifications.join(user_group(user_id))

    def leave(self, connection: Connection) -> None:
        user_id = connection.login.user_id
        group = self.connections.get(user_id, set())
        group.discard(connection)
        if not group:
            self.connections.pop(user_id, None)
            self.notifications.leave(user_group(user_id))

    def places_taken(self, login: sessions.Login) -> int:
        """Number of connections that share the limit of this login: by token, else by user."""
        own = self.connections.get(login.user_id, ())
        return sum(one.login.token == login.token for one in own)

    def _everybody(self) -> list[Connection]:
        return [one for group in self.connections.values() for one in group]

    async def stop(self, user_id: int, uid: UUID) -> Reply:
        """Stop a reply, wherever it is produced. Raises as `Reply.objects.stop`."""
        row, owner = await SOCKETS.run_for(user_id, _stop, user_id, uid)
        self.dispatch.stop(row.pk)
        if owner:
            self.notifications.send(process_group(owner), {"type": "stop", "reply": row.pk})
        return row

    # --- changes --------------------------------------------------------------------------

    def _announced(self, user_id: int, changes: Sequence[tuple[Change, str]]) -> None:
        frames = [(frame, change.seq) for change, frame in changes]
        self._notify(user_id, frames)
        self.following.announced(user_id, [change for change, _ in changes])
        self._notify_others(user_id, frames)

    def _notify_others(self, user_id: int, frames: list[tuple[str, int]]) -> None:
        self.notifications.send(user_group(user_id), changed(user_id, frames))

    def _notify(self, user_id: int, frames: Sequence[tuple[str, int]]) -> None:
        for connection in list(self.connections.get(user_id, ())):
            for frame, seq in frames:
                connection.changed(frame, seq)

    def _heard_of_changes(self, message: Message) -> None:
        """Pass on a commit that another process has announced."""
        user_id = message["user"]
        frames = [(frame, seq) for frame, seq in message["frames"]]
        self._notify(user_id, [pair for pair in frames if self._first_time.first(user_id, pair[1])])
        if not frames:  # too large to be sent: clients that are behind read it
            for connection in list(self.connections.get(user_id, ())):
                connection.tick(message["seq"])
        self.replicas.stir_user(user_id)

    def _wanted(self, message: Message) -> None:
        live = self.following.produced(UUID(message["reply"]))
        if live is not None:
            position = protocol.Position(*(message[name] for name in protocol.Position._fields))
            # A process of an earlier version knows of no trouble.
            self.publisher.want(live, position, message.get("trouble", ""))


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *args: Any) -> None:
    """From the thread of a commit to the loop."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(call, *args)


def _stop(user_id: int, uid: UUID) -> tuple[Reply, str]:
    """The stopped reply, and the lease (hex) of the other process that still produces it."""
    row = Reply.objects.stop(user_id, uid)
    if settings.SQLITE or row.owner_id is None:
        return row, ""
    owner = Process.objects.filter(pk=row.owner_id).values_list("uid", flat=True).first()
    return row, owner.hex if owner else ""


process = ReplyProcess()
