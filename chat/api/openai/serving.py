"""One stored call, from its reply's frames to its answer. Leaving is Stop."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.utils import timezone

from chat import streams
from chat.api.openai import answers, errors
from chat.api.openai.answers import Answer
from chat.api.openai.calls import Call
from chat.api.openai.relay import Diverged, Relay, Whole
from chat.models import Accepted, Conversation, Reply
from chat.replies import process, sessions
from chat.replies.database import SOCKETS

logger = structlog.stdlib.get_logger(__name__)

ENDED = 4401
RESTARTING = 4412
SHARE_OF_DRAIN = 0.9
"""How much of a drain a reply has to end in, before its client is told that it does not."""


_waiting: Counter[UUID] = Counter()
"""How many calls wait for each reply here: one that was repeated with its key may be two."""


class Reader(streams.Stream):
    """A stream whose client waits for as long as it takes, and cannot come back."""

    code: int | None = None
    """Why the server has ended it."""
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
        self._over = True
        self._wanted.set()

    async def _wait(self) -> None:
        try:
            await super()._wait()
        except asyncio.CancelledError:
            # daphne cancels each request once when it is told to end; this one is let go on.
            task = asyncio.current_task()
            if self.code != RESTARTING or self._spared or task is None:
                raise
            self._spared = True
            task.uncancel()

    def tick(self, counter: int | None) -> None:
        self._changed_at = asyncio.get_running_loop().time()  # a queued reply is waited for
        super().tick(counter)


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
        """The completion. Raises `Refusal` where there is none."""
        text = Whole()
        _waiting[self._accepted.reply] += 1
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
        """The events. The first one comes at once, before there is anything to tell."""
        relay = Relay()
        _waiting[self._accepted.reply] += 1
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
        except errors.Refusal as refusal:
            yield answers.error_event(refusal)
        finally:
            self._leave()

    async def _frames(self) -> AsyncGenerator[dict[str, Any]]:
        frames = self._reader.frames(self._accepted.reply, row=self._accepted.row)
        async with aclosing(frames):
            async for frame in frames:
                told = json.loads(frame)
                if told["type"] == "error":
                    self._over = True  # there is nothing left to be stopped
                    raise errors.gone()
                yield told

    def _end(self, frame: dict[str, Any]) -> str:
        """The finish reason. Raises `Refusal` for a reply that is not one."""
        self._over = True
        if frame["status"] in ("complete", "stopped"):
            return answers.finish_reason(frame["status"], frame["finish_reason"])
        raise errors.of_end(frame["error"])

    def _cut(self) -> errors.Refusal:
        """Why there are no more frames, and no end."""
        if self._reader.code == RESTARTING or process.draining:
            self._over = True  # another process completes the reply
            return errors.restarting()
        return errors.logged_out() if self._reader.code == ENDED else errors.unavailable()

    def _leave(self) -> None:
        """Stop what nobody waits for any more; keep nothing that was not to be stored."""
        # In a drain it is not the client who leaves: the reply is handed over, or ends.
        over, self._over = self._over or process.draining, True
        _waiting[self._accepted.reply] -= 1
        if not _waiting[self._accepted.reply]:
            del _waiting[self._accepted.reply]
        if not over or not self._call.store:
            leave(self._login.user_id, self._accepted, stop=not over, store=self._call.store)


def leave(user_id: int, accepted: Accepted, *, stop: bool, store: bool) -> None:
    """Stop a reply whose client has left, or delete it, or both, unless another waits for it."""
    if _waiting[accepted.reply]:
        return
    work = _leave(user_id, accepted, stop=stop, store=store)
    process.spawn(work, f"left-{accepted.reply}")


async def _leave(user_id: int, accepted: Accepted, *, stop: bool, store: bool) -> None:
    try:
        if stop:
            await process.stop(user_id, accepted.reply)
        if not store:
            await SOCKETS.run(_remove, user_id, accepted)
    except Reply.DoesNotExist:
        pass
    except DatabaseError as problem:  # of what is left unstored, `forget_unstored` takes care
        logger.warning("a call was left: the database: %s", type(problem).__name__)


def _remove(user_id: int, accepted: Accepted) -> None:
    row = Conversation.objects.for_user(user_id).filter(uid=accepted.conversation).first()
    if row is not None:
        row.remove()
