"""The WebSocket: who may, and what was asked. Nothing long runs in a handler.

One task per socket writes: it sends what handlers and commits have queued and pulls from the
replies the socket follows, as far as the client has acknowledged what it got.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import structlog
from autobahn.exception import Disconnected
from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from django.conf import settings
from django.db import Error as DatabaseError

from chat import intake, protocol
from chat.flow import Allowance, Ledger
from chat.handshake import same_origin, session_key
from chat.models import Counter, Reply
from chat.replies import Follower, LiveReply, process, sessions
from chat.replies.database import SOCKETS

logger = structlog.stdlib.get_logger(__name__)

FOLLOWED_AT_ONCE = 100
GONE = (OSError, Disconnected)
"""What sending to a client that has left raises: OSError says ASGI, the other one daphne."""


async def not_found(scope: Any, receive: Any, send: Any) -> None:
    """A socket anywhere else: refused in the handshake."""
    await send({"type": "websocket.close"})


class ChatConsumer(AsyncConsumer):  # type: ignore[misc]
    channel_layer_alias = None  # commits reach the process, which tells its sockets

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.login: sessions.Login = None  # type: ignore[assignment]
        self._followers: dict[UUID, Follower] = {}
        self._outbox: deque[str] = deque()
        self._later: deque[str] | None = None
        self._ledger = Ledger(settings.UNACKNOWLEDGED_BYTES)
        self._frames = Allowance(settings.FRAMES_PER_MINUTE)
        self._flow_frames = Allowance(settings.FLOW_FRAMES_PER_MINUTE)
        self._bad_frames = Allowance(settings.BAD_FRAMES_PER_MINUTE)
        self._refusals = Allowance(settings.FLOW_FRAMES_PER_MINUTE)
        self._wanted = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._closed = False
        self._code: int | None = None
        self._seq = 0
        self._sent_at = 0.0
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()
            user = str(self.login.user_id) if self.login else None
            logger.info("socket closed", user=user, code=self._code)

    async def dispatch(self, message: dict[str, Any]) -> None:
        # Not Channels' own, which visits the one shared database thread before each message.
        if message["type"] == "websocket.receive":
            await self._received(message)
        elif message["type"] == "websocket.connect":
            await self._connected()
        elif message["type"] == "websocket.disconnect":
            self._code = self._code or message.get("code")
            raise StopConsumer

    # --- connecting and leaving -----------------------------------------------------------

    async def _connected(self) -> None:
        if not same_origin(self.scope):
            await self.send({"type": "websocket.close"})
            raise StopConsumer
        # Accepted first: a page cannot tell the reason of a refused handshake.
        await self.send({"type": "websocket.accept"})
        await process.ready.wait()
        if process.draining:
            return await self.close(4412)
        try:
            login = await SOCKETS.run(sessions.log_in, session_key(self.scope))
            if login is None:
                return await self.close(4401)
            await self._welcome(login)
        except DatabaseError:
            return await self.close(4412)
        return None

    async def _welcome(self, login: sessions.Login) -> None:
        if process.draining:
            return await self.close(4412)
        if len(process.connections.get(login.user_id, ())) >= settings.SOCKETS_PER_USER:
            return await self.close(4429)
        self.login = login
        self._sent_at = _now()
        with self._holding():  # changes from now on are told, and come after `ready`
            process.enter(self)
            self._seq = await SOCKETS.run(Counter.objects.current, login.user_id)
            self._put(
                protocol.build("ready", **intake.greeting(login.user_id, login.name, self._seq))
            )
        self._writer = asyncio.create_task(self._write(), name=f"socket-{login.user_id}")
        logger.info("socket opened", user=str(login.user_id))
        return None

    def _leave(self) -> None:
        self._closed = True
        for follower in list(self._followers.values()):
            self._unfollow(follower)
        if self._writer is not None:
            self._writer.cancel()
        if self.login is not None:
            process.leave(self)

    async def close(self, code: int) -> None:
        """Close with one of the protocol's codes; nothing is sent after it."""
        if not self._closed:
            self._closed, self._code = True, code
            await self.send({"type": "websocket.close", "code": code})

    # --- what the client says -------------------------------------------------------------

    async def _received(self, message: dict[str, Any]) -> None:
        if self._closed or self.login is None:
            return None
        raw = message.get("text")
        try:
            try:
                frame = protocol.parse(
                    raw if raw is not None else message.get("bytes") or b"",
                    control_bytes=settings.CONTROL_FRAME_BYTES,
                    message_bytes=settings.MESSAGE_BYTES,
                )
                self._ration(frame)
            except protocol.BadFrame as bad:
                return await self._refuse(bad)
            await self._handle(frame)
        except protocol.BadFrame as refused:
            self._put(refused.frame())  # a good frame, which cannot be carried out
        except Exception:
            # An exception that leaves a handler would close the socket with 1011.
            logger.exception("socket: a frame failed")
            self._put(protocol.error("unavailable", "Something went wrong on this server."))
        return None

    async def _refuse(self, bad: protocol.BadFrame) -> None:
        """Answer a refused frame, and no longer one who sends hardly anything else."""
        self._put(bad.frame())
        if bad.code == "rate_limited":
            if not self._refusals.take():
                await self.close(4429)
        elif not self._bad_frames.take():
            await self.close(4400)

    def _ration(self, frame: protocol.ClientFrame) -> None:
        if isinstance(frame, protocol.Stop):
            return
        light = protocol.Ack | protocol.Ping | protocol.Follow | protocol.Unfollow
        allowance = self._flow_frames if isinstance(frame, light) else self._frames
        if not allowance.take():
            raise protocol.BadFrame(
                "rate_limited",
                f"More than {allowance.per_minute} frames in a minute.",
                retry_after=allowance.retry_after(),
                **intake.about_of(frame),
            )

    async def _handle(self, frame: protocol.ClientFrame) -> None:
        match frame:
            case protocol.Stop():
                await self._stop(frame.reply)
            case protocol.Follow():
                with intake.refusals(reply=str(frame.reply)):
                    await self._follow(
                        frame.reply,
                        attempt=frame.attempt,
                        text=frame.text,
                        reasoning=frame.reasoning,
                    )
            case protocol.Unfollow():
                if follower := self._followers.get(frame.reply):
                    self._unfollow(follower)
            case protocol.Ack():
                self._ledger.acknowledge(frame)
                self._wanted.set()
            case protocol.Ping():
                self._put(protocol.build("pong", n=frame.n))
            case _:
                await self._accept(frame)

    async def _accept(self, frame: protocol.Asked) -> None:
        with self._holding():  # `accepted` comes before all else about its reply
            accepted = await intake.accept(self.login.user_id, frame)
            self._put(protocol.accepted(accepted))
        if isinstance(frame, protocol.Withdraw):
            return
        if accepted.row is not None:
            self._follow_live(process.following.adopt(accepted.row))
            return
        try:
            await self._follow(accepted.reply)
        except Reply.DoesNotExist:  # accepted once, and deleted since
            message = "There is no such reply."
            self._put(protocol.error("not_found", message, reply=str(accepted.reply)))

    async def _stop(self, uid: UUID) -> None:
        row = await intake.stop(self.login.user_id, uid)
        follower = self._followers.get(uid)
        if follower is not None and not follower.finished:
            return  # its end comes by that way
        if row.ended is not None:
            self._put(protocol.end(row))
        else:
            with intake.refusals(reply=str(uid)):
                await self._follow(uid, ends_only=True)

    async def _follow(self, uid: UUID, *, ends_only: bool = False, **position: int) -> None:
        live = await process.following.find(self.login.user_id, uid)
        self._follow_live(live, ends_only=ends_only, **position)

    def _follow_live(self, live: LiveReply, *, ends_only: bool = False, **position: int) -> None:
        uid = live.uid
        if self._closed:
            process.following.forget(live)
            return
        known = self._followers.get(uid)
        if known is None and len(self._followers) >= FOLLOWED_AT_ONCE and not ends_only:
            process.following.forget(live)
            message = f"A socket follows at most {FOLLOWED_AT_ONCE} replies."
            raise protocol.BadFrame("too_many", message, reply=str(uid))
        self._followers[uid] = Follower(live, self._wanted.set, ends_only=ends_only, **position)
        if known is not None:  # left last: a reply that nobody follows is forgotten
            self._unfollow(known)
        self._wanted.set()

    def _unfollow(self, follower: Follower) -> None:
        follower.leave()
        process.following.forget(follower.live)
        if self._followers.get(follower.live.uid) is follower:
            del self._followers[follower.live.uid]

    # --- what the client is told ----------------------------------------------------------

    def told(self, frame: str, seq: int) -> None:
        self._seq = max(self._seq, seq)
        if self._later is not None:
            self._later.append(frame)
        else:
            self._put(frame)

    def tick(self, counter: int | None) -> None:
        now = _now()
        if self._ledger.blocked_for(now) > settings.SLOW_CLIENT_SECONDS:
            process.spawn(self.close(4408), "slow-client")
        elif now - self._sent_at > settings.SILENCE_SECONDS - 2 or (counter or 0) > self._seq:
            self._seq = max(self._seq, counter or 0)
            self._put(protocol.build("ping", seq=self._seq))

    @contextmanager
    def _holding(self) -> Iterator[None]:
        """Changes told meanwhile come after what the block itself says."""
        later: deque[str] = deque()
        self._later = later
        try:
            yield
        finally:
            self._later = None
            self._outbox.extend(later)
            self._wanted.set()

    def _put(self, frame: str) -> None:
        self._outbox.append(frame)
        self._wanted.set()

    async def _write(self) -> None:
        """The one task that sends; ends with the socket."""
        try:
            while not self._closed:
                await self._wanted.wait()
                self._wanted.clear()
                while self._outbox:
                    await self._emit(self._outbox.popleft())
                for follower in list(self._followers.values()):
                    if self._later is None or not follower.live.gone:
                        await self._pull(follower)
                blocked = any(follower.behind() for follower in self._followers.values())
                self._ledger.note(_now() if blocked else None)
                if self._outbox:
                    self._wanted.set()
        except GONE:
            self._closed = True  # the client was quicker than the news of it
        except Exception:
            # A socket that looks open and says nothing would be an endless spinner.
            logger.exception("socket: writing failed")
            await self.close(4412)

    async def _pull(self, follower: Follower) -> None:
        ledger = self._ledger
        while (found := follower.next_frame(ledger.room())) is not None:
            frame, size = found
            if size:
                ledger.sent(
                    follower.live.uid, follower.attempt, follower.text, follower.reasoning, size
                )
            await self._emit(frame)
            if follower.finished:
                self._unfollow(follower)
                return

    async def _emit(self, frame: str) -> None:
        if not self._closed:
            self._sent_at = _now()
            await self.send({"type": "websocket.send", "text": frame})


def _now() -> float:
    return asyncio.get_running_loop().time()
