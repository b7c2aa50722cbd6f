"""One reply over one HTTP response: as SSE for `EventSource`, or as NDJSON, a frame a line.

The frames are those of a socket, pulled as there; nothing tells over HTTP what the client has read,
so what a slow one is owed is bounded by the size of a reply.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from asgiref.sync import SyncToAsync
from django.conf import settings
from django.db import Error as DatabaseError
from django.http import StreamingHttpResponse

from chat import protocol
from chat.flow import Allowances
from chat.models import Accepted, Reply
from chat.protocol import BadFrame
from chat.replies import Follower, LiveReply, process, sessions
from chat.replies.database import SOCKETS

TYPES = {
    "sse": "text/event-stream; charset=utf-8",
    "ndjson": "application/x-ndjson",
}
HEADERS = {
    # A proxy that compresses or collects would hold back what is to be seen at once.
    "Cache-Control": "no-cache, no-transform, private, no-store",
    "X-Accel-Buffering": "no",
}

ROOM = 2 * protocol.DELTA_BYTES
"""Bytes of text that may go into one frame; the frames have their own, smaller bound."""
RETRY_MS = (500, 1500)
"""How long an `EventSource` waits before it comes back; differs, so that not all come at once."""
LATER_MS = 5000
"""The same where there is no room for it now."""
PLACE_SECONDS = 5.0
"""How long a place is kept for a stream that was admitted."""

POSITION = re.compile(r"(\d{1,10})\.(\d{1,10})\.(\d{1,10})(\.end)?", re.ASCII)
MOST = 2**31


@dataclass(frozen=True)
class Position:
    """How much of a reply a client has; `ended` when it has the end of that attempt, too."""

    attempt: int = 0
    text: int = 0
    reasoning: int = 0
    ended: bool = False


START = Position()


def read_position(text: str, field: str) -> Position:
    """`attempt.text.reasoning`, as the `id:` of an event has it. Raises `BadFrame`."""
    found = POSITION.fullmatch(text)
    if found is None or max(map(int, found.groups()[:3])) > MOST:
        message = "A position is attempt.text.reasoning, as in 1.120.0."
        raise BadFrame("bad_field", message, field=field)
    return Position(int(found[1]), int(found[2]), int(found[3]), ended=bool(found[4]))


# --- who may, and how often ----------------------------------------------------------------

_allowances = Allowances()


def ration(user_id: int) -> None:
    """Count one more request that changes something; raises `BadFrame` beyond the allowance.

    As many as frames on a socket, of a user and in this process.
    """
    allowance = _allowances.of(user_id, settings.FRAMES_PER_MINUTE)
    if not allowance.take():
        raise BadFrame(
            "rate_limited",
            f"More than {allowance.per_minute} requests in a minute.",
            retry_after=allowance.retry_after(),
        )


_kept: dict[int, deque[float]] = {}
"""By user: until when a place is kept for each stream that was admitted and has not begun."""


def admit(user_id: int) -> None:
    """Keep a place for one more stream of this user; raises `BadFrame` where there is none.

    It is taken when the stream begins. Who asks for no stream after all gives it back.
    """
    if process.draining:
        raise BadFrame("draining", "The server restarts. Ask again.", retry_after=1)
    if _is_full(user_id, kept=_places_kept(user_id)):
        message = f"At most {settings.SOCKETS_PER_USER} sockets and streams at once."
        raise BadFrame("too_many", message, retry_after=LATER_MS // 1000)
    _kept.setdefault(user_id, deque()).append(time.monotonic() + PLACE_SECONDS)


def give_back(user_id: int) -> None:
    """A place that was kept is needed no longer."""
    if _places_kept(user_id):
        _kept[user_id].popleft()


def _places_kept(user_id: int) -> int:
    """Those of clients that have left before their stream began are dropped after a while."""
    places = _kept.get(user_id)
    while places and places[0] <= time.monotonic():
        places.popleft()
    return len(places or ())


def _is_full(user_id: int, kept: int = 0) -> bool:
    return len(process.connections.get(user_id, ())) + kept >= settings.SOCKETS_PER_USER


# --- a stream ------------------------------------------------------------------------------


class Stream:
    """The frames of one reply for one client: a connection like a socket, and as short-lived.

    It is known to the process only while `frames` is iterated, and leaving never stops the reply.
    """

    def __init__(self, login: sessions.Login, form: str) -> None:
        self.login = login
        self.form = form
        """What it is counted as: `sse`, `ndjson`, or a name of the caller's."""
        self.id: str | None = None
        """Where the client is after the frame that came last; None after a `ping`."""
        self._live: LiveReply | None = None
        self._wanted = asyncio.Event()
        self._over = False
        self._ping = False
        self._seq = 0
        self._said_at = self._changed_at = 0.0

    async def frames(
        self, uid: UUID, position: Position = START, row: Any = None
    ) -> AsyncGenerator[str]:
        """The reply's frames from a position on, and a `ping` in each long silence.

        Ends after `end`, or `error` where the reply is gone. Without either it was cut: the login
        is over, the server restarts, the reply does not start. Whoever still wants it asks again.
        `row` is the reply where it was stored just now.
        """
        give_back(self.login.user_id)
        if process.draining or _is_full(self.login.user_id):
            return
        follower: Follower | None = None
        _release_thread()
        self._said_at = self._changed_at = _now()
        process.enter(self)
        try:
            await process.ready.wait()
            try:
                live = await self._find(uid, row)
            except Reply.DoesNotExist:
                yield protocol.error("not_found", "There is no such reply.", reply=str(uid))
                return
            except DatabaseError:
                return
            self._live = live
            follower = Follower(
                live,
                self._wanted.set,
                attempt=position.attempt,
                text=position.text,
                reasoning=position.reasoning,
            )
            self._ping = True  # unless there is more to say at once
            while not self._over:
                while not self._over and (found := follower.next_frame(ROOM)) is not None:
                    self._said(follower)
                    yield found[0]
                    if follower.finished:
                        return
                if self._ping and not self._over:
                    self._said(None)
                    yield protocol.build("ping", seq=self._seq)
                await self._wait()
        finally:
            process.leave(self)
            if follower is not None:
                follower.leave()
                process.following.forget(follower.live)

    async def _wait(self) -> None:
        try:
            await self._wanted.wait()
        except asyncio.CancelledError:
            # daphne cancels all requests as soon as it is told to end. A stream that was closed
            # before that, as the drain begins, still ends in order.
            task = asyncio.current_task()
            if not self._over or task is None:
                raise
            task.uncancel()
        self._wanted.clear()

    async def _find(self, uid: UUID, row: Any) -> LiveReply:
        if row is not None:
            return process.following.adopt(row)
        return await process.following.find(self.login.user_id, uid)

    def _said(self, follower: Follower | None) -> None:
        self._ping = False
        self._said_at = _now()
        self.id = None
        if follower is not None:
            self._changed_at = self._said_at
            end = ".end" if follower.finished and not follower.live.gone else ""
            self.id = f"{max(follower.attempt, 0)}.{follower.text}.{follower.reasoning}{end}"

    # --- as the process sees it ---------------------------------------------------------------

    def told(self, frame: str, seq: int) -> None:
        """A stream carries its reply alone."""

    async def close(self, code: int) -> None:
        self._over = True
        self._wanted.set()

    def tick(self, counter: int | None) -> None:
        now = _now()
        self._seq = max(self._seq, counter or 0)
        waits = self._live is not None and self._live.status == "queued"
        if waits and now - self._changed_at > settings.QUEUED_STREAM_SECONDS:
            self._over = True
        elif now - self._said_at > settings.SILENCE_SECONDS - 2:
            self._ping = True
        else:
            return
        self._wanted.set()


