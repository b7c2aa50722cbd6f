"""A reply: an assistant message from the moment it is queued, and every change of its state.

    queued --claim--> running --> complete | stopped | interrupted | failed
      ^                 |                    |
      +-- put back -----+                    |
      +------------------ queue again -------+

The row decides who works. `claim` is the only way to `running` and raises the attempt, which beside
it only `moved_text.py` does, for the owner; whatever a producer writes later is fenced by owner and
attempt. Lock order: the user's counter first, then replies by ascending id; a checkpoint locks
replies only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import copy
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models, transaction

from chat.database.locks import lock_running
from chat.database.statements import insert, update
from chat.models.api_calls import ApiCall
from chat.models.attempting.claiming import begin, claim_of
from chat.models.attempting.ending import FAULTS_ALLOWED, FAULTY, conclude, left_by, reopen
from chat.models.attempting.estimates import estimate
from chat.models.attempting.prompts import build_prompt
from chat.models.attempting.turns import (
    TurnQuerySet,
    Unfinished,
    first_in_line,
    reason_to_wait,
    unfinished,
    wake_next,
)
from chat.models.attempts import Attempt, Claim, Part, Unsaved, joined
from chat.models.changes import Counter, Deactivated, wake
from chat.models.commands.titling import ask_for_title
from chat.models.messages import (
    END_FIELDS,
    OUTCOME_FIELDS,
    QUEUE_FIELDS,
    RELATED_TEXTS,
    START_FIELDS,
    Message,
)
from chat.models.outcomes import Outcome
from chat.models.processes import Process
from chat.models.reading.catalogue import Choice, choose
from chat.models.search_index import IndexEntry, exchange, index_exchange
from chat.models.values.states import UNFINISHED, Reason, Role, Status

PUT_BACK_AT_ONCE = 50

AGAIN_FIELDS = (*QUEUE_FIELDS, "turn", "token", "model", "keeps_text", *OUTCOME_FIELDS)
"""Columns that a *Retry* or *Continue* changes."""


class ClaimLost(Exception):
    """The reply no longer runs under the claim that its end was to be stored for."""


class ReplyQuerySet(TurnQuerySet["Reply"]):
    def for_user(self, user_id: int) -> ReplyQuerySet:
        """The replies in this user's conversations: the only door to them."""
        return self.filter(conversation__owner_id=user_id, conversation__deleted_at=None)

    def locked(self, *, skip: bool = False) -> ReplyQuerySet:
        """Lock them (`skip`: those that nobody else has) for the transaction, for their frames."""
        return (
            self.select_for_update(no_key=True, of=("self",), skip_locked=skip)
            .select_related("conversation__leaf", "parent")
            .defer(*RELATED_TEXTS)
        )

    # --- queued -> running ----------------------------------------------------------------

    def claim(self, pk: int, owner: int, waiting: tuple[int, str] | None = None) -> Claim | None:
        """Make the next attempt of this reply if it may run now; else do nothing (None).

        May be called any number of times by anybody. A reply with a stop mark ends here, and so
        does one of a deactivated user; one that has to wait gets the reason why. `waiting` is
        its earlier result, if there is one.
        """
        waiting = waiting or self.waiting(pk)
        if waiting is None:
            return None
        user_id, model = waiting
        choice = choose(model, user_id)  # before the lock: it may decrypt, and look up prices
        with suppress(Deactivated), Counter.objects.held(user_id) as counter:
            reply = self.locked().filter(pk=pk, status=Status.QUEUED).first()
            if reply is None:
                return None
            if reply.stop_requested or not counter.active:
                reply.end(counter, *reply.stored_text(), Outcome(Status.STOPPED))
                return None
            rows = unfinished(user_id)
            reason = reason_to_wait(rows, reply.conversation_id, reply.turn, reply.token_id)
            if reason:
                if reply.reason != reason:
                    reply.reason = reason
                    reply.touch(counter, "reason")
                return None
            if reply.model != model:
                choice = choose(reply.model, user_id)
            call = None
            if reply.conversation.source:
                call = ApiCall.objects.filter(reply=reply.pk).first()
            return reply.start(counter, owner, choice, call)
        return None  # it is asked for again, and ends

    # --- running --------------------------------------------------------------------------

    def checkpoint(self, owner: int, unsaved: Sequence[Unsaved]) -> dict[int, bool]:
        """Store the new text of all live replies of a process, in one transaction.

        Returns the replies that are still this owner's in this attempt, each with its stop mark;
        one that is missing has been lost and its producer must write nothing more. May be
        repeated with the same parts.
        """
        attempts = {item.reply: item.attempt for item in unsaved}
        with transaction.atomic():
            rows = lock_running(owner, list(attempts))
            held = {pk: stop for pk, attempt, stop in rows if attempts[pk] == attempt}
            Part.objects.store(item for item in unsaved if item.reply in held)
        return held

    def wait(self, claim: Claim, retry_at: datetime | None, tries: list[dict[str, Any]]) -> None:
        """Store that a running attempt waits to ask its endpoint again, or (None) no longer does.

        Its failures so far are recorded, even if the process dies.
        """
        with Counter.objects.held(claim.user) as counter:
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
            .filter(pk=claim.reply, attempt=claim.attempt)
            .filter(status=Status.RUNNING, owner_id=claim.owner)
            .first()
        )

    def finish(
        self,
        claim: Claim,
        text: str,
        reasoning: str,
        outcome: Outcome,
        has_parts: Callable[[], bool] = lambda: True,
    ) -> Reply | None:
        """End an attempt with its whole text; None (and nothing written) if it was lost.

        The row is not read again: nobody else changes it while it runs under this claim. Asked
        under its lock, when no checkpoint can store text of it any more, `has_parts` says whether
        one may have.
        """
        reply = copy(claim.row)
        assert isinstance(reply, Reply)
        reply.attempt = claim.attempt
        reply.entries = exchange(reply, text or reply.text)  # before others wait for it
        try:
            with Counter.objects.held(claim.user) as counter:
                reply.end_if_running(counter, text, reasoning, outcome, claim.record, has_parts)
        except ClaimLost:
            return None
        return reply

    # --- running -> queued ----------------------------------------------------------------

    def put_back(
        self, running: ReplyQuerySet, reason: Reason, *, fault: bool, wait: bool = True
    ) -> list[int]:
        """Queue replies whose producer is gone, in transactions per user; returns their ids.

        One with a stop mark ends as `stopped` instead; the third fault ends it too. Without
        `wait`, locked rows are left as they are, so that nobody's locks keep the others back.
        """
        done = []
        users = running.filter(status=Status.RUNNING).order_by().values_list("user_id", flat=True)
        for user_id in sorted(set(users)):
            while some := running.put_some_back(user_id, reason, fault=fault, wait=wait):
                done += some
        return done

    def put_some_back(self, user_id: int, reason: Reason, *, fault: bool, wait: bool) -> list[int]:
        """Queue a user's next few, in a transaction of their own: it is kept, whatever comes."""
        held = Counter.objects.held if wait else Counter.objects.held_if_free
        with held(user_id) as counter:
            if counter is None:
                return []
            rows = self.locked(skip=not wait).filter(status=Status.RUNNING, user_id=user_id)
            some = list(rows.order_by("pk")[:PUT_BACK_AT_ONCE])
            for reply in some:
                reply.give_up(counter, reason, fault=fault)
            if some:
                wake_next(user_id)
        return [reply.pk for reply in some]

    # --- stop -----------------------------------------------------------------------------

    def stop(self, user_id: int, uid: UUID) -> Reply:
        """Ask for the end of a reply; one that nobody produces ends at once.

        Repeated, or on a reply that has ended, it changes nothing. Raises `Reply.DoesNotExist`
        for somebody else's.
        """
        own = self.for_user(user_id)
        reply = own.get(uid=uid)
        if reply.ended is not None:
            return reply
        with Counter.objects.held(user_id) as counter:
            reply = own.locked().get(uid=uid)
            reply.stop(counter)
        return reply


