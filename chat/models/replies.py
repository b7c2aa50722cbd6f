"""A reply: an assistant message from the moment it is queued, and every change of its state.

    queued --claim--> running --> complete | stopped | interrupted | failed
      ^                 |                    |
      +-- put back -----+                    |
      +------------------ queue again -------+

The row decides who works. `claim` is the only way to `running` and the only thing that raises the
attempt; whatever a producer writes later is fenced by owner and attempt. Lock order: the user's
counter first, then replies by ascending id; a checkpoint locks replies only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from chat.models.attempts import Attempt, Claim, Outcome, Part, Unsaved, joined
from chat.models.catalogue import Choice, choose
from chat.models.changes import Counter
from chat.models.estimates import estimate
from chat.models.locks import limits
from chat.models.messages import (
    OUTCOME_FIELDS,
    QUEUE_FIELDS,
    RELATED_TEXTS,
    START_FIELDS,
    UNFINISHED,
    Message,
    Reason,
    Role,
    Status,
)
from chat.models.processes import Process
from chat.models.questions import question
from chat.models.turns import TurnQuerySet

FAULTS_ALLOWED = 2  # the third ends the reply


class ReplyQuerySet(TurnQuerySet["Reply"]):
    def for_user(self, user_id: int) -> ReplyQuerySet:
        """The replies in this user's conversations: the only door to them."""
        return self.filter(conversation__owner_id=user_id)

    def locked(self, *, skip: bool = False) -> ReplyQuerySet:
        """Locked until the transaction ends, with what their frames tell.

        With `skip`, without those that somebody else has locked.
        """
        return (
            self.select_for_update(no_key=True, of=("self",), skip_locked=skip)
            .select_related("conversation__leaf", "parent")
            .defer(*RELATED_TEXTS)
        )

    # --- queued -> running ----------------------------------------------------------------

    def claim(self, pk: int, owner: int) -> Claim | None:
        """Make the next attempt of this reply if it may run now; else do nothing (None).

        May be called any number of times by anybody. A reply with a stop mark ends here; one that
        has to wait gets the reason why.
        """
        queued = self.filter(pk=pk, status=Status.QUEUED).values_list("user_id", "model").first()
        if queued is None:
            return None
        user_id, model = queued
        choice = choose(model, user_id)  # before the lock: it may decrypt, and look up prices
        with transaction.atomic():
            counter = Counter.objects.lock(user_id)
            reply = self.locked().filter(pk=pk, status=Status.QUEUED).first()
            if reply is None:
                return None
            if reply.stop_requested:
                reply.end(counter, *reply.stored_text(), Outcome(Status.STOPPED))
                return None
            reason = self.reason_to_wait(user_id, reply.conversation_id, reply.turn)
            if reason:
                if reply.reason != reason:
                    reply.reason = reason
                    reply.touch(counter, "reason")
                return None
            if reply.model != model:
                choice = choose(reply.model, user_id)
            return reply.start(counter, owner, choice)

    # --- running --------------------------------------------------------------------------

    def checkpoint(self, owner: int, unsaved: Sequence[Unsaved]) -> dict[int, bool]:
        """Store what is new of all live replies of a process, in one transaction.

        Returns the replies that are still this owner's in this attempt, each with its stop mark;
        one that is missing has been lost and its producer must write nothing more. May be
        repeated with the same parts.
        """
        attempts = {item.reply: item.attempt for item in unsaved}
        with transaction.atomic():
            rows = (
                self.select_for_update(no_key=True)
                .filter(pk__in=attempts, status=Status.RUNNING, owner_id=owner)
                .order_by("pk")
                .values_list("pk", "attempt", "stop_requested", *limits().values())
            )
            held = {pk: stop for pk, attempt, stop, *_ in rows if attempts[pk] == attempt}
            Part.objects.store(item for item in unsaved if item.reply in held)
        return held

    def wait(self, claim: Claim, retry_at: datetime | None, tries: list[dict[str, Any]]) -> None:
        """Tell that a running attempt waits to ask its endpoint again, or (None) no longer does.

        What failed so far is recorded, whatever becomes of the process.
        """
        with transaction.atomic():
            counter = Counter.objects.lock(claim.user)
            reply = self.held(claim)
            if reply is not None:
                reply.reason = Reason.RETRY if retry_at else ""
                reply.retry_at = retry_at
                reply.touch(counter, "reason", "retry_at")
                Attempt.objects.running(claim.reply, claim.attempt).update(tries=tries)

    def held(self, claim: Claim) -> Reply | None:
        """The claimed reply, locked, if it still runs under this claim."""
        return (
            self.locked()
            .filter(
                pk=claim.reply,
                status=Status.RUNNING,
                owner_id=claim.owner,
                attempt=claim.attempt,
            )
            .first()
        )

    def finish(self, claim: Claim, text: str, reasoning: str, outcome: Outcome) -> Reply | None:
        """End an attempt with its whole text; None (and nothing written) if it was lost."""
        with transaction.atomic():
            counter = Counter.objects.lock(claim.user)
            reply = self.held(claim)
            if reply is not None:
                reply.end(counter, text, reasoning, outcome)
            return reply

    # --- running -> queued ----------------------------------------------------------------

    def put_back(
        self, running: ReplyQuerySet, reason: Reason, *, fault: bool, wait: bool = True
    ) -> list[int]:
        """Queue replies whose producer is gone, one transaction per user; returns their ids.

        One with a stop mark ends as `stopped` instead; the third fault ends it too. Without
        `wait`, what somebody has locked is left as it is: nobody's locks keep the others back.
        """
        done = []
        users = running.filter(status=Status.RUNNING).order_by().values_list("user_id", flat=True)
        for user_id in sorted(set(users)):
            with transaction.atomic():
                counters = Counter.objects
                counter = counters.lock(user_id) if wait else counters.lock_if_free(user_id)
                if counter is None:
                    continue
                rows = running.locked(skip=not wait).filter(status=Status.RUNNING, user_id=user_id)
                for reply in list(rows.order_by("pk")):
                    reply.give_up(counter, reason, fault=fault)
                    done.append(reply.pk)
                self.wake_next(user_id)
        return done

    # --- stop -----------------------------------------------------------------------------

    def stop(self, user_id: int, uid: UUID) -> Reply:
        """Ask for the end of a reply; what nobody produces ends at once.

        Repeated, or on a reply that has ended, it changes nothing. Raises `Reply.DoesNotExist`
        for what is not this user's.
        """
        own = self.for_user(user_id)
        reply = own.get(uid=uid)
        if reply.ended is not None:
            return reply
        with transaction.atomic():
            counter = Counter.objects.lock(user_id)
            reply = own.locked().get(uid=uid)
            if reply.status == Status.QUEUED or (
                reply.status == Status.RUNNING and reply.is_orphan()
            ):
                reply.end(counter, *reply.stored_text(), Outcome(Status.STOPPED))
            elif reply.status == Status.RUNNING and not reply.stop_requested:
                reply.stop_requested = True
                reply.save(update_fields=["stop_requested"])
        return reply