# --- as a response -------------------------------------------------------------------------


def respond(
    login: sessions.Login,
    form: str,
    uid: UUID,
    position: Position = START,
    accepted: Accepted | None = None,
) -> StreamingHttpResponse:
    """The stream of a reply, after the `accepted` frame where there is one."""
    return _response(form, _content(Stream(login, form), form, uid, position, accepted))


def come_back(milliseconds: int = LATER_MS) -> StreamingHttpResponse:
    """For an `EventSource` that cannot be served now: a 429 or 503 would end it for good."""

    async def nothing() -> AsyncGenerator[bytes]:
        yield b"retry: %d\n\n" % milliseconds

    return _response("sse", nothing())


def _response(form: str, content: AsyncGenerator[bytes]) -> StreamingHttpResponse:
    return StreamingHttpResponse(content, content_type=TYPES[form], headers=HEADERS)


async def _content(
    stream: Stream, form: str, uid: UUID, position: Position, accepted: Accepted | None
) -> AsyncGenerator[bytes]:
    encode = _event if form == "sse" else _line
    if form == "sse":
        yield b"retry: %d\n\n" % random.randint(*RETRY_MS)  # noqa: S311
    row = None
    if accepted is not None:
        row = accepted.row
        yield encode(protocol.accepted(accepted), None)
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


async def stands(user_id: int, uid: UUID) -> Position:
    """The attempt a reply of this user is in, and whether that has ended.

    Raises `Reply.DoesNotExist`.
    """
    return await SOCKETS.run(_stands, user_id, uid)


def _stands(user_id: int, uid: UUID) -> Position:
    rows = Reply.objects.for_user(user_id).filter(uid=uid).values_list("attempt", "ended")
    found = rows.first()
    if found is None:
        raise Reply.DoesNotExist
    return Position(found[0], ended=found[1] is not None)


def _release_thread() -> None:
    """Give back the thread in which Django runs what is sync of this request.

    It makes another one where it needs it once more, to close the response. Kept, each open stream
    would be a thread, and a platform allows a process some hundred of them.
    """
    context = SyncToAsync.thread_sensitive_context.get(None)
    if context is not None:
        executor = SyncToAsync.context_to_thread_executor.pop(context, None)
        if executor is not None:
            executor.shutdown(wait=False)


def _now() -> float:
    return asyncio.get_running_loop().time()
