"""Where an API call belongs: a conversation of its own, or an earlier one that it goes on with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

from django.db import models, transaction
from django.utils import timezone

from chat.models.accepting import (
    Accepted,
    NoModel,
    add_message,
    make_room,
    queue_reply,
)
from chat.models.api_calls import ApiCall, Said, digest
from chat.models.catalogue import catalogue, find
from chat.models.changes import Counter
from chat.models.conversations import Conversation, Source, title_of
from chat.models.messages import UNFINISHED, Message, Role, Status
from chat.models.offers import Offer
from chat.models.replies import Reply
from chat.models.requests import Request

SYSTEM_LENGTH = 32_000
"""Characters of a system prompt that a conversation's settings take."""
LOOKED_AT = 20
"""So many calls with the same messages are compared by their reply's text."""
UNREAD = timedelta(minutes=1)
"""How long the end of an unstored call is left to whoever waits for it."""

UNANSWERED = (Status.FAILED, Status.STOPPED, Status.INTERRUPTED)


@dataclass(frozen=True)
class Asked:
    """One call; with `store` off nothing of it is kept once it has ended."""

    model: str
    messages: Said = field(repr=False)
    parameters: dict[str, Any] = field(repr=False)
    store: bool = True


def offer_named(user_id: int, model: str) -> Offer:
    """The model with this public id, or the only one that its endpoint calls so.

    Raises `NoModel`.
    """
    if found := find(model, user_id).offer:
        return found
    named = [offer for offer in catalogue(user_id).offers if offer.name == model]
    if len(named) > 1:
        ids = ", ".join(offer.id for offer in named)
        raise NoModel(f"Several endpoints offer this model. Ask for one of: {ids}.")
    if not named:
        raise NoModel("This model is not offered here. GET /v1/models lists those that are.")
    return named[0]


def place_call(user_id: int, asked: Asked, key: UUID | None = None, body: str = "") -> Accepted:
    """Store a call and its queued reply in one transaction, once per `key` where there is one.

    It goes on with an earlier call's conversation where it has that one's messages, its reply and
    a message more; one that repeats an earlier call whose reply has failed or was cut off makes
    another reply there. Every other makes a conversation of its own, with all that it brought.

    `body` stands for what was asked, to tell a repetition. Raises `NoModel`, `TooMany` and
    `IdReused`.
    """
    told = ["call", body]
    with transaction.atomic():
        counter = Counter.objects.lock(user_id)
        if key is not None and (known := _known(user_id, key, told)):
            return known
        offer = offer_named(user_id, asked.model)
        make_room(user_id)
        message = _message_for(counter, user_id, asked, offer)
        chat = message.conversation
        reply = queue_reply(counter, message, offer)
        chat.grow(counter, reply, by=1)
        call = ApiCall(
            user_id=user_id,
            reply_id=reply.pk,
            chain=digest(asked.messages) if asked.store else "",
            parameters=asked.parameters,
        )
        call.keep(asked.messages, chat.prompt(reply))
        call.save()
        if key is None:
            return Accepted(uuid4(), chat.uid, message.uid, reply.uid, reply)
        return Request.objects.remember(user_id, key, told, chat, message, reply)


def forget_unstored() -> int:
    """Delete conversations that were not to be stored and that nobody waits for; how many.

    Whoever waits for the reply deletes it; these are left by a process that died.
    """
    over = ApiCall.objects.filter(chain="", reply__ended__lt=timezone.now() - UNREAD)
    found = Conversation.objects.filter(pk__in=over.values("reply__conversation"), running=False)
    rows = list(found)
    for conversation in rows:
        conversation.remove()
    return len(rows)


def _known(user_id: int, key: UUID, told: list[Any]) -> Accepted | None:
    """What the same call made before, unless nobody would want its reply again."""
    known = Request.objects.known(user_id, key, told)
    if known is None:
        return None
    wanted = Reply.objects.for_user(user_id).filter(uid=known.reply, stop_requested=False)
    if wanted.filter(status__in=(*UNFINISHED, Status.COMPLETE)).exists():
        return known
    Request.objects.filter(user_id=user_id, key=key).delete()
    return None


def _message_for(counter: Counter, user_id: int, asked: Asked, offer: Offer) -> Message:
    """The user message to be answered: a known one, or a new one."""
    if asked.store:
        if (reply := _unanswered(user_id, asked.messages)) and reply.parent:
            return _again(reply.parent, asked.messages, offer)
        at = _last_answer(asked.messages)
        if at and (before := _answered(user_id, asked.messages[:at], asked.messages[at])):
            text = turns(asked.messages[at + 1 :])[-1][1]
            for child in before.children.filter(role=Role.USER, text=text):
                return _again(child, asked.messages, offer)
            chat = _of(before, asked.messages, offer)
            chat.message_count += 1
            return add_message(counter, chat, before, text)
    return _begin(counter, user_id, asked, offer)