class ReplyManager(models.Manager.from_queryset(ReplyQuerySet)):  # type: ignore[misc]
    def get_queryset(self) -> ReplyQuerySet:
        queryset: ReplyQuerySet = super().get_queryset().filter(role=Role.ASSISTANT)
        return queryset


class Reply(Message):
    objects: ClassVar[ReplyManager] = ReplyManager()

    class Meta:
        proxy = True
        verbose_name_plural = "replies"

    def touch(self, counter: Counter, *fields: str) -> None:
        """Save these fields under the user's counter, whose lock the caller holds."""
        counter.record(self, "updated")
        self.save(update_fields=[*fields, "seq"])

    def is_orphan(self) -> bool:
        """Whether no process with a lease produces it."""
        lease = timedelta(seconds=settings.LEASE_SECONDS)
        dead = Process.objects.dead(lease)
        return self.owner_id is None or dead.filter(pk=self.owner_id).exists()

    def can_continue(self) -> bool:
        """Whether *Retry* or *Continue* may make one more attempt of it."""
        ends = (Status.FAILED, Status.STOPPED, Status.INTERRUPTED)
        cut = self.status == Status.COMPLETE and self.finish_reason == "length"
        kept = (self.text + self.reasoning).encode() if self.text else b""
        full = len(kept) > settings.REPLY_BYTES - 4  # where no further character may fit
        return (self.status in ends or cut) and not full and not self.children.exists()

    def stored_text(self) -> tuple[str, str]:
        """Text and reasoning as the rows hold them.

        Of a reply that has not ended: the parts of its current attempt in order, or the folded
        text where there are none.
        """
        if self.status in UNFINISHED:
            parts = list(
                Part.objects.filter(reply=self.pk, attempt=self.attempt)
                .order_by("at")
                .values_list("track", "at", "text")
            )
            if parts:
                return (
                    joined((at, text) for track, at, text in parts if track == "text"),
                    joined((at, text) for track, at, text in parts if track == "reasoning"),
                )
        return self.text, self.reasoning

    def start(self, counter: Counter, owner: int, choice: Choice) -> Claim:
        """Begin the next attempt; `claim` has checked that it may, and holds the locks."""
        offer, endpoint = choice
        text, reasoning = self.stored_text()
        keep = bool(text) and (self.keeps_text or bool(endpoint and endpoint.continues_prefix))
        self.attempt += 1
        Part.objects.filter(reply=self.pk).delete()
        if keep:
            kept = (("text", 0, text),) + ((("reasoning", 0, reasoning),) if reasoning else ())
            Part.objects.store([Unsaved(self.pk, self.attempt, kept)])
        else:
            # Stays stored until this attempt ends, in case it never gets a token.
            self.text, self.reasoning = text, reasoning
            text = reasoning = ""
        self.status = Status.RUNNING
        self.owner_id = owner
        self.reason = ""
        self.retry_at = None
        self.claimed_at = timezone.now()
        self.endpoint = endpoint.name if endpoint else ""
        asked = question(self, offer.context if offer else None, kept=text)
        self.left_out = asked.left_out
        self.touch(counter, *START_FIELDS)
        Attempt.objects.create(
            reply_id=self.pk,
            number=self.attempt,
            started=self.claimed_at,
            endpoint=self.endpoint,
            model=offer.name if offer else "",
            settings=asked.settings,
            left_out=self.left_out,
            kept=len(text),
        )
        return Claim(
            reply=self.pk,
            uid=self.uid,
            user=self.user_id,
            owner=owner,
            attempt=self.attempt,
            model=self.model,
            offer=offer,
            endpoint=endpoint,
            row=self,
            messages=asked.messages,
            settings={k: v for k, v in asked.settings.items() if k != "system"},
            extra=asked.extra,
            text=text,
            reasoning=reasoning,
        )

    def queue_again(self, counter: Counter, *, model: str) -> None:
        """From an end back to `queued`, for a *Retry* or *Continue*."""
        self.status = Status.QUEUED
        self.model = model
        self.turn = counter.value + 1
        self.reason = Reply.objects.reason_to_wait(self.user_id, self.conversation_id, self.turn)
        self.keeps_text = True
        self.stop_requested = False
        self.faults = 0
        self.woken_at = None
        self._clear_outcome()
        self.touch(counter, *QUEUE_FIELDS, "turn", "model", "keeps_text", *OUTCOME_FIELDS)

    def give_up(self, counter: Counter, reason: Reason, *, fault: bool) -> None:
        """From `running` back to `queued`, or to an end: stopped, or faulty once too often."""
        self.faults += fault
        text, reasoning = self.stored_text()
        estimate(self, text, reasoning)
        if self.stop_requested:
            self.end(counter, text, reasoning, Outcome(Status.STOPPED))
        elif self.faults > FAULTS_ALLOWED:
            self.end(
                counter,
                text,
                reasoning,
                Outcome(
                    Status.INTERRUPTED,
                    error_code="server_error",
                    error_message="The server failed three times while it produced this reply.",
                ),
            )
        else:
            Attempt.objects.lose(self, reason)
            self.status = Status.QUEUED
            self.owner = None
            self.reason = reason
            self.retry_at = None
            self.woken_at = None
            self.touch(counter, *QUEUE_FIELDS)

    def end(self, counter: Counter, text: str, reasoning: str, outcome: Outcome) -> None:
        """Fold the text into the row, store the outcome and wake what waited behind.

        `interrupted` has text, `failed` has none: whichever was meant, the text decides. An
        attempt that ends without a token keeps the text of an earlier one.
        """
        if not text and self.text:
            text, reasoning = self.text, self.reasoning
            if outcome.status == Status.COMPLETE:
                outcome = replace(
                    outcome,
                    status=Status.INTERRUPTED,
                    error_code="empty",
                    error_message="The model added nothing when it was asked to go on.",
                )
        status = outcome.status
        if status in (Status.INTERRUPTED, Status.FAILED):
            status = Status.INTERRUPTED if text else Status.FAILED
        self.status = status
        self.text, self.reasoning = text, reasoning
        self.length, self.reasoning_length = len(text), len(reasoning)
        self.sha256 = hashlib.sha256(text.encode()).hexdigest()
        self.finish_reason = outcome.finish_reason
        self.error_code = outcome.error_code
        self.error_message = outcome.error_message
        self.error_detail = outcome.error_detail
        Attempt.objects.close(self, replace(outcome, status=status))
        self.usage, self.cost = outcome.usage, outcome.cost
        if self.attempt > 1 or outcome.usage is None:
            self.usage, self.cost = Attempt.objects.totals(self)
        self.answered_by = outcome.answered_by
        self.first_token_ms = outcome.first_token_ms
        self.reasoning_ms = outcome.reasoning_ms
        self.total_ms = outcome.total_ms
        self.ended = timezone.now()
        self.owner = None
        self.reason = ""
        self.retry_at = None
        self.touch(counter, *QUEUE_FIELDS, "text", "reasoning", *OUTCOME_FIELDS)
        Part.objects.filter(reply=self.pk).delete()
        self.conversation.refresh_running()
        self.conversation.updated = self.ended
        self.conversation.touch(counter, "running", "updated")
        Reply.objects.wake_next(self.user_id)

    def _clear_outcome(self) -> None:
        self.finish_reason = self.error_code = self.error_message = self.error_detail = ""
        self.answered_by = self.sha256 = ""
        self.length = self.reasoning_length = self.usage = None
        self.first_token_ms = self.reasoning_ms = self.total_ms = None
        self.ended = None
