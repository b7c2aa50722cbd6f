"""Begin of an attempt: the values for its row, its record and its producer.

A reply is claimed by the transaction that stores it, where nothing stands in its way, or later by
`Reply.objects.claim`.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import IntegrityError, transaction
from django.utils import timezone

from chat.database.statements import insert
from chat.models.attempting.prompts import Prompt
from chat.models.attempts import Attempt, Claim
from chat.models.changes import Counter, Deactivated, listener
from chat.models.messages import Message
from chat.models.reading.catalogue import Choice
from chat.models.values.states import Status


def claimed_at_once[T](store: Callable[[int | None], T]) -> T:
    """Carry out a request, in a transaction that may claim its reply for this owner.

    Where the lease of this process was swept away meanwhile, it is stored without a claim: then
    another process makes that one. So it is where the account was deactivated meanwhile: then
    nobody does. The drain waits for claims begun here.
    """
    if listener.claiming is None:
        return store(None)
    with listener.claiming() as owner:
        try:
            return store(owner)
        except (IntegrityError, Deactivated):
            if owner is None:
                raise
        return store(None)


def begin(reply: Message, counter: Counter, owner: int, choice: Choice, left_out: int) -> None:
    """Set the reply's fields for the next attempt; the caller saves it."""
    counter.for_active = True
    reply.attempt += 1
    reply.status = Status.RUNNING
    reply.owner_id = owner
    reply.reason = ""
    reply.retry_at = None
    reply.claimed_at = timezone.now()
    reply.endpoint = choice.endpoint.name if choice.endpoint else ""
    reply.left_out = left_out


def claim_of(reply: Message, choice: Choice, prompt: Prompt, text: str, reasoning: str) -> Claim:
    """The claim of the attempt that has just begun, whose record is stored here.

    `text` and `reasoning` are kept from earlier attempts.
    """
    assert reply.claimed_at is not None
    assert reply.owner_id is not None
    record = Attempt(
        reply_id=reply.pk,
        number=reply.attempt,
        started=reply.claimed_at,
        endpoint=reply.endpoint,
        model=choice.offer.name if choice.offer else "",
        settings=prompt.settings,
        left_out=reply.left_out,
        kept=len(text),
    )
    insert(record)
    return Claim(
        reply=reply.pk,
        uid=reply.uid,
        user=reply.user_id,
        owner=reply.owner_id,
        attempt=reply.attempt,
        model=reply.model,
        offer=choice.offer,
        endpoint=choice.endpoint,
        row=reply,
        record=record.pk,
        messages=prompt.messages,
        settings={name: value for name, value in prompt.settings.items() if name != "system"},
        extra=prompt.extra,
        text=text,
        reasoning=reasoning,
    )


def produce_after_commit(claim: Claim) -> None:
    """Hand the claim to the process: not by a return value, which a caller that left would lose."""

    def hand_over() -> None:
        if listener.claimed is not None:
            listener.claimed(claim)

    transaction.on_commit(hand_over)
