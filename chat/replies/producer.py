"""The task that runs one attempt: reads the upstream, grows the text, ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.utils import timezone
from structlog.contextvars import bind_contextvars, clear_contextvars

from chat import metrics
from chat.database.faults import is_logged, reason
from chat.database.threads import BAD_DATA, GENERATION
from chat.models import Claim, Outcome, Reply, Status, Unsaved, replace_text
from chat.protocol import clean
from chat.protocol.sentences import BROKEN
from chat.replies import retries
from chat.replies.cuts import Cut
from chat.replies.live import LiveReply
from chat.replies.size import Size
from chat.replies.upstream_requests import continues_prefix, request_of
from chat.replies.usage_meter import UsageMeter
from chat.upstream import HINTS, AnswerFacts, Batch, Client, UpstreamError
from chat.upstream.overlap import TextOverlap

logger = structlog.stdlib.get_logger(__name__)


class Producer:
    """Runs one claimed attempt. The process owns the task; `run` ends by itself or by `cut`."""

    def __init__(
        self,
        claim: Claim,
        live: LiveReply,
        client: Client | None,
        pause: Callable[[], Awaitable[None]],
        draining: Callable[[], bool],
        storing: asyncio.Lock,
    ) -> None:
        self.claim = claim
        self.live = live
        self.client = client
        self._pause = pause
        self._draining = draining
        self._storing = storing
        """Held while text of this process is stored."""
        self._cut: Cut | None = None
        self._task: asyncio.Task[None] | None = None
        self._reading = False
        # Text that the claim has stored already counts as saved.
        self._saved = {"text": len(claim.text), "reasoning": len(claim.reasoning)}
        self._has_parts = bool(claim.text or claim.reasoning)
        """True if some of the text may be stored already, apart from the row."""
        # An endpoint that continues a prefix does not repeat it; one asked in words may.
        self._prefix = continues_prefix(claim)
        self._overlap = TextOverlap("" if self._prefix else claim.text)
        self._size = Size(claim.text, claim.reasoning)
        self._refused: set[str] = set()
        self._meter = UsageMeter(claim)
        self._tries: list[dict[str, Any]] = []
        self.seen: Outcome | None = None
        """The cost of a cut attempt, for its record."""
        self._facts = AnswerFacts()
        self.ending = False
        """True while its end is being stored, which a checkpoint may see first."""
        self._waits = False
        """True while it waits for the database itself, apart from checkpoints."""

    @property
    def handed_over(self) -> bool:
        """True if the drain has cut it: the drain stores its text and puts the row back."""
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
        """Wait until the attempt has ended and its end is stored, or given up."""
        if self._task is not None:
            await asyncio.wait([self._task])

    # --- checkpoints ----------------------------------------------------------------------

    def unsaved(self) -> Unsaved:
        """Text that no checkpoint has stored; even empty parts bring back the stop mark."""
        parts = tuple(
            (track, self._saved[track], text)
            for track in ("text", "reasoning")
            if (text := getattr(self.live, track).after(self._saved[track]))
        )
        self._has_parts = self._has_parts or bool(parts)
        return Unsaved(self.claim.reply, self.claim.attempt, parts)

    def saved(self, stored: Unsaved) -> None:
        for track, at, text in stored.parts:
            self._saved[track] = at + len(text)

    def checked(self, trouble: str) -> None:
        """Tell followers the reason why the last checkpoint could not be stored; "" if it was."""
        if trouble or not self._waits:
            self.live.set_trouble(trouble)

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
                error_message=BROKEN,
            )
        if self._draining() and outcome.status in (Status.INTERRUPTED, Status.FAILED):
            # Ctrl-C reaches the model server too: the drain cuts requests that break now.
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
        """Repeat the request after passing failures, as long as there has been no token."""
        while True:
            try:
                return await self._ask(model)
            except UpstreamError as problem:
                answered = self._meter.first_token_ms is not None
                delay = retries.delay(problem, len(self._tries) + 1, settings.UPSTREAM_TRIES)
                again = not answered and not self._draining()
                if problem.setting == "prefix" and self._prefix and again:
                    # This model cannot go on by itself, even if its endpoint can: ask in words.
                    self._note(problem, 0)
                    self._prefix, self._overlap = False, TextOverlap(self.claim.text)
                    continue
                if problem.setting in HINTS - self._refused and again:
                    self._note(problem, 0)
                    self._refused.add(problem.setting)
                    continue
                self._note(problem, delay if again else None)
                if delay is None or not again:
                    return self._fault(problem)
                await self._wait(delay)

    def _note(self, problem: UpstreamError, wait: float | None) -> None:
        """Record a failed request for staff, and count it."""
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
        """Wait, visibly to the user, until the time is over or somebody stops the reply."""
        due = timezone.now() + timedelta(seconds=seconds)
        await self._store_wait(due)
        await asyncio.sleep(seconds)
        await self._store_wait(None)

    async def _store_wait(self, due: datetime | None) -> None:
        try:
            await GENERATION.run_for(
                self.claim.user, Reply.objects.wait, self.claim, due, list(self._tries)
            )
        except DatabaseError as problem:
            logger.warning("reply %s: wait not stored: %s", self.claim.uid, type(problem).__name__)

    async def _ask(self, model: str) -> Outcome:
        """One request and its answer. Raises UpstreamError, after all text that came before it."""
        assert self.client is not None
        asked = request_of(self.claim, model, prefix=self._prefix, without=self._refused)
        async with self.client.stream(asked) as stream:
            try:
                async for batch in stream:
                    fits = await self._replace(batch) if batch.replaces else self._add(batch)
                    if not fits:
                        return self._outcome(Status.COMPLETE, finish_reason="length")
                    if not stream.ended:
                        await self._pause()
            finally:
                self._grow(self._overlap.rest(), "")
                self._facts = stream.facts
        if not stream.complete:
            return self._outcome(
                Status.INTERRUPTED,
                error_code="early_end",
                error_message="The model's server ended the reply before it was complete.",
                error_detail=stream.detail,
            )
        return self._outcome(Status.COMPLETE, finish_reason=stream.finish_reason or "")

    def _add(self, batch: Batch) -> bool:
        return self._grow(self._overlap.remove(batch.text), batch.reasoning)

    async def _replace(self, batch: Batch) -> bool:
        """Replace the text so far by another text of the same answer.

        Carried out even where the attempt is cut meanwhile, so that row and memory agree. False
        when the reply has reached its largest size.
        """
        claim = self.claim
        self._overlap = TextOverlap("" if self._prefix else claim.text)
        self._meter.begin_again()
        self._size = Size(claim.text, claim.reasoning)
        text, reasoning, fits = self._fit(self._overlap.remove(batch.text), batch.reasoning)
        storing = asyncio.ensure_future(
            self._store_anew(claim.text + text, claim.reasoning + reasoning)
        )
        try:
            await asyncio.shield(storing)
        except asyncio.CancelledError:
            await asyncio.wait([storing])
            raise
        return fits

    async def _store_anew(self, text: str, reasoning: str) -> None:
        while self._cut is None:
            try:
                self._has_parts = True
                async with self._storing:
                    claim = await GENERATION.run_for(
                        self.claim.user, replace_text, self.claim, text, reasoning
                    )
                    if claim is None:
                        self.cut(Cut.LOST)
                        return
                    self.claim = claim
                    self._saved = {"text": len(text), "reasoning": len(reasoning)}
                    self._waits = False
                    self.live.begin(claim.attempt, claim.model, text, reasoning)
                    return
            except BAD_DATA:
                raise
            except DatabaseError as problem:
                await self._wait_for_database("its text", problem)

    def _grow(self, text: str, reasoning: str) -> bool:
        """Append new text; False when the reply has reached its largest size."""
        text, reasoning, fits = self._fit(text, reasoning)
        self.live.append(text, reasoning)
        return fits

    def _fit(self, text: str, reasoning: str) -> tuple[str, str, bool]:
        """The part of it that fits into the reply, and True if that is all."""
        if not text and not reasoning:
            return text, reasoning, True
        self._meter.count(text, reasoning)
        return self._size.fit(text, reasoning)

    def _fault(self, problem: UpstreamError) -> Outcome:
        logger.warning(
            "reply %s: upstream %s (status %s)", self.claim.uid, problem.code, problem.status
        )
        return self._outcome(
            Status.INTERRUPTED,
            error_code=problem.code,
            error_message=problem.message,
            error_detail=problem.detail,
            retry_after=problem.retry_after if problem.code == "rate_limited" else None,
        )

    def _outcome(
        self,
        status: Status,
        *,
        finish_reason: str = "",
        error_code: str = "",
        error_message: str = "",
        error_detail: str = "",
        retry_after: float | None = None,
    ) -> Outcome:
        usage = self._meter.usage(self._facts.usage)
        return Outcome(
            status=status,
            finish_reason=clean(finish_reason)[:40],
            error_code=error_code[:40],
            error_message=clean(error_message),
            error_detail=clean(error_detail),
            retry_after=retry_after,
            usage=usage,
            cost=self._meter.cost(usage),
            answered_by=clean(self._facts.model or "")[:200],
            tries=self._tries,
            first_token_ms=self._meter.first_token_ms,
            reasoning_ms=self._meter.reasoning_ms(),
            total_ms=self._meter.elapsed_ms(),
        )

    async def _store(self, outcome: Outcome) -> None:
        """Write the end, for as long as it takes: an end that is not stored is never published.

        Followers hear of it from the commit.
        """
        self.ending = True
        text, reasoning = self.live.text.whole(), self.live.reasoning.whole()
        while True:
            try:
                finish = partial(Reply.objects.finish, has_parts=lambda: self._has_parts)
                row = await GENERATION.run_for(
                    self.claim.user, finish, self.claim, text, reasoning, outcome
                )
            except BAD_DATA:
                logger.exception("reply %s: its end cannot be stored", self.claim.uid)
                return  # the sweep takes it up as a fault
            except DatabaseError as problem:
                await self._wait_for_database("its end", problem)
            else:
                self._ended(row, outcome)
                return

    async def _wait_for_database(self, step: str, problem: DatabaseError) -> None:
        if not is_logged(problem):
            name = type(problem).__name__
            logger.warning("reply %s: %s waits for the database: %s", self.claim.uid, step, name)
        self._waits = True
        self.live.set_trouble(reason(problem))
        await asyncio.sleep(1)

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
