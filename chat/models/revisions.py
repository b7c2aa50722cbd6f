"""Second thoughts: another text, another reply, or neither of them after all.

Everything here holds the user's counter, as does every claim, from before it looks until it is
committed: a reply that is found waiting cannot begin meanwhile.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from chat.models.accepting import (
    Accepted,
    AcceptedQuerySet,
    NotAllowed,
    add_message,
    make_room,
    offer_for,
    queue_reply,
)
from chat.models.api_calls import ApiCall
from chat.models.changes import Counter
from chat.models.messages import RELATED_TEXTS, Message, Role, Status
from chat.models.replies import Reply


class RevisionQuerySet(AcceptedQuerySet):
    def edit(
        self, user_id: int, key: UUID, *, message: UUID, text: str, model: str | None
    ) -> Accepted:
        """Another text for a user message: beside it, with a reply of its own.

        While its only reply waits and has no text, its own text is replaced instead, unless an
        API call waits for the answer to just this one. Raises as `send` does.
        """
        body: list[Any] = ["edit", str(message), text, model]
        with transaction.atomic():
            counter = Counter.objects.lock(user_id)
            if known := self.known(user_id, key, body):
                return known
            row = _own(user_id, message)
            chat = row.conversation
            reply = _untouched(row)
            if reply is not None and not ApiCall.objects.filter(reply=reply.pk).exists():
                _replace(counter, row, reply, text, model)
                return self.remember(user_id, key, body, chat, row, reply)
            make_room(user_id)
            offer = offer_for(user_id, model or chat.model, fall_back=model is None)
            if model is not None:
                chat.model = offer.id
            new = add_message(counter, chat, row.parent, text)
            reply = queue_reply(counter, new, offer)
            chat.grow(counter, reply, by=2)
            return self.remember(user_id, key, body, chat, new, reply)

    def regenerate(self, user_id: int, key: UUID, *, reply: UUID, model: str | None) -> Accepted:
        """Another reply beside this one, by its model or by the one named. Raises as `send`."""
        body: list[Any] = ["regenerate", str(reply), model]
        with transaction.atomic():
            counter = Counter.objects.lock(user_id)
            if known := self.known(user_id, key, body):
                return known
            row = Reply.objects.for_user(user_id).locked().get(uid=reply)
            make_room(user_id)
            offer = offer_for(user_id, model or row.model, fall_back=model is None)
            chat, message = row.conversation, row.parent
            assert message is not None
            message.conversation = chat
            new = queue_reply(counter, message, offer)
            chat.grow(counter, new, by=1)
            return self.remember(user_id, key, body, chat, message, new)

    def withdraw(self, user_id: int, key: UUID, *, message: UUID) -> Accepted:
        """Delete a user message whose only reply waits and has no text, with that reply.

        What was sent after it follows on what it followed on. A conversation of which nothing is
        left is deleted too. Raises `Message.DoesNotExist`, `NotAllowed` and `IdReused`.
        """
        body: list[Any] = ["withdraw", str(message)]
        with transaction.atomic():
            counter = Counter.objects.lock(user_id)
            if known := self.known(user_id, key, body):
                return known
            row = _own(user_id, message)
            chat = row.conversation
            reply = _untouched(row)
            if reply is None:
                raise NotAllowed("This message is being answered already: stop that instead.")
            accepted = self.remember(user_id, key, body, chat, row, reply, gone=True)
            for later in reply.children.select_related("conversation").order_by("pk"):
                later.parent = row.parent
                counter.record(later, "updated")
                later.save(update_fields=["parent", "seq"])
            chat.forget(counter, row, reply)
            Reply.objects.wake_next(user_id)
            return accepted


def _own(user_id: int, uid: UUID) -> Message:
    """A message this user has written."""
    rows = Message.objects.select_related("conversation__leaf", "parent").defer(*RELATED_TEXTS)
    row = rows.get(conversation__owner_id=user_id, uid=uid)
    if row.role != Role.USER:
        raise NotAllowed("Only what you have written yourself can be changed.")
    return row


def _untouched(message: Message) -> Reply | None:
    """The only reply of a message, locked, if it waits and there is nothing of it to be read."""
    replies = list(Reply.objects.locked().filter(parent=message).order_by("pk")[:2])
    if len(replies) != 1:
        return None
    (reply,) = replies
    return reply if reply.status == Status.QUEUED and not any(reply.stored_text()) else None


def _replace(
    counter: Counter, message: Message, reply: Reply, text: str, model: str | None
) -> None:
    """Put another text in the place of one that no model has been asked about."""
    chat, before = message.conversation, message.text
    message.text = text
    counter.record(message, "updated")
    message.save(update_fields=["text", "seq"])
    if model is not None:
        reply.model = chat.model = offer_for(message.user_id, model).id
        reply.touch(counter, "model")
    chat.updated = timezone.now()
    chat.retitle(before)
    chat.touch(counter, "model", "updated", "title")
