"""What clients asked for, stored once per id: sending a message, one more attempt of a reply."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from chat.models.catalogue import catalogue, find
from chat.models.changes import Counter, wake
from chat.models.conversations import Conversation, title_of
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
    """The reply as just stored; None where the request was known already."""


class RequestQuerySet(models.QuerySet["Request"]):
    def forget_old(self) -> int:
        """Drop ids older than `REQUEST_DAYS`; returns how many."""
        horizon = timezone.now() - timedelta(days=settings.REQUEST_DAYS)
        return self.filter(created__lt=horizon).delete()[0]

    def send(
        self,
        user_id: int,
        key: UUID,
        *,
        conversation: UUID | None,
        parent: UUID | None,
        text: str,
        model: str | None,
        settings: dict[str, Any] | None = None,
    ) -> Accepted:
        """Store a user message and its queued reply in one transaction, once per `key`.

        `settings` replace those of the conversation, where they are given.

        Raises `Conversation.DoesNotExist` or `Message.DoesNotExist` for what is not this user's,
        `NotAllowed`, `NoModel`, `TooMany` and `IdReused`.
        """
        body: list[Any] = ["send", str(conversation), str(parent), text, model]
        if settings is not None:
            body.append(settings)
        with transaction.atomic():
            counter = Counter.objects.lock(user_id)
            if known := self._known(user_id, key, body):
                return known
            _make_room(user_id)
            if conversation is None:
                if parent is not None:
                    raise NotAllowed("A message of a new conversation has no parent.")
                offer = _offer(user_id, model)
                chat = Conversation(
                    owner_id=user_id, title=title_of(text), model=offer.id, updated=timezone.now()
                )
                event = "created"
                above = None
            else:
                chat = Conversation.objects.get(owner_id=user_id, uid=conversation)
                offer = _offer(user_id, model or chat.model, fall_back=model is None)
                event = "updated"
                above = chat.messages.get(uid=parent) if parent is not None else None
                if above is not None and above.role != Role.ASSISTANT:
                    raise NotAllowed("A message can only follow a reply.")
                if model is not None:
                    chat.model = offer.id
            if settings is not None:
                chat.settings = settings
            chat.updated = timezone.now()
            chat.running = True
            if event == "created":
                counter.record(chat, "created")
                chat.save()
            message = Message(
                conversation=chat, user_id=user_id, parent=above, role=Role.USER, text=text
            )
            counter.record(message, "created")
            message.save()
            reply = Reply(
                conversation=chat,
                user_id=user_id,
                parent=message,
                role=Role.ASSISTANT,
                status=Status.QUEUED,
                model=offer.id,
                turn=counter.value + 1,
                reason=Reply.objects.reason_to_wait(user_id, chat.pk, counter.value + 1),
            )
            counter.record(reply, "created")
            reply.save()
            chat.leaf = reply
            chat.message_count += 2
            if event == "created":
                Conversation.objects.filter(pk=chat.pk).update(
                    leaf=chat.leaf, message_count=chat.message_count
                )
            else:
                changed = ("model", "settings", "updated", "running", "leaf", "message_count")
                chat.touch(counter, *changed)
            wake([reply.pk])
            return self._remember(user_id, key, body, chat, message, reply)

    def continue_(self, user_id: int, key: UUID, *, reply: UUID, model: str | None) -> Accepted:
        """*Retry* and *Continue*: queue the next attempt of the same reply, on its kept text.

        Raises as `send` does.
        """
        body = ["continue", str(reply), model]
        with transaction.atomic():
            counter = Counter.objects.lock(user_id)
            if known := self._known(user_id, key, body):
                return known
            row = Reply.objects.for_user(user_id).locked().get(uid=reply)
            _make_room(user_id)
            if not row.can_continue():
                raise NotAllowed("This reply cannot go on: it is not at an end that can.")
            offer = _offer(user_id, model or row.model, fall_back=model is None)
            row.queue_again(counter, model=offer.id)
            chat = row.conversation
            chat.updated = timezone.now()
            chat.running = True
            chat.touch(counter, "updated", "running")
            wake([row.pk])
            assert row.parent is not None
            return self._remember(user_id, key, body, chat, row.parent, row)

    def _known(self, user_id: int, key: UUID, body: list[Any]) -> Accepted | None:
        row = self.filter(user_id=user_id, key=key).first()
        if row is None:
            return None
        if row.digest != _digest(body):
            raise IdReused
        return Accepted(key, row.conversation, row.message, row.reply)

    def _remember(
        self,
        user_id: int,
        key: UUID,
        body: list[Any],
        conversation: Conversation,
        message: Message,
        reply: Reply,
    ) -> Accepted:
        accepted = Accepted(key, conversation.uid, message.uid, reply.uid, reply)
        self.create(
            user_id=user_id,
            key=key,
            digest=_digest(body),
            conversation=accepted.conversation,
            message=accepted.message,
            reply=accepted.reply,
        )
        return accepted


class Request(models.Model):
    """One accepted request; kept whatever becomes of the rows it made."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.UUIDField(help_text="The id the client made.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the body.")
    conversation = models.UUIDField()
    message = models.UUIDField()
    reply = models.UUIDField()
    created = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = RequestQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="chat_request_once")]

    def __str__(self) -> str:
        return str(self.key)


def _digest(body: list[Any]) -> str:
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()


def _make_room(user_id: int) -> None:
    """Raises `TooMany` when no further reply may be queued for this user."""
    limit = settings.QUEUED_REPLIES_PER_USER
    if Reply.objects.filter(user_id=user_id, status=Status.QUEUED).count() >= limit:
        raise TooMany(f"{limit} replies wait already: let some of them end first.")


def _offer(user_id: int, model: str | None, *, fall_back: bool = False) -> Offer:
    """The asked model; the default where none was asked for or a stored one is gone."""
    found = find(model, user_id).offer if model else None
    if found is None and (fall_back or not model):
        found = catalogue(user_id).default
    if found is None:
        raise NoModel(
            "This model is not offered here." if model else "No model is set up for you here."
        )
    return found
