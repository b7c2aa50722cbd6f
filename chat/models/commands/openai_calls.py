"""Place of an API call: a conversation of its own, or an earlier one that it goes on with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any
from uuid import UUID, uuid4

from django.db import models
from django.utils import timezone

from chat.database.statements import insert
from chat.models.api_calls import ApiCall, Messages, digest
from chat.models.attempting.claiming import claimed_at_once
from chat.models.attempting.prompts import prompt
from chat.models.attempting.turns import unfinished
from chat.models.changes import Counter
from chat.models.commands.queueing import NewReply, add_message, make_room, queue_reply
from chat.models.conversations import Conversation, Source
from chat.models.messages import Message
from chat.models.reading.catalogue import Choice, catalogue, choose
from chat.models.replies import Reply
from chat.models.requests import Accepted, Request, accepted
from chat.models.search_index import entry, index_exchange
from chat.models.values.refusals import NoModel
from chat.models.values.states import UNFINISHED, Role, Status
from chat.models.values.titles import title_of
from chat.sentence import Sentence

SYSTEM_LENGTH = 32_000
"""Characters of a system prompt that a conversation's settings take."""
LOOKED_AT = 20
"""The most calls with the same messages that are compared by their reply's text."""
UNREAD = timedelta(minutes=1)
"""Time for which the end of an unstored call is left to its client."""

UNANSWERED = (Status.FAILED, Status.STOPPED, Status.INTERRUPTED)


@dataclass(frozen=True)
class NewCall:
    """One call; with `store` off nothing of it is kept once it has ended."""

    model: str
    messages: Messages = field(repr=False)
    parameters: dict[str, Any] = field(repr=False)
    store: bool = True
    token: int | None = None
    """The token of the call, and whose limits count."""
    metadata: dict[str, Any] = field(default_factory=dict, repr=False)


def choice_named(user_id: int, model: str) -> Choice:
    """The model with this public id, or the only one that its endpoint calls so.

    Raises `NoModel`.
    """
    found = choose(model, user_id)
    if found.offer is not None:
        return found
    named = [offer for offer in catalogue(user_id).offers if offer.name == model]
    if len(named) > 1:
        ids = ", ".join(offer.id for offer in named)
        raise NoModel(
            Sentence("Several endpoints offer this model. Ask for one of: {ids}.", ids=ids)
        )
    if not named:
        raise NoModel(
            Sentence("This model is not offered here. GET /v1/models lists those that are.")
        )
    return choose(named[0].id, user_id)


def place_call(user_id: int, new: NewCall, key: UUID | None = None, body: str = "") -> Accepted:
    """Store a call and its queued reply in one transaction, once per `key` where there is one.

    It goes on with an earlier call's conversation where it has that one's messages, its reply and
    a message more; one that repeats an earlier call whose reply has failed or was cut off makes
    another reply there. Every other makes a conversation of its own, with all that it brought.

    `body` stands for the call, to recognise a repetition. Raises `NoModel`, `TooMany` and
    `IdReused`.
    """
    return claimed_at_once(lambda owner: _place_call(user_id, new, key, body, owner))


def _place_call(
    user_id: int, new: NewCall, key: UUID | None, body: str, owner: int | None
) -> Accepted:
    request = ["call", body]
    with Counter.objects.held(user_id) as counter:
        if key is not None and (known := _known(user_id, key, request)):
            waiting = models.F("waiting") + 1
            ApiCall.objects.filter(reply__uid=known.reply, user=user_id).update(waiting=waiting)
            return known
        rows = unfinished(user_id)
        make_room(rows, new.token)
        choice = choice_named(user_id, new.model)
        message = _message_for(counter, user_id, new, choice.id)
        chat = message.conversation
        call = ApiCall(
            user_id=user_id,
            chain=digest(new.messages) if new.store else "",
            parameters=new.parameters,
            metadata=new.metadata,
        )
        call.keep(new.messages, prompt(chat, message))
        new_reply = NewReply(choice, rows, owner, new.token, call)
        reply = queue_reply(counter, message, new_reply)
        chat.grow(counter, reply, by=1)
        call.reply_id = reply.pk
        insert(call)
        stored = accepted(chat, message, reply)
        if key is not None:
            Request.objects.remember(user_id, key, request, stored)
    return replace(stored, id=key or uuid4())


def leave_call(user_id: int, reply: UUID, *, stop: bool, store: bool) -> bool:
    """One client of a call waits no longer; says whether somebody else still does.

    The last one stops the reply, where it is asked to, and deletes an unstored one; all in one
    transaction, so that nobody can begin to wait for a reply that is being stopped.
    """
    with Counter.objects.held(user_id):
        calls = ApiCall.objects.filter(reply__uid=reply, user=user_id)
        calls.filter(waiting__gt=0).update(waiting=models.F("waiting") - 1)
        waiting = calls.values_list("waiting", flat=True).first()
        if waiting is None or waiting:
            return bool(waiting)
        if stop:
            Reply.objects.stop(user_id, reply)
        row = (
            None
            if store
            else Conversation.objects.for_user(user_id).filter(messages__uid=reply).first()
        )
        if row is not None:
            row.remove()
    return False


