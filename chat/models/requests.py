"""What clients asked for, stored once per id: sending a message, one more attempt of a reply."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from chat.models.accepting import (
    Accepted,
    NotAllowed,
    add_message,
    make_room,
    offer_for,
    queue_reply,
)
from chat.models.changes import Counter, wake
from chat.models.conversations import Conversation, title_of
from chat.models.messages import Role
from chat.models.replies import Reply
from chat.models.revisions import RevisionQuerySet


class RequestQuerySet(RevisionQuerySet):
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
            if known := self.known(user_id, key, body):
                return known
            make_room(user_id)
            above = None
            if conversation is None:
                if parent is not None:
                    raise NotAllowed("A message of a new conversation has no parent.")
                offer = offer_for(user_id, model)
                chat = Conversation(owner_id=user_id, title=title_of(text), model=offer.id)
            else:
                chat = Conversation.objects.get(owner_id=user_id, uid=conversation)
                offer = offer_for(user_id, model or chat.model, fall_back=model is None)
                above = chat.messages.get(uid=parent) if parent is not None else None
                if above is not None and above.role != Role.ASSISTANT:
                    raise NotAllowed("A message can only follow a reply.")
                if model is not None:
                    chat.model = offer.id
            if settings is not None:
                chat.settings = settings
            if conversation is None:
                chat.updated, chat.running = timezone.now(), True
                counter.record(chat, "created")
                chat.save()
            message = add_message(counter, chat, above, text)
            reply = queue_reply(counter, message, offer)
            if conversation is None:
                chat.leaf, chat.message_count = reply, 2
                Conversation.objects.filter(pk=chat.pk).update(leaf=reply, message_count=2)
            else:
                chat.grow(counter, reply, by=2)
            return self.remember(user_id, key, body, chat, message, reply)

    def continue_(self, user_id: int, key: UUID, *, reply: UUID, model: str | None) -> Accepted:
        """*Retry* and *Continue*: queue the next attempt of the same reply, on its kept text.

        Raises as `send` does.
        """
        body = ["continue", str(reply), model]
        with transaction.atomic():
            counter = Counter.objects.lock(user_id)
            if known := self.known(user_id, key, body):
                return known
            row = Reply.objects.for_user(user_id).locked().get(uid=reply)
            make_room(user_id)
            if not row.can_continue():
                raise NotAllowed("This reply cannot go on: it is not at an end that can.")
            offer = offer_for(user_id, model or row.model, fall_back=model is None)
            row.queue_again(counter, model=offer.id)
            chat = row.conversation
            chat.updated = timezone.now()
            chat.running = True
            chat.touch(counter, "updated", "running")
            wake([row.pk])
            assert row.parent is not None
            return self.remember(user_id, key, body, chat, row.parent, row)


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
