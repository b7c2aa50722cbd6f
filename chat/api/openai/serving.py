"""One stored call, from its reply's frames to its answer. Leaving is Stop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.utils import timezone

from chat import sessions, streams
from chat.api.openai import answers, errors
from chat.api.openai.answers import Answer
from chat.api.openai.calls import Call
from chat.api.openai.relay import Diverged, Relay, Whole
from chat.database.faults import SENTENCES
from chat.database.threads import SOCKETS
from chat.frame_writer import now
from chat.models import Accepted, Reply
from chat.models.commands.openai_calls import leave_call
from chat.replies import Follower, process

logger = structlog.stdlib.get_logger(__name__)

ENDED = 4401
RESTARTING = 4412
SHARE_OF_DRAIN = 0.9
"""Share of a drain in which a reply may end, before its client is sent an error."""
STORAGE_SECONDS = 10.0
"""Seconds without news for which a client waits while its reply cannot be stored."""


class Reader(streams.ReplyStream):
    """A stream whose client waits for as long as it takes, and cannot come back."""

    code: int | None = None
    """The close code with which the server has ended it."""
    trouble = ""
    """The reason that the reply could not be stored, where the wait for it was given up."""
    _news_at = 0.0
    _spared = False

    async def close(self, code: int) -> None:
        self.code = self.code or code
        live = self._live
        if code == RESTARTING and live is not None and live.produced:
            # Other clients come back to another process; this one is served while it lasts.
            seconds = settings.DRAIN_SECONDS * SHARE_OF_DRAIN
            asyncio.get_running_loop().call_later(seconds, self._end)
        else:
            self._end()

    def _end(self) -> None:
        self.closed = True
        self.wanted.set()

    async def _wait(self) -> None:
        try:
            await super()._wait()
        except asyncio.CancelledError:
            # daphne cancels each request once when it is asked to end; this one is let go on.
            task = asyncio.current_task()
            if not process.draining or self._spared or task is None:
                raise
            self._spared = True
            task.uncancel()

    def tick(self, counter: int | None) -> None:
        live = self._live
        if live is not None and live.trouble and now() - self._news_at > STORAGE_SECONDS:
            self.trouble = live.trouble
            self._end()
            return
        self._changed_at = now()  # a queued reply is waited for
        super().tick(counter)

    def _note_sent(self, follower: Follower | None) -> None:
        super()._note_sent(follower)
        if follower is not None:
            self._news_at = now()


class Serving:
    """The answer to one call that was accepted."""

    def __init__(self, login: sessions.Login, call: Call, accepted: Accepted) -> None:
        self._login, self._call, self._accepted = login, call, accepted
        created = accepted.row.created if accepted.row is not None else timezone.now()
        self._answer = Answer(
            f"chatcmpl-{accepted.reply.hex}",
            int(created.timestamp()),
            call.model,
            include_usage=call.include_usage,
        )
        self._reader = Reader(login, "openai")
        self._over = False

    async def whole(self) -> dict[str, Any]:
        """The completion. Raises `OpenAIProblem` where there is none."""
        text = Whole()
        try:
            async with aclosing(self._frames()) as frames:
                async for frame in frames:
                    text.take(frame)
                    if frame["type"] == "end":
                        reason = self._end(frame)
                        usage = frame["usage"]
                        return self._answer.completion(text.text, text.reasoning, reason, usage)
            raise self._cut()
        finally:
            self._leave()

    async def stream(self) -> AsyncGenerator[bytes]:
        """The events. The first one comes at once, before any text."""
        relay = Relay()
        try:
            yield self._answer.begin()
            async with aclosing(self._frames()) as frames:
                async for frame in frames:
                    for track, text in relay.take(frame):
                        yield self._answer.delta(track, text)
                    if frame["type"] == "end":
                        yield self._answer.finish(self._end(frame), frame["usage"])
                        return
                    if frame["type"] == "ping":
                        yield answers.PING
            raise self._cut()
        except Diverged:
            self._over = True  # the new reply is stored, and somebody may want to read it
            yield answers.error_event(errors.diverged())
        except errors.OpenAIProblem as refusal:
            yield answers.error_event(refusal)
        finally:
            self._leave()

    async def _frames(self) -> AsyncGenerator[dict[str, Any]]:
        frames = self._reader.frames(self._accepted.reply, row=self._accepted.row)
        async with aclosing(frames):
            async for frame in frames:
                read = json.loads(frame)
                if read["type"] == "error":
                    self._over = True  # there is nothing left to be stopped
                    raise errors.gone()
                yield read

    def _end(self, frame: dict[str, Any]) -> str:
        """The finish reason. Raises `OpenAIProblem` for a reply that is not one."""
        self._over = True
        if frame["status"] in ("complete", "stopped"):
            return answers.finish_reason(frame["status"], frame["finish_reason"])
        raise errors.of_end(frame["error"])

    def _cut(self) -> errors.OpenAIProblem:
        """The reason that frames have stopped without an end."""
        if self._reader.code == RESTARTING or process.draining:
            self._over = True  # another process completes the reply
            return errors.restarting()
        if self._reader.trouble:
            self._over = True  # the reply is stored as soon as it can be
            return errors.unstored(SENTENCES[self._reader.trouble])
        return errors.logged_out() if self._reader.code == ENDED else errors.unavailable()

    def _leave(self) -> None:
        """Stop a reply that nobody waits for any more; delete it if it was not to be stored."""
        # In a drain the client has not left: the reply is handed over, or ends.
        over, self._over = self._over or process.draining, True
        if not over or not self._call.store:
            leave(self._login.user_id, self._accepted, stop=not over, store=self._call.store)


def leave(user_id: int, accepted: Accepted, *, stop: bool, store: bool) -> None:
    """Stop a reply whose client has left, or delete it, or both, unless another waits for it."""
    work = _leave(user_id, accepted.reply, stop=stop, store=store)
    process.spawn(work, f"left-{accepted.reply}")


async def _leave(user_id: int, reply: UUID, *, stop: bool, store: bool) -> None:
    try:
        others = await SOCKETS.run_for(user_id, leave_call, user_id, reply, stop=stop, store=store)
        if stop and store and not others:
            await process.stop(user_id, reply)  # marked already: this notifies the producer
    except Reply.DoesNotExist:
        pass
    except DatabaseError as problem:  # `forget_unstored` deletes the rest
        logger.warning("a call was left: the database: %s", type(problem).__name__)
