"""Commands that ask for a reply: *Send*, and one more attempt by *Retry* or *Continue*."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone

from chat.database.statements import columns, insert, instance, parameter, update
from chat.models.api_calls import ApiCall
from chat.models.attempting.turns import Unfinished, beside_unfinished, unfinished
from chat.models.changes import Counter
from chat.models.commands.queueing import (
    NewReply,
    add_message,
    choice_for,
    make_room,
    queue_again,
    queue_reply,
)
from chat.models.commands.temporary import shown_first
from chat.models.conversations import Conversation
from chat.models.messages import Message
from chat.models.replies import Reply
from chat.models.requests import Accepted, Request, accepted
from chat.models.values.refusals import NotAllowed
from chat.models.values.states import Role
from chat.models.values.titles import title_of
from chat.sentence import Sentence


def send(
    user_id: int,
    key: UUID,
    *,
    conversation: UUID | None,
    parent: UUID | None,
    text: str,
    model: str | None,
    settings: dict[str, Any] | None = None,
    token: int | None = None,
    temporary: bool = False,
) -> Accepted:
    """Store a user message and its queued reply in one transaction, once per `key`.

    `settings` replace those of the conversation, where they are given; `token` is the caller's.
    A new conversation may be `temporary`.

    Raises `Conversation.DoesNotExist` or `Message.DoesNotExist` for somebody else's,
    `NotAllowed`, `NoModel`, `TooMany` and `IdReused`.
    """
    body: list[Any] = ["send", str(conversation), str(parent), text, model]
    if settings is not None:
        body.append(settings)
    if temporary:
        body.append("temporary")

    def store(counter: Counter, owner: int | None) -> Accepted:
        shown_at = shown_first(temporary, new=conversation is None)
        if conversation is None:
            if parent is not None:
                raise NotAllowed(Sentence("A message of a new conversation has no parent."))
            rows = unfinished(user_id)
            make_room(rows, token)
            choice = choice_for(user_id, model)
            chat = Conversation(owner_id=user_id, title=title_of(text), shown_at=shown_at)
            above = None
        else:
            chat, above, rows = _place(user_id, conversation, parent)
            make_room(rows, token)
            choice = choice_for(user_id, model or chat.model, fall_back=model is None)
        if conversation is None or model is not None:
            chat.model = choice.id
        if settings is not None:
            chat.settings = settings
        if conversation is None:
            chat.updated, chat.running = timezone.now(), True
            counter.record(chat, "created")
            insert(chat)
        message = add_message(counter, chat, above, text)
        reply = queue_reply(counter, message, NewReply(choice, rows, owner, token))
        if conversation is None:
            chat.leaf, chat.message_count = reply, 2
            update(chat, ["leaf", "message_count"])
        else:
            chat.grow(counter, reply, by=2)
        return accepted(chat, message, reply)

    return Request.objects.once(user_id, key, body, store)


def continue_(
    user_id: int, key: UUID, *, reply: UUID, model: str | None, token: int | None = None
) -> Accepted:
    """*Retry* and *Continue*: queue the next attempt of the same reply, on its kept text.

    Raises as `send` does.
    """

    def store(counter: Counter, owner: int | None) -> Accepted:
        row = Reply.objects.for_user(user_id).locked().get(uid=reply)
        rows = unfinished(user_id)
        make_room(rows, token)
        if not row.can_continue():
            raise NotAllowed(Sentence("This reply cannot be continued."))
        choice = choice_for(user_id, model or row.model, fall_back=model is None)
        chat = row.conversation
        call = ApiCall.objects.filter(reply=row.pk).first() if chat.source else None
        queue_again(counter, row, NewReply(choice, rows, owner, token, call))
        chat.updated = timezone.now()
        chat.running = True
        chat.touch(counter, "updated", "running")
        assert row.parent is not None
        return accepted(chat, row.parent, row)

    return Request.objects.once(user_id, key, ["continue", str(reply), model], store)


def _place(
    user_id: int, conversation: UUID, parent: UUID | None
) -> tuple[Conversation, Message | None, list[Unfinished]]:
    """A conversation of this user, the reply to follow on in it, and all unfinished replies."""
    if parent is None:
        chat = Conversation.objects.for_user(user_id).get(uid=conversation)
        return chat, None, unfinished(user_id)
    found, rows = beside_unfinished(
        f"SELECT {{turns}}, m.id, m.depth, m.role, {columns(Conversation, 'c')}"  # noqa: S608
        " FROM chat_conversation c JOIN chat_message m ON m.conversation_id = c.id{join}"
        " WHERE c.owner_id = %s AND c.uid = %s AND m.uid = %s AND c.deleted_at IS NULL",
        [user_id, parameter(Conversation, "uid", conversation), parameter(Message, "uid", parent)],
        user_id,
    )
    if found is None:
        raise Message.DoesNotExist
    pk, depth, role, *values = found
    if role != Role.ASSISTANT:
        raise NotAllowed(Sentence("A message can only follow a reply."))
    chat = instance(Conversation, values)
    above = Message(pk=pk, uid=parent, depth=depth, role=role, conversation=chat)
    return chat, above, rows
