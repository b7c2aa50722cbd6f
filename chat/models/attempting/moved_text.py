"""Replacing the text of a running attempt, where text that was shown proves to be thoughts."""

from __future__ import annotations

from dataclasses import replace

from django.db import transaction

from chat.database.locks import limits
from chat.models.attempts import Attempt, Claim, Part, Unsaved
from chat.models.replies import Reply
from chat.models.values.states import Status


def replace_text(claim: Claim, text: str, reasoning: str) -> Claim | None:
    """Make the next attempt of a reply that runs under this claim, with these texts so far.

    The same answer of the same endpoint goes on in it: no fault and no new request, so its record
    moves along. Followers see another attempt, and are sent a snapshot. Like a checkpoint it locks
    the reply only. None, and nothing written, where the reply is lost.
    """
    attempt = claim.attempt + 1
    texts = (("text", 0, text), ("reasoning", 0, reasoning))
    parts = tuple(part for part in texts if part[2])
    running = Reply.objects.filter(
        pk=claim.reply, status=Status.RUNNING, owner_id=claim.owner, attempt=claim.attempt
    )
    with transaction.atomic():
        locked = running.select_for_update(no_key=True).values_list("pk", *limits().values())
        if locked.first() is None:
            return None
        running.update(attempt=attempt)
        Part.objects.filter(reply=claim.reply).delete()
        Part.objects.store([Unsaved(claim.reply, attempt, parts)])
        Attempt.objects.running(claim.reply, claim.attempt).update(number=attempt)
    return replace(claim, attempt=attempt)