class ReplyManager(models.Manager.from_queryset(ReplyQuerySet)):  # type: ignore[misc]
    def get_queryset(self) -> ReplyQuerySet:
        queryset: ReplyQuerySet = super().get_queryset().filter(role=Role.ASSISTANT)
        return queryset


class Reply(Message):
    objects: ClassVar[ReplyManager] = ReplyManager()
    entries: Sequence[IndexEntry] = ()  # its words and its message's, where they were made before

    class Meta:
        proxy = True
        verbose_name_plural = "replies"

    def touch(self, counter: Counter, *fields: str) -> None:
        """Save these fields under the user's counter, whose lock the caller holds."""
        counter.record(self, "updated")
        update(self, [*fields, "seq"])

    def is_orphan(self) -> bool:
        """True if no process with a lease produces it."""
        lease = timedelta(seconds=settings.LEASE_SECONDS)
        dead = Process.objects.dead(lease)
        return self.owner_id is None or dead.filter(pk=self.owner_id).exists()

    def can_continue(self) -> bool:
        """True if *Retry* or *Continue* may make one more attempt of it."""
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

    def start(
        self,
        counter: Counter,
        owner: int,
        choice: Choice,
        call: ApiCall | None = None,
        fields: Sequence[str] = (),
    ) -> Claim:
        """Begin the next attempt; the caller has checked that it may, and holds the locks.

        Stores a reply that is just made, else the columns of the attempt, and these `fields`.
        """
        new = self._state.adding
        text, reasoning = self.stored_text() if self.attempt else ("", "")
        offer, endpoint = choice
        keep = bool(text) and (self.keeps_text or bool(endpoint and endpoint.continues_prefix))
        if not keep:
            # Stays stored until this attempt ends, in case it never gets a token.
            self.text, self.reasoning = text, reasoning
            text = reasoning = ""
        assert self.parent is not None
        context = offer.context if offer else None
        prompt = build_prompt(self.conversation, self.parent, context, kept=text, call=call)
        begin(self, counter, owner, choice, prompt.left_out)
        if new:
            counter.record(self, "created")
            insert(self)
        else:
            self.touch(counter, *dict.fromkeys((*START_FIELDS, *fields)))
        if self.attempt > 1:
            Part.objects.forget(self.pk)
        if keep:
            kept = (("text", 0, text),) + ((("reasoning", 0, reasoning),) if reasoning else ())
            Part.objects.store([Unsaved(self.pk, self.attempt, kept)])
        return claim_of(self, choice, prompt, text, reasoning)

    def queue_again(self, turn: int, model: str, token: int | None, reason: str) -> None:
        """From an end back to `queued`, for a *Retry* or *Continue*; the caller saves it."""
        self.status = Status.QUEUED
        self.retry_at = None
        self.model = model
        self.turn = turn
        self.token_id = token
        self.reason = reason
        self.keeps_text = True
        self.stop_requested = False
        self.faults = 0
        self.woken_at = None
        reopen(self)

    def give_up(self, counter: Counter, reason: Reason, *, fault: bool) -> None:
        """From `running` back to `queued`, or to an end: stopped, or faulty once too often."""
        self.faults += fault
        text, reasoning = self.stored_text()
        estimate(self, text, reasoning)
        if self.stop_requested:
            self.end(counter, text, reasoning, Outcome(Status.STOPPED))
        elif self.faults > FAULTS_ALLOWED:
            self.end(counter, text, reasoning, FAULTY)
        else:
            Attempt.objects.lose(self, reason)
            self.status = Status.QUEUED
            self.owner = None
            self.reason = reason
            self.retry_at = None
            self.woken_at = None
            self.touch(counter, *QUEUE_FIELDS)

    def stop(self, counter: Counter) -> None:
        """End it, or mark it for the process that produces it; nothing where it has ended."""
        if self.status == Status.QUEUED or (self.status == Status.RUNNING and self.is_orphan()):
            self.end(counter, *self.stored_text(), Outcome(Status.STOPPED))
        elif self.status == Status.RUNNING and not self.stop_requested:
            self.stop_requested = True
            self.save(update_fields=["stop_requested"])

    def end(self, counter: Counter, text: str, reasoning: str, outcome: Outcome) -> None:
        """Fold the text into the row, store the outcome and wake replies that waited behind.

        The caller holds the locks of the counter and of the row.
        """
        conclude(self, text, reasoning, outcome)
        self.touch(counter, *QUEUE_FIELDS, *END_FIELDS)
        Part.objects.forget(self.pk)
        self._leave(counter, unfinished(self.user_id))

    def end_if_running(
        self,
        counter: Counter,
        text: str,
        reasoning: str,
        outcome: Outcome,
        record: int,
        has_parts: Callable[[], bool],
    ) -> None:
        """The same by compare-and-set on owner and attempt. Raises `ClaimLost`, for a rollback."""
        fence = {"status": Status.RUNNING, "owner_id": self.owner_id, "attempt": self.attempt}
        conclude(self, text, reasoning, outcome, record)
        counter.record(self, "updated")
        fields = ("status", "owner_id", "reason", "retry_at", *END_FIELDS, "seq")
        if not update(self, fields, **fence):
            raise ClaimLost
        if has_parts():
            Part.objects.forget(self.pk)
        self.conversation, rows = left_by(self)
        self._leave(counter, rows)

    def _leave(self, counter: Counter, rows: Sequence[Unfinished]) -> None:
        """Update conversation and search index, and wake waiting replies: those among `rows`."""
        chat = self.conversation
        index_exchange(chat, self.entries or exchange(self, self.text))
        chat.running = any(row.conversation == chat.pk for row in rows)
        chat.updated = self.ended or chat.updated
        chat.touch(counter, "running", "updated")
        ask_for_title(chat, self)
        wake(first_in_line(rows))
