"""The task that runs one attempt: reads the upstream, grows the text, ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.utils import timezone
from structlog.contextvars import bind_contextvars, clear_contextvars

from chat import metrics
from chat.models import Claim, Outcome, Reply, Status, Unsaved
from chat.protocol import clean
from chat.replies import retries
from chat.replies.asking import continues_prefix, request_of
from chat.replies.database import BAD_DATA, GENERATION
from chat.replies.live import LiveReply
from chat.replies.meter import Meter
from chat.replies.seam import Seam
from chat.upstream import Client, UpstreamError, Usage

logger = structlog.stdlib.get_logger(__name__)


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
        self.client = client
        self._pace = pace
        self._draining = draining
        self._cut: Cut | None = None
        self._task: asyncio.Task[None] | None = None
        self._reading = False
        # What the claim has stored already counts as saved.
        self._saved = {"text": len(claim.text), "reasoning": len(claim.reasoning)}
        # An endpoint that continues a prefix does not repeat it; one that is told to go on may.
        self._prefix = continues_prefix(claim)
        self._seam = Seam("" if self._prefix else claim.text)
        self._bytes = len(claim.text.encode()) + len(claim.reasoning.encode())
        self._meter = Meter(claim)
        self._tries: list[dict[str, Any]] = []
        self.seen: Outcome | None = None
        """What a cut attempt took, for its record."""
        self._told: Usage | None = None
        self._answered_by = ""
        self._thought = False

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
        self._bind()
        logger.info("reply claimed", model=self.claim.model)
        try:
            outcome = await self._read()
        except asyncio.CancelledError:
            if self._cut is not Cut.STOP:
                logger.info("reply given up", why=self._cut and self._cut.value)
                self.seen = self._outcome(Status.INTERRUPTED)
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
            self.seen = outcome
            return
        await self._store(outcome)

    def _bind(self) -> None:
        """Log lines of this task are about this reply, whatever woke it."""
        clear_contextvars()
        bind_contextvars(
            conversation=str(self.claim.row.conversation.uid),
            reply=str(self.claim.uid),
            attempt=self.claim.attempt,
            user=str(self.claim.user),
        )

    async def _read(self) -> Outcome:
        offer, endpoint = self.claim.offer, self.claim.endpoint
        if self.client is None or offer is None or endpoint is None:
            return self._outcome(
                Status.FAILED,
                error_code="no_model",
                error_message="The model of this reply is no longer offered. Choose another one.",
            )
        if endpoint.problem:
            return self._fault(
                UpstreamError("unreadable_key", endpoint.label, detail=endpoint.problem)
            )
        self._reading = True
        try:
            if self._cut is Cut.STOP:
                return self._outcome(Status.STOPPED)
            return await self._ask_until_answered(offer.name)
        finally:
            self._reading = False

    async def _ask_until_answered(self, model: str) -> Outcome:
        """Ask again after what may pass, for as long as there has been no token."""
        while True:
            try:
                return await self._ask(model)
            except UpstreamError as problem:
                answered = self._meter.first_token_ms is not None
                delay = retries.delay(problem, len(self._tries) + 1, settings.UPSTREAM_TRIES)
                again = not answered and not self._draining()
                if problem.setting == "prefix" and self._prefix and again:
                    # This model cannot go on by itself, whatever its endpoint can: it is told to.
                    self._note(problem, 0)
                    self._prefix, self._seam = False, Seam(self.claim.text)
                    continue
                self._note(problem, delay if again else None)
                if delay is None or not again:
                    return self._fault(problem)
                await self._wait(delay)

    def _note(self, problem: UpstreamError, wait: float | None) -> None:
        """Keep for staff, and count, what became of one request."""
        metrics.count_error(self._labels()[0], problem.code, again=wait is not None)
        self._tries.append(
            {
                "at": timezone.now().isoformat(timespec="milliseconds"),
                "code": problem.code,
                "status": problem.status,
                "detail": clean(problem.detail),
                "wait": None if wait is None else round(wait, 3),
            }
        )

    async def _wait(self, seconds: float) -> None:
        """Visible to the user, and over at once when somebody stops the reply."""
        due = timezone.now() + timedelta(seconds=seconds)
        await self._tell_wait(due)
        await asyncio.sleep(seconds)
        await self._tell_wait(None)

    async def _tell_wait(self, due: datetime | None) -> None:
        try:
            await GENERATION.run(Reply.objects.wait, self.claim, due, list(self._tries))
        except DatabaseError as problem:
            logger.warning("reply %s: a wait untold: %s", self.claim.uid, type(problem).__name__)

    async def _ask(self, model: str) -> Outcome:
        """One request and its answer. Raises UpstreamError, after all text that came before it."""
        assert self.client is not None
        async with self.client.stream(request_of(self.claim, model, prefix=self._prefix)) as stream:
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
                error_detail=stream.detail,
            )
        return self._outcome(Status.COMPLETE, finish_reason=stream.finish_reason)

    def _grow(self, text: str, reasoning: str) -> bool:
        """Append what has arrived; False when the reply has reached its largest size."""
        if not text and not reasoning:
            return True
        self._meter.count(text, reasoning)
        if reasoning and not self._thought and self.claim.reasoning:
            reasoning = f"\n\n{reasoning}"  # thoughts begin anew, they do not go on
        self._thought = self._thought or bool(reasoning)
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
        usage = self._meter.usage(self._told)
        return Outcome(
            status=status,
            finish_reason=clean(finish_reason)[:40],
            error_code=error_code[:40],
            error_message=clean(error_message),
            error_detail=clean(error_detail),
            usage=usage,
            cost=self._meter.cost(usage),
            answered_by=clean(self._answered_by)[:200],
            tries=self._tries,
            first_token_ms=self._meter.first_token_ms,
            reasoning_ms=self._meter.reasoning_ms(),
            total_ms=self._meter.elapsed_ms(),
        )

    async def _store(self, outcome: Outcome) -> None:
        """Write the end, for as long as it takes: an end that is not stored is never published.

        Followers hear of it from the commit.
        """
        text, reasoning = self.live.text.whole(), self.live.reasoning.whole()
        while True:
            try:
                row = await GENERATION.run(
                    Reply.objects.finish, self.claim, text, reasoning, outcome
                )
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
                self._ended(row, outcome)
                return

    def _ended(self, row: Reply | None, outcome: Outcome) -> None:
        """Count and log a stored end; without a row, another process has the reply."""
        if row is None:
            logger.info("reply lost")
            return
        metrics.count_end(*self._labels(), row.status, row.error_code, outcome)
        usage = outcome.usage or {}
        logger.info(
            "reply ended",
            state=row.status,
            code=row.error_code or None,
            prompt_tokens=usage.get("prompt_tokens"),
            completion_tokens=usage.get("completion_tokens"),
            first_token_ms=outcome.first_token_ms,
            ms=outcome.total_ms,
        )

    def _labels(self) -> tuple[str, str]:
        """Endpoint and model as the catalogue names them."""
        offer, endpoint = self.claim.offer, self.claim.endpoint
        return endpoint.name if endpoint else "", offer.name if offer else ""


def _first_bytes(text: str, limit: int) -> str:
    return text.encode()[: max(limit, 0)].decode(errors="ignore")
