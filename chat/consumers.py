"""The WebSocket: login, and frames of the client. Nothing long runs in a handler."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec
import structlog
from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from django.conf import settings
from django.db import Error as DatabaseError

from chat import commands, protocol, sessions
from chat.admission import is_full
from chat.database.threads import SOCKETS
from chat.flow_control import Allowance
from chat.languages import said_in
from chat.models import Counter
from chat.models.commands.temporary import note_shown
from chat.protocol import START, Position
from chat.protocol.sentences import BROKEN
from chat.replies import LiveReply, process
from chat.sentence import Sentence
from chat.socket_writer import FOLLOWED_AT_ONCE, SocketWriter
from chat.websocket_auth import language_of, same_origin, session_key

logger = structlog.stdlib.get_logger(__name__)

WELCOME_SECONDS = 2.8
"""Seconds until `ready`; a later socket is closed, so that its client can try elsewhere."""


async def not_found(scope: Any, receive: Any, send: Any) -> None:
    """A socket anywhere else: refused in the handshake."""
    await send({"type": "websocket.close"})


class ChatConsumer(AsyncConsumer):  # type: ignore[misc]
    channel_layer_alias = None  # commits reach the process, which notifies its sockets

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._writer: SocketWriter | None = None
        self._code: int | None = None
        self._bad_frames = Allowance(settings.BAD_FRAMES_PER_MINUTE)
        self._refusals = Allowance(settings.FLOW_FRAMES_PER_MINUTE)
        try:
            await super().__call__(scope, receive, send)
        finally:
            user = None
            if self._writer is not None:
                self._writer.leave()
                user = str(self._writer.login.user_id)
                self._code = self._writer.code or self._code
            logger.info("socket closed", user=user, code=self._code)

    @property
    def writer(self) -> SocketWriter:
        """The writing side, once a login is found."""
        assert self._writer is not None
        return self._writer

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
        # Accepted first: a page cannot read the reason of a refused handshake.
        await self.send({"type": "websocket.accept"})
        try:
            async with asyncio.timeout(WELCOME_SECONDS):
                await self._let_in()
        except (DatabaseError, TimeoutError):
            return await self._close(4412)
        except Exception:
            logger.exception("socket: it could not be opened")
            return await self._close(4412)
        return None

    async def _let_in(self) -> None:
        await process.ready.wait()
        if process.draining:
            return await self._close(4412)
        login = await SOCKETS.run(sessions.log_in, session_key(self.scope))
        if login is None:
            return await self._close(4401)
        language = login.language or language_of(self.scope)
        return await self._welcome(replace(login, language=language))

    async def _welcome(self, login: sessions.Login) -> None:
        if process.draining:
            return await self._close(4412)
        if is_full(login):
            return await self._close(4429)
        writer = self._writer = SocketWriter(login, self.base_send)
        with writer.holding():  # later changes are sent after `ready`
            writer.enter()
            seq = await SOCKETS.run(Counter.objects.current, login.user_id)
            facts = commands.greeting(login.user_id, login.name, seq)
            ready = protocol.ReadyFrame(**msgspec.structs.asdict(facts))
            writer.greet(protocol.encode(ready), seq)
        writer.start()
        logger.info("socket opened", user=str(login.user_id))
        return None

    async def _close(self, code: int) -> None:
        """Close with one of the protocol's codes; nothing is sent after it."""
        if self._writer is not None:
            await self._writer.close(code)
        elif self._code is None:
            self._code = code
            await self.send({"type": "websocket.close", "code": code})

    # --- frames of the client -------------------------------------------------------------

    async def _received(self, message: dict[str, Any]) -> None:
        if self._writer is None or self._writer.closed:
            return None
        raw = message.get("text")
        about: dict[str, str] | None = None
        try:
            try:
                frame = protocol.parse(
                    raw if raw is not None else message.get("bytes") or b"",
                    control_bytes=settings.CONTROL_FRAME_BYTES,
                    message_bytes=settings.MESSAGE_BYTES,
                )
                about = commands.about_of(frame)
                self._ration(frame)
            except protocol.BadFrame as bad:
                return await self._refuse(bad)
            await self._handle(frame)
        except protocol.BadFrame as refused:
            self.writer.put(self._answer(refused))  # a good frame, which cannot be carried out
        except Exception:
            # An exception that leaves a handler would close the socket with 1011.
            logger.exception("socket: a frame failed")
            known = protocol.ids_in(raw) if about is None else about
            self.writer.put(self._answer(protocol.BadFrame("unavailable", BROKEN, **known)))
        return None

    async def _refuse(self, bad: protocol.BadFrame) -> None:
        """Answer a refused frame; a client that sends hardly anything else gets no more answers."""
        self.writer.put(self._answer(bad))
        if bad.code == "rate_limited":
            if not self._refusals.take():
                await self._close(4429)
        elif not self._bad_frames.take():
            await self._close(4400)

    def _answer(self, bad: protocol.BadFrame) -> str:
        """The `error` frame, in the language in which the socket was opened."""
        return bad.frame(said_in(self.writer.login.language, bad.message))

    def _ration(self, frame: protocol.ClientFrame) -> None:
        if isinstance(frame, protocol.Stop):
            return
        light = protocol.Ack | protocol.Ping | protocol.Follow | protocol.Unfollow | protocol.Show
        spent = process.rations.take(self.writer.login.user_id, flow=isinstance(frame, light))
        if spent:
            raise protocol.BadFrame(
                "rate_limited",
                Sentence("More than {count} frames in a minute.", count=spent.per_minute),
                retry_after=spent.retry_after(),
                **commands.about_of(frame),
            )

    async def _handle(self, frame: protocol.ClientFrame) -> None:
        match frame:
            case protocol.Stop():
                await self._stop(frame.reply)
            case protocol.Follow():
                with commands.refusals(reply=str(frame.reply)):
                    await self._follow(frame.reply, frame.position)
            case protocol.Unfollow():
                if follower := self.writer.follower(frame.reply):
                    self.writer.unfollow(follower)
            case protocol.Show():
                await self._show(frame.conversation)
            case protocol.Ack():
                self.writer.acknowledge(frame)
            case protocol.Ping():
                self.writer.put(protocol.encode(protocol.PongFrame(frame.n)))
            case _:
                await self._accept(frame)

    async def _accept(self, frame: protocol.Command) -> None:
        with self.writer.holding():  # `accepted` comes before all else about its reply
            accepted = await commands.accept(self.writer.login.user_id, frame)
            self.writer.put(commands.accepted_frame(accepted))
        if isinstance(frame, protocol.Withdraw):
            return
        # From here on the request is answered: errors are about its reply.
        about = str(accepted.reply)
        try:
            with commands.refusals(reply=about):
                if accepted.row is not None:
                    self._follow_live(process.following.adopt(accepted.row))
                else:  # accepted once, and perhaps deleted since
                    await self._follow(accepted.reply)
        except protocol.BadFrame:
            raise
        except Exception:
            logger.exception("socket: an accepted reply cannot be followed")
            self.writer.put(self._answer(protocol.BadFrame("unavailable", BROKEN, reply=about)))

    async def _show(self, uid: UUID | None) -> None:
        self.writer.shows = uid
        if uid is not None:  # says nothing of ids that are not the user's
            user_id = self.writer.login.user_id
            with commands.refusals():
                await SOCKETS.run_for(user_id, note_shown, user_id, [uid])

    async def _stop(self, uid: UUID) -> None:
        row = await commands.stop(self.writer.login.user_id, uid)
        follower = self.writer.follower(uid)
        if follower is not None and not follower.finished:
            return  # its end comes by that way
        if row.ended is not None:
            self.writer.put(protocol.end(row))
        else:
            with commands.refusals(reply=str(uid)):
                await self._follow(uid, ends_only=True)

    async def _follow(
        self, uid: UUID, position: Position = START, *, ends_only: bool = False
    ) -> None:
        live = await process.following.find(self.writer.login.user_id, uid)
        self._follow_live(live, position, ends_only=ends_only)

    def _follow_live(
        self, live: LiveReply, position: Position = START, *, ends_only: bool = False
    ) -> None:
        if self.writer.closed:
            process.following.forget(live)
            return
        if not ends_only and not self.writer.may_follow(live.uid):
            process.following.forget(live)
            message = Sentence("A socket follows at most {count} replies.", count=FOLLOWED_AT_ONCE)
            raise protocol.BadFrame("too_many", message, reply=str(live.uid))
        self.writer.follow(live, position, ends_only=ends_only)
