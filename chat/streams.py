"""One reply over one HTTP response: as SSE for `EventSource`, or as NDJSON, a frame a line.

The frames are those of a socket, pulled as there. HTTP has no acknowledgements, but the server
takes no frame while earlier ones are not on their way.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

from asgiref.sync import SyncToAsync
from django.conf import settings
from django.db import Error as DatabaseError
from django.http import StreamingHttpResponse

from chat import commands, protocol, sessions
from chat.admission import LATER_SECONDS, give_back, is_full
from chat.database.threads import SOCKETS
from chat.flow_control import held
from chat.frame_writer import FrameWriter, now
from chat.languages import said_in
from chat.models import Accepted, Reply
from chat.protocol import START, BadFrame, Position
from chat.protocol.sentences import NO_REPLY
from chat.replies import Follower, LiveReply, process

TYPES = {
    "sse": "text/event-stream; charset=utf-8",
    "ndjson": "application/x-ndjson",
}
HEADERS = {
    # A proxy that compresses or collects would hold back frames.
    "Cache-Control": "no-cache, no-transform, private, no-store",
    "X-Accel-Buffering": "no",
}

ROOM = 2 * protocol.DELTA_BYTES
"""Bytes of text that may go into one frame; the frames have their own, smaller bound."""
RETRY_MS = (500, 1500)
"""Range of waits of an `EventSource` before it comes back, so that not all come at once."""

END = ".end"
"""Behind the position of a client that has the end of that attempt, too."""


def read_position(written: str, field: str) -> tuple[Position, bool]:
    """The `id:` of an event: a position, and True if its client has the end of that attempt.

    Raises `BadFrame`.
    """
    try:
        return Position.parse(written.removesuffix(END)), written.endswith(END)
    except ValueError as problem:
        raise BadFrame("bad_field", problem.args[0], field=field) from None


# --- a stream ------------------------------------------------------------------------------


class ReplyStream(FrameWriter):
    """The frames of one reply for one client: a connection like a socket, and as short-lived.

    It is known to the process only while `frames` is iterated, and leaving never stops the reply.
    """

    def __init__(self, login: sessions.Login, form: str) -> None:
        super().__init__(login)
        self.form = form
        """Its kind in metrics: `sse`, `ndjson`, or a name of the caller's."""
        self.id: str | None = None
        """The client's position after the latest frame; None after a `ping`."""
        self._live: LiveReply | None = None
        self._ping = False
        self._changed_at = 0.0

    async def frames(
        self, uid: UUID, position: Position = START, row: Reply | None = None
    ) -> AsyncGenerator[str]:
        """The reply's frames from a position on, and a `ping` in each long silence.

        Ends after `end`, or `error` where the reply is gone. Without either it was cut: the login
        is over, the server restarts, the reply does not start. The client may then ask again.
        `row` is the reply where it was stored just now.
        """
        give_back(self.login)
        if process.draining or is_full(self.login):
            return
        _release_thread()
        self.enter()
        self._changed_at = self._sent_at
        try:
            await process.ready.wait()
            try:
                live = await self._find(uid, row)
            except Reply.DoesNotExist:
                said = said_in(self.login.language, NO_REPLY)
                yield protocol.error("not_found", said, reply=str(uid))
                return
            except DatabaseError:
                return
            self._live = live
            follower = self.follow(live, position)
            self._ping = True  # unless there is more to say at once
            while not self.closed:
                while not self.closed and (found := self._next_frame(follower)) is not None:
                    self._note_sent(follower)
                    with held.during(self.login, found[0]):
                        yield found[0]
                    if follower.finished:
                        return
                if self._ping and not self.closed:
                    self._note_sent(None)
                    yield protocol.encode(protocol.PingFrame(self._seq))
                await self._wait()
        finally:
            self.leave()

    def _next_frame(self, follower: Follower) -> tuple[str, int] | None:
        """Return None while there is no frame, or too much unread by this user's clients."""
        if self._must_wait():
            return None
        found = follower.next_frame(ROOM)
        if found is None and process.following.supply(follower, ROOM):
            self._ping = False  # it comes soon
        return found

    async def _wait(self) -> None:
        try:
            await self.wanted.wait()
        except asyncio.CancelledError:
            # daphne cancels all requests as soon as it is asked to end. A stream that was closed
            # before that, as the drain begins, still ends in order.
            task = asyncio.current_task()
            if not self.closed or task is None:
                raise
            task.uncancel()
        self.wanted.clear()

    async def _find(self, uid: UUID, row: Reply | None) -> LiveReply:
        if row is not None:
            return process.following.adopt(row)
        return await process.following.find(self.login.user_id, uid)

    def _note_sent(self, follower: Follower | None) -> None:
        self._ping = False
        self._sent_at = now()
        self.id = None
        if follower is not None:
            self._changed_at = self._sent_at
            end = END if follower.finished and not follower.live.gone else ""
            self.id = f"{follower.position}{end}"

    def tick(self, counter: int | None) -> None:
        self._seq = max(self._seq, counter or 0)
        waits = self._live is not None and self._live.status == "queued"
        if waits and now() - self._changed_at > settings.QUEUED_STREAM_SECONDS:
            self.closed = True
        elif self._is_silent():
            self._ping = True
        else:
            return
        self.wanted.set()


