"""The task that runs one attempt: reads the upstream, grows the text, ends it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum

from django.conf import settings
from django.db import Error as DatabaseError
from django.utils import timezone

from chat.models import Claim, Outcome, Reply, Status, Unsaved
from chat.protocol import clean
from chat.replies import retries
from chat.replies.database import BAD_DATA, GENERATION
from chat.replies.live import LiveReply
from chat.replies.seam import Seam
from chat.upstream import ChatRequest, Client, UpstreamError, Usage

logger = logging.getLogger(__name__)

GO_ON = (
    "Continue exactly where your last message stopped, in the middle of a word if need be. "
    "Do not repeat any of it, and do not say that you continue."
)


class Cut(Enum):
    """Why somebody other than the upstream ends an attempt."""

    STOP = "stop"
    DRAIN = "drain"
    """Hand it over: put back to `queued` by the drain."""
    LOST = "lost"
    """The row belongs to somebody else, or is gone: write and publish nothing more."""


class Producer:
    """Runs one claimed attempt. The process owns the task; `run` ends by itself or by `cut`."""

    def __init__(
        self,
        claim: Claim,
        live: LiveReply,
        client: Client | None,
        pace: Callable[[], float],
        draining: Callable[[], bool],
    ) -> None:
        self.claim = claim
        self.live = live
        self._client = client
        self._pace = pace
        self._draining = draining
        self._cut: Cut | None = None
        self._task: asyncio.Task[None] | None = None
        self._reading = False
        # What the claim has stored already counts as saved.
        self._saved = {"text": len(claim.text), "reasoning": len(claim.reasoning)}
        # An endpoint that continues a prefix does not repeat it; one that is told to go on may.
        self._seam = Seam("" if self._continues_prefix else claim.text)
        self._bytes = len(claim.text.encode()) + len(claim.reasoning.encode())
        self._started = asyncio.get_running_loop().time()
        self._first_token_ms: int | None = None
        self._told: Usage | None = None
        self._answered_by = ""

    @property
    def handed_over(self) -> bool:
        """Whether the drain has cut it: its text is stored, and the row put back, by the drain."""
        return self._cut is Cut.DRAIN

    def start(self, on_done: Callable[[Producer], None]) -> None:
        name = f"reply-{self.claim.uid}-{self.claim.attempt}"
        self._task = asyncio.create_task(self.run(), name=name)
        self._task.add_done_callback(lambda _: on_done(self))

    def cut(self, why: Cut) -> None:
        """End the attempt now; the upstream connection closes at once. Repeated: no effect."""
        if self._cut is Cut.LOST or (why is Cut.STOP and self._cut is not None):
            return
        self._cut = why
        if self._task is not None and (self._reading or why is not Cut.STOP):
            self._task.cancel()

    async def wait(self) -> None:
        """Until the attempt has ended and its end is stored, or given up."""
        if self._task is not None:
            await asyncio.wait([self._task])

    # --- what checkpoints store -----------------------------------------------------------

    def unsaved(self) -> Unsaved:
        """What no checkpoint has stored; empty parts are fine, the stop mark comes back anyway."""
        parts = tuple(
            (track, self._saved[track], text)
            for track in ("text", "reasoning")
            if (text := getattr(self.live, track).after(self._saved[track]))
        )
        return Unsaved(self.claim.reply, self.claim.attempt, parts)

    def saved(self, stored: Unsaved) -> None:
        for track, at, text in stored.parts:
            self._saved[track] = at + len(text)

    # --- the attempt ----------------------------------------------------------------------

    async def run(self) -> None:
        try:
            outcome = await self._read()
        except asyncio.CancelledError:
            if self._cut is not Cut.STOP:
                return  # the row is put back or belongs to somebody else
            outcome = self._outcome(Status.STOPPED)
        except Exception:
            logger.exception("reply %s: the producer failed", self.claim.uid)
            outcome = self._outcome(
                Status.INTERRUPTED,
                error_code="server_error",
                error_message="Something went wrong on this server.",
            )
        if self._draining() and outcome.status in (Status.INTERRUPTED, Status.FAILED):
            # Ctrl-C reaches the model server too: what breaks now is cut by the drain.
            self._cut = Cut.DRAIN
            return
        await self._store(outcome)

    async def _read(self) -> Outcome:
        if self._client is None or self.claim.offer is None:
            return self._outcome(
                Status.FAILED,
                error_code="no_model",
                error_message="The model of this reply is no longer offered. Choose another one.",
            )
        self._reading = True
        try:
            if self._cut is Cut.STOP:
                return self._outcome(Status.STOPPED)
            return await self._ask_until_answered(self.claim.offer.name)
        finally:
            self._reading = False

    async def _ask_until_answered(self, model: str) -> Outcome:
        """Ask again after what may pass, for as long as there has been no token."""
        tries = 0
        while True:
            tries += 1
            try:
                return await self._ask(model)
            except UpstreamError as problem:
                answered = self._first_token_ms is not None
                delay = retries.delay(problem, tries, settings.UPSTREAM_TRIES)
                if answered or delay is None or self._draining():
                    return self._fault(problem)
                await self._wait(delay)

    async def _wait(self, seconds: float) -> None:
        """Visible to the user, and over at once when somebody stops the reply."""
        due = timezone.now() + timedelta(seconds=seconds)
        await self._tell_wait(due)
        await asyncio.sleep(seconds)
        await self._tell_wait(None)

    async def _tell_wait(self, due: datetime | None) -> None:
        try:
            await GENERATION.run(Reply.objects.wait, self.claim, due)
        except DatabaseError as problem:
            logger.warning("reply %s: a wait untold: %s", self.claim.uid, type(problem).__name__)

    async def _ask(self, model: str) -> Outcome:
        """One request and its answer. Raises UpstreamError, after all text that came before it."""
        assert self._client is not None
        async with self._client.stream(self._request(model)) as stream:
            try:
                async for batch in stream:
                    if not self._grow(self._seam.join(batch.text), batch.reasoning):
                        return self._outcome(Status.COMPLETE, finish_reason="length")
                    if not stream.ended:
                        await asyncio.sleep(self._pace())
            finally:
                self._grow(self._seam.rest(), "")
                self._told, self._answered_by = stream.usage, stream.model or ""
        if stream.finish_reason is None:
            return self._outcome(
                Status.INTERRUPTED,
                error_code="early_end",
                error_message="The model's server ended the reply before it was complete.",
            )
        return self._outcome(Status.COMPLETE, finish_reason=stream.finish_reason)

    def _request(self, model: str) -> ChatRequest:
        messages = list(self.claim.messages)
        if not self.claim.text:
            return ChatRequest(model=model, messages=messages)
        messages.append({"role": "assistant", "content": self.claim.text})
        if not self._continues_prefix:
            messages.append({"role": "user", "content": GO_ON})
        return ChatRequest(model=model, messages=messages, prefix=self._continues_prefix)

    @property
    def _continues_prefix(self) -> bool:
        return self.claim.endpoint is not None and self.claim.endpoint.continues_prefix

    def _grow(self, text: str, reasoning: str) -> bool:
        """Append what has arrived; False when the reply has reached its largest size."""
        if not text and not reasoning:
            return True
        if self._first_token_ms is None:
            self._first_token_ms = self._elapsed_ms()
        size = len(text.encode()) + len(reasoning.encode())
        room = settings.REPLY_BYTES - self._bytes
        if size > room:
            reasoning = _first_bytes(reasoning, room)
            text = _first_bytes(text, room - len(reasoning.encode()))
        self._bytes += size
        self.live.append(text, reasoning)
        return size <= room

    def _fault(self, problem: UpstreamError) -> Outcome:
        logger.warning(
            "reply %s: upstream %s (status %s)", self.claim.uid, problem.code, problem.status
        )
        return self._outcome(
            Status.INTERRUPTED,
            error_code=problem.code,
            error_message=problem.message,
            error_detail=problem.detail,
        )

    def _outcome(
        self,
        status: Status,
        *,
        finish_reason: str = "",
        error_code: str = "",
        error_message: str = "",
        error_detail: str = "",
    ) -> Outcome:
        return Outcome(
            status=status,
            finish_reason=clean(finish_reason)[:40],
            error_code=error_code[:40],
            error_message=clean(error_message),
            error_detail=clean(error_detail),
            usage=self._usage(),
            answered_by=clean(self._answered_by)[:200],
            first_token_ms=self._first_token_ms,
            total_ms=self._elapsed_ms(),
        )

    def _usage(self) -> dict[str, object] | None:
        """Tokens as the endpoint counted them, else estimated; None before the first token."""
        if self._told is not None:
            return {
                "prompt_tokens": self._told.prompt_tokens,
                "completion_tokens": self._told.completion_tokens,
                "estimated": False,
            }
        kept = len(self.claim.text) + len(self.claim.reasoning)
        new = self.live.text.length + self.live.reasoning.length - kept
        if self._first_token_ms is None:
            return None
        # About four characters a token: good enough to show, and marked as what it is.
        prompt = sum(len(message["content"]) for message in self.claim.messages)
        return {
            "prompt_tokens": -(-prompt // 4),
            "completion_tokens": -(-max(new, 1) // 4),
            "estimated": True,
        }

    def _elapsed_ms(self) -> int:
        return round((asyncio.get_running_loop().time() - self._started) * 1000)

    async def _store(self, outcome: Outcome) -> None:
        """Write the end, for as long as it takes: an end that is not stored is never published.

        Followers hear of it from the commit.
        """
        text, reasoning = self.live.text.whole(), self.live.reasoning.whole()
        while True:
            try:
                await GENERATION.run(Reply.objects.finish, self.claim, text, reasoning, outcome)
            except BAD_DATA:
                logger.exception("reply %s: its end cannot be stored", self.claim.uid)
                return  # the sweep takes it up as a fault
            except DatabaseError as problem:
                logger.warning(
                    "reply %s: its end waits for the database: %s",
                    self.claim.uid,
                    type(problem).__name__,
                )
                await asyncio.sleep(1)
            else:
                return


def _first_bytes(text: str, limit: int) -> str:
    return text.encode()[: max(limit, 0)].decode(errors="ignore")