def _again(message: Message, messages: Said, offer: Offer) -> Message:
    message.conversation = _of(message, messages, offer)
    return message


def _of(message: Message, messages: Said, offer: Offer) -> Conversation:
    """Its conversation, with the model and the system prompt of this call."""
    chat = message.conversation
    chat.model = offer.id
    others = {name: value for name, value in chat.settings.items() if name != "system"}
    chat.settings = others | _settings(messages)
    return chat


def _unanswered(user_id: int, messages: Said) -> Reply | None:
    """The reply to the last call with just these messages, where it is of no use."""
    rows = Reply.objects.for_user(user_id).select_related("conversation", "parent")
    rows = rows.filter(call__chain=digest(messages), call__user=user_id)
    last: Reply | None = rows.order_by("pk").last()
    return last if last is not None and last.status in UNANSWERED else None


def _last_answer(messages: Said) -> int:
    """Where the last assistant message is that something follows on; 0 where there is none."""
    places = (at for at in range(len(messages) - 2, 0, -1) if _is_answer(messages[at]))
    return next((at for at in places if not all(map(_is_answer, messages[at + 1 :]))), 0)


def _is_answer(message: dict[str, Any]) -> bool:
    return bool(message["role"] == "assistant")


def _answered(user_id: int, messages: Said, answer: dict[str, Any]) -> Reply | None:
    """The reply with this text to a call with just these messages, the last one first."""
    rows = Reply.objects.for_user(user_id).select_related("conversation")
    rows = rows.filter(call__chain=digest(messages), call__user=user_id, ended__isnull=False)
    rows = rows.order_by("-pk")
    sha256 = hashlib.sha256(answer["content"].encode()).hexdigest()
    found: Reply | None = rows.filter(sha256=sha256).first()
    if found is not None:
        return found
    text = answer["content"].strip()
    return next((row for row in rows[:LOOKED_AT] if text and row.text.strip() == text), None)


# --- a new conversation -------------------------------------------------------------------


def turns(messages: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """Role and text of what was said in turn, from a user's message to the user's last one.

    Several messages of one side are one; what the reply is to begin with is none.
    """
    said: list[tuple[str, str]] = []
    for message in messages:
        role, text = message["role"], message["content"]
        if role not in (Role.USER, Role.ASSISTANT):
            continue
        if said and said[-1][0] == role:
            text = "\n\n".join(part for part in (said.pop()[1], text) if part)
        elif not said and role == Role.ASSISTANT:
            said.append((Role.USER, ""))
        said.append((role, text))
    if said and said[-1][0] == Role.ASSISTANT:
        said.pop()
    return said or [(Role.USER, "")]


def _settings(messages: Said) -> dict[str, Any]:
    """All that was said as the system, together."""
    texts = [one["content"] for one in messages if one["role"] in ("system", "developer")]
    system = "\n\n".join(text for text in texts if text)
    return {"system": system} if system and len(system) <= SYSTEM_LENGTH else {}


def _begin(counter: Counter, user_id: int, asked: Asked, offer: Offer) -> Message:
    said = turns(asked.messages)
    first = next((text for role, text in said if role == Role.USER and text), "")
    chat = Conversation(
        owner_id=user_id,
        title=title_of(first),
        model=offer.id,
        settings=_settings(asked.messages),
        source=Source.API if asked.store else Source.PASSING,
        archived=not asked.store,  # out of the list for as long as it lasts
        running=True,
        updated=timezone.now(),
        message_count=len(said),
    )
    counter.record(chat, "created")
    chat.save()
    above = _add_history(counter, chat, said[:-1])
    return add_message(counter, chat, above, said[-1][1])


def _add_history(
    counter: Counter, chat: Conversation, said: list[tuple[str, str]]
) -> Message | None:
    """What was said elsewhere, in two statements; returns the last of it."""
    rows: list[Message] = []
    for role, text in said:
        row = Message(conversation=chat, user_id=chat.owner_id, role=role, text=text)
        if role == Role.ASSISTANT:
            row.status = Status.COMPLETE
            row.length, row.reasoning_length = len(text), 0
            row.sha256 = hashlib.sha256(text.encode()).hexdigest()
            row.ended = timezone.now()
        counter.record(row, "created")
        rows.append(row)
    Message.objects.bulk_create(rows)
    for above, row in pairwise(rows):
        # Not the row itself: a chain of thousands is too deep to be let go of.
        row.parent = Message(pk=above.pk, uid=above.uid)
    before = Message.objects.filter(conversation=chat.pk, pk__lt=models.OuterRef("pk"))
    chat.messages.update(parent=models.Subquery(before.order_by("-pk").values("pk")[:1]))
    return rows[-1] if rows else None