# --- as a response -------------------------------------------------------------------------


def respond(
    login: sessions.Login,
    form: str,
    uid: UUID,
    position: Position = START,
    accepted: Accepted | None = None,
) -> StreamingHttpResponse:
    """The stream of a reply, after the `accepted` frame where there is one."""
    return _response(form, _content(ReplyStream(login, form), form, uid, position, accepted))


def come_back(milliseconds: int = LATER_SECONDS * 1000) -> StreamingHttpResponse:
    """For an `EventSource` that cannot be served now: a 429 or 503 would end it for good."""

    async def nothing() -> AsyncGenerator[bytes]:
        yield b"retry: %d\n\n" % milliseconds

    return _response("sse", nothing())


def _response(form: str, content: AsyncGenerator[bytes]) -> StreamingHttpResponse:
    return StreamingHttpResponse(content, content_type=TYPES[form], headers=HEADERS)


async def _content(
    stream: ReplyStream, form: str, uid: UUID, position: Position, accepted: Accepted | None
) -> AsyncGenerator[bytes]:
    encode = _event if form == "sse" else _line
    if form == "sse":
        yield b"retry: %d\n\n" % random.randint(*RETRY_MS)  # noqa: S311
    row = None
    if accepted is not None:
        row = accepted.row
        yield encode(commands.accepted_frame(accepted), None)
    async with aclosing(stream.frames(uid, position, row)) as frames:
        async for frame in frames:
            yield encode(frame, stream.id)


def _event(frame: str, id: str | None) -> bytes:
    data = f"data: {protocol.on_one_line(frame)}\n\n"
    return f"id: {id}\n{data}".encode() if id else data.encode()


def _line(frame: str, _: str | None) -> bytes:
    return f"{protocol.on_one_line(frame)}\n".encode()


# --- one answer instead of a stream --------------------------------------------------------


async def until_end(user_id: int, uid: UUID, seconds: float) -> tuple[bool, str]:
    """The `end` of a reply as soon as there is one; else, after so long, its `status`.

    Raises `Reply.DoesNotExist` where there is no such reply, or no longer.
    """
    live = await process.following.find(user_id, uid)
    wanted = asyncio.Event()
    follower = Follower(live, wanted.set, ends_only=True)
    try:
        async with asyncio.timeout(seconds):
            while True:
                if live.end_frame is not None:
                    return True, live.end_frame
                if live.gone:
                    raise Reply.DoesNotExist
                await wanted.wait()
                wanted.clear()
    except TimeoutError:
        return False, live.status_frame()
    finally:
        follower.leave()
        process.following.forget(live)


async def stands(user_id: int, uid: UUID) -> tuple[int, bool]:
    """The attempt a reply of this user is in, and whether that has ended.

    Raises `Reply.DoesNotExist`.
    """
    return await SOCKETS.run_for(user_id, _stands, user_id, uid)


def _stands(user_id: int, uid: UUID) -> tuple[int, bool]:
    rows = Reply.objects.for_user(user_id).filter(uid=uid).values_list("attempt", "ended")
    found = rows.first()
    if found is None:
        raise Reply.DoesNotExist
    return found[0], found[1] is not None


def _release_thread() -> None:
    """Give back the thread for synchronous code of this request.

    Django makes another one if it needs it once more, to close the response. Kept, each open stream
    would be a thread, and a platform allows a process some hundred of them.
    """
    context = SyncToAsync.thread_sensitive_context.get(None)
    if context is not None:
        executor = SyncToAsync.context_to_thread_executor.pop(context, None)
        if executor is not None:
            executor.shutdown(wait=False)
