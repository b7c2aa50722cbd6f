"""What all requests of clients share: each is carried out once per id, and queues a reply."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils import timezone

from chat.models.catalogue import catalogue, find
from chat.models.changes import Counter, wake
from chat.models.conversations import Conversation
from chat.models.messages import Message, Role, Status
from chat.models.offers import Offer
from chat.models.replies import Reply


class IdReused(Exception):
    """The same client id came with another body."""


class NotAllowed(Exception):
    """The state of the message does not allow it; the text says why."""


class TooMany(Exception):
    """The user has as many replies waiting as one may; the text says how many."""


class NoModel(Exception):
    """No such model is offered; the text says what to do."""


@dataclass(frozen=True)
class Accepted:
    """The ids a request was stored under: the fields of the `accepted` frame."""

    id: UUID
    conversation: UUID
    message: UUID
    reply: UUID
    row: Reply | None = field(default=None, compare=False)
    """The reply as just stored; None where it is gone or the request was known already."""


class AcceptedQuerySet(models.QuerySet[Any]):
    def forget_old(self) -> int:
        """Drop ids older than `REQUEST_DAYS`; returns how many."""
        horizon = timezone.now() - timedelta(days=settings.REQUEST_DAYS)
        return self.filter(created__lt=horizon).delete()[0]

    def known(self, user_id: int, key: UUID, body: list[Any]) -> Accepted | None:
        """What this request was answered with before. Raises `IdReused`."""
        row = self.filter(user_id=user_id, key=key).first()
        if row is None:
            return None
        if row.digest != _digest(body):
            raise IdReused
        return Accepted(key, row.conversation, row.message, row.reply)

    def remember(
        self,
        user_id: int,
        key: UUID,
        body: list[Any],
        conversation: Conversation,
        message: Message,
        reply: Reply,
        *,
        gone: bool = False,
    ) -> Accepted:
        accepted = Accepted(key, conversation.uid, message.uid, reply.uid, None if gone else reply)
        self.create(
            user_id=user_id,
            key=key,
            digest=_digest(body),
            conversation=accepted.conversation,
            message=accepted.message,
            reply=accepted.reply,
        )
        return accepted


def _digest(body: list[Any]) -> str:
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()


def make_room(user_id: int) -> None:
    """Raises `TooMany` when no further reply may be queued for this user."""
    limit = settings.QUEUED_REPLIES_PER_USER
    if Reply.objects.filter(user_id=user_id, status=Status.QUEUED).count() >= limit:
        raise TooMany(f"{limit} replies wait already: let some of them end first.")


def offer_for(user_id: int, model: str | None, *, fall_back: bool = False) -> Offer:
    """The asked model; the default where none was asked for or a stored one is gone."""
    found = find(model, user_id).offer if model else None
    if found is None and (fall_back or not model):
        found = catalogue(user_id).default
    if found is None:
        raise NoModel(
            "This model is not offered here." if model else "No model is set up for you here."
        )
    return found


def add_message(
    counter: Counter, conversation: Conversation, parent: Message | None, text: str
) -> Message:
    """A new user message; the caller holds the counter's lock."""
    message = Message(
        conversation=conversation,
        user_id=conversation.owner_id,
        parent=parent,
        role=Role.USER,
        text=text,
    )
    counter.record(message, "created")
    message.save()
    return message


def queue_reply(counter: Counter, message: Message, offer: Offer) -> Reply:
    """A new reply to this message, woken when the transaction is committed."""
    turn = counter.value + 1
    user_id, conversation_id = message.user_id, message.conversation_id
    reply = Reply(
        conversation=message.conversation,
        user_id=user_id,
        parent=message,
        role=Role.ASSISTANT,
        status=Status.QUEUED,
        model=offer.id,
        turn=turn,
        reason=Reply.objects.reason_to_wait(user_id, conversation_id, turn),
    )
    counter.record(reply, "created")
    reply.save()
    wake([reply.pk])
    return reply