def forget_unstored() -> int:
    """Delete conversations that were not to be stored and that nobody waits for; how many.

    The client's connection deletes them at its end; these were left by a process that died.
    """
    over = ApiCall.objects.filter(chain="", reply__ended__lt=timezone.now() - UNREAD)
    found = Conversation.objects.filter(pk__in=over.values("reply__conversation"), running=False)
    rows = list(found)
    for conversation in rows:
        conversation.remove()
    return len(rows)


def _known(user_id: int, key: UUID, request: list[Any]) -> Accepted | None:
    """The result of the same call before, unless its reply is of no use again."""
    known = Request.objects.known(user_id, key, request)
    if known is None:
        return None
    wanted = Reply.objects.for_user(user_id).filter(uid=known.reply, stop_requested=False)
    if wanted.filter(status__in=(*UNFINISHED, Status.COMPLETE)).exists():
        return known
    Request.objects.filter(user_id=user_id, key=key).delete()
    return None


def _message_for(counter: Counter, user_id: int, new: NewCall, model: str) -> Message:
    """The user message to be answered: a known one, or a new one."""
    if new.store:
        if (reply := _unanswered(user_id, new.messages)) and reply.parent:
            return _again(reply.parent, new.messages, model)
        at = _last_answer(new.messages)
        if at and (before := _answered(user_id, new.messages[:at], new.messages[at])):
            text = turns(new.messages[at + 1 :])[-1][1]
            for child in before.children.filter(role=Role.USER, text=text):
                return _again(child, new.messages, model)
            chat = _of(before, new.messages, model)
            chat.message_count += 1
            return add_message(counter, chat, before, text)
    return _begin(counter, user_id, new, model)


def _again(message: Message, messages: Messages, model: str) -> Message:
    message.conversation = _of(message, messages, model)
    return message


def _of(message: Message, messages: Messages, model: str) -> Conversation:
    """Its conversation, with the model and the system prompt of this call."""
    chat = message.conversation
    chat.model = model
    others = {name: value for name, value in chat.settings.items() if name != "system"}
    chat.settings = others | _settings(messages)
    return chat


def _unanswered(user_id: int, messages: Messages) -> Reply | None:
    """The reply to the last call with just these messages, where it is of no use."""
    rows = Reply.objects.for_user(user_id).select_related("conversation", "parent")
    rows = rows.filter(call__chain=digest(messages), call__user=user_id)
    last: Reply | None = rows.order_by("pk").last()
    return last if last is not None and last.status in UNANSWERED else None


def _last_answer(messages: Messages) -> int:
    """Index of the last assistant message that something follows on; 0 if there is none."""
    at = len(messages) - 1
    while at > 0 and _is_answer(messages[at]):
        at -= 1
    while at > 0 and not _is_answer(messages[at]):
        at -= 1
    return max(at, 0)


def _is_answer(message: dict[str, Any]) -> bool:
    return bool(message["role"] == "assistant")


def _answered(user_id: int, messages: Messages, answer: dict[str, Any]) -> Reply | None:
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
    """Role and text of the messages in turn, from a user's message to the user's last one.

    Several messages of one side are one; the beginning of the reply is none.
    """
    spoken = (one for one in messages if one["role"] in (Role.USER, Role.ASSISTANT))
    said = [
        (role, "\n\n".join(one["content"] for one in run if one["content"]))
        for role, run in groupby(spoken, key=itemgetter("role"))
    ]
    if said and said[0][0] == Role.ASSISTANT:
        said.insert(0, (Role.USER, ""))
    if said and said[-1][0] == Role.ASSISTANT:
        said.pop()
    return said or [(Role.USER, "")]


def _settings(messages: Messages) -> dict[str, Any]:
    """All that was said as the system, together."""
    texts = [one["content"] for one in messages if one["role"] in ("system", "developer")]
    system = "\n\n".join(text for text in texts if text)
    return {"system": system} if system and len(system) <= SYSTEM_LENGTH else {}


def _begin(counter: Counter, user_id: int, new: NewCall, model: str) -> Message:
    said = turns(new.messages)
    first = next((text for role, text in said if role == Role.USER and text), "")
    chat = Conversation(
        owner_id=user_id,
        title=title_of(first),
        model=model,
        settings=_settings(new.messages),
        source=Source.API if new.store else Source.PASSING,
        archived=not new.store,  # out of the list for as long as it lasts
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
    """Store messages of elsewhere, in three statements; returns the last one."""
    rows: list[Message] = []
    for depth, (role, text) in enumerate(said):
        row = Message(conversation=chat, user_id=chat.owner_id, depth=depth, role=role, text=text)
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
    index_exchange(chat, [entry(row.pk, row.user_id, row.text) for row in rows])
    return rows[-1] if rows else None
