"""Second thoughts: another text, another reply, or neither of them after all.

Everything here holds the user's counter, as does every claim, from before it looks until it is
committed: a reply that is found waiting cannot begin meanwhile.
"""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone

from chat.models.api_calls import ApiCall
from chat.models.attempting.turns import unfinished, wake_next
from chat.models.changes import Counter
from chat.models.commands.queueing import NewReply, add_message, choice_for, make_room, queue_reply
from chat.models.messages import RELATED_TEXTS, Message
from chat.models.replies import Reply
from chat.models.requests import Accepted, Request, accepted
from chat.models.search_index import remove
from chat.models.search_state import erase_soon
from chat.models.values.refusals import NotAllowed
from chat.models.values.states import Role, Status
from chat.sentence import Sentence


def edit(
    user_id: int,
    key: UUID,
    *,
    message: UUID,
    text: str,
    model: str | None,
    token: int | None = None,
) -> Accepted:
    """Another text for a user message: beside it, with a reply of its own.

    While its only reply waits and has no text, its own text is replaced instead, unless an
    API call waits for the answer to just this one. Raises as `send` does.
    """

    def store(counter: Counter, owner: int | None) -> Accepted:
        row = _own(user_id, message)
        chat = row.conversation
        waiting = _untouched(row)
        if waiting is not None and not ApiCall.objects.filter(reply=waiting.pk).exists():
            _replace(counter, row, waiting, text, model)
            return accepted(chat, row, waiting)
        rows = unfinished(user_id)
        make_room(rows, token)
        choice = choice_for(user_id, model or chat.model, fall_back=model is None)
        if model is not None:
            chat.model = choice.id
        new = add_message(counter, chat, row.parent, text)
        reply = queue_reply(counter, new, NewReply(choice, rows, owner, token))
        chat.grow(counter, reply, by=2)
        return accepted(chat, new, reply)

    return Request.objects.once(user_id, key, ["edit", str(message), text, model], store)


def regenerate(
    user_id: int, key: UUID, *, reply: UUID, model: str | None, token: int | None = None
) -> Accepted:
    """Another reply beside this one, by its model or by the one named. Raises as `send`."""

    def store(counter: Counter, owner: int | None) -> Accepted:
        row = Reply.objects.for_user(user_id).locked().get(uid=reply)
        rows = unfinished(user_id)
        make_room(rows, token)
        choice = choice_for(user_id, model or row.model, fall_back=model is None)
        chat, message = row.conversation, row.parent
        assert message is not None
        message.conversation = chat
        new = queue_reply(counter, message, NewReply(choice, rows, owner, token))
        chat.grow(counter, new, by=1)
        return accepted(chat, message, new)

    return Request.objects.once(user_id, key, ["regenerate", str(reply), model], store)


def withdraw(user_id: int, key: UUID, *, message: UUID) -> Accepted:
    """Delete a user message whose only reply waits and has no text, with that reply.

    Messages sent after it follow on its parent. A conversation of which nothing is
    left is deleted too. Raises `Message.DoesNotExist`, `NotAllowed` and `IdReused`.
    """

    def store(counter: Counter, owner: int | None) -> Accepted:
        row = _own(user_id, message)
        chat = row.conversation
        reply = _untouched(row)
        if reply is None:
            raise NotAllowed(
                Sentence("This message is already being answered. Stop the reply instead.")
            )
        gone = accepted(chat, row, reply, gone=True)
        for later in reply.children.select_related("conversation").order_by("pk"):
            later.parent = row.parent
            counter.record(later, "updated")
            later.save(update_fields=["parent", "seq"])
            # Messages below it are nearer to the root now: counted when needed.
            chat.messages.filter(pk__gte=later.pk).update(depth=None)
        chat.forget(counter, row, reply)
        wake_next(user_id)
        return gone

    return Request.objects.once(user_id, key, ["withdraw", str(message)], store)


def _own(user_id: int, uid: UUID) -> Message:
    """A message this user has written."""
    rows = Message.objects.select_related("conversation__leaf", "parent").defer(*RELATED_TEXTS)
    row = rows.get(conversation__owner_id=user_id, conversation__deleted_at=None, uid=uid)
    if row.role != Role.USER:
        raise NotAllowed(Sentence("Only your own messages can be changed."))
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
    remove([message.pk])  # of an earlier try; the reply's end indexes both
    erase_soon()
    if model is not None:
        reply.model = chat.model = choice_for(message.user_id, model).id
        reply.touch(counter, "model")
    chat.updated = timezone.now()
    chat.retitle(before)
    chat.touch(counter, "model", "updated", "title", "title_words")
