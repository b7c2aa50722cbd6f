"""Queueing of replies: room, model, message and reply. For the commands, under the counter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chat.database.statements import insert
from chat.models.api_calls import ApiCall
from chat.models.attempting.claiming import produce_after_commit
from chat.models.attempting.prompts import depth_of
from chat.models.attempting.turns import Unfinished, first_in_line, reason_to_wait
from chat.models.changes import Counter, wake
from chat.models.conversations import Conversation
from chat.models.messages import Message
from chat.models.reading.catalogue import Choice, catalogue, choose
from chat.models.replies import AGAIN_FIELDS, Reply
from chat.models.tokens import Token
from chat.models.values.refusals import NoModel, TooMany
from chat.models.values.states import Role, Status
from chat.sentence import Sentence

NOT_OFFERED = Sentence("This model is not offered here.")


def make_room(rows: Sequence[Unfinished], token: int | None = None) -> None:
    """Raises `TooMany` when no further reply may be queued beside these, of a user or a token.

    Of a token running replies count, too: a call is just queued before it runs.
    """
    places = Token.objects.places([token])[token]
    mine = [row for row in rows if row.token == token]
    if token is None:
        name, room = "QUEUED_REPLIES_PER_USER", places.waiting
        taken = sum(row.status == Status.QUEUED for row in mine)
    else:
        name, room = "QUEUED_REPLIES_PER_TOKEN", sum(places)
        taken = len(mine)
    if taken >= room:
        raise TooMany(
            Sentence(
                "{count} replies are already waiting ({setting}). Wait until some of them have "
                "ended.",
                count=places.waiting,
                setting=name,
            )
        )


def choice_for(user_id: int, model: str | None, *, fall_back: bool = False) -> Choice:
    """The model by name; the default without a name, or where a stored one is gone."""
    found = choose(model, user_id) if model else Choice(None, None)
    if found.offer is None and (fall_back or not model):
        default = catalogue(user_id).default
        found = choose(default.id, user_id) if default is not None else found
    if found.offer is None:
        raise NoModel(NOT_OFFERED if model else Sentence("No model is available to you."))
    return found


def add_message(
    counter: Counter, conversation: Conversation, parent: Message | None, text: str
) -> Message:
    """A new user message; the caller holds the counter's lock."""
    message = Message(
        conversation=conversation,
        user_id=conversation.owner_id,
        parent=parent,
        depth=depth_of(parent) + 1 if parent is not None else 0,
        role=Role.USER,
        text=text,
    )
    counter.record(message, "created")
    insert(message)
    return message


@dataclass(frozen=True)
class NewReply:
    """A reply to be queued: its model, its user's queue, its claimant and its token."""

    choice: Choice
    rows: Sequence[Unfinished]
    """The user's replies that have not ended."""
    owner: int | None = None
    """The process that may claim it at once."""
    token: int | None = None
    """The token that queued it, and whose limits count; None: the user."""
    call: ApiCall | None = None
    """The call that it answers, whether or not that is stored yet."""

    def may_start(self, counter: Counter, reason: str) -> bool:
        """True if it is claimed at once: nothing keeps it, and nobody's turn comes before."""
        free = self.owner is not None and not reason and counter.active
        return free and not first_in_line(self.rows)

    def wake(self, reply: Reply) -> None:
        """Wake a reply that waits for a claim, and first those that kept this process from one.

        One with a reason to wait is woken once that reason ends.
        """
        if not reply.reason:
            before = first_in_line(self.rows) if self.owner is not None else []
            wake([*before, reply.pk])


def queue_reply(counter: Counter, message: Message, new: NewReply) -> Reply:
    """A new reply to this message, claimed at once where nothing stands in its way.

    Else it waits, and whatever may run is woken when the transaction is committed.
    """
    conversation = message.conversation
    turn = counter.value + 1
    reply = Reply(
        conversation=conversation,
        user_id=message.user_id,
        parent=message,
        depth=depth_of(message) + 1,
        role=Role.ASSISTANT,
        status=Status.QUEUED,
        model=new.choice.id,
        turn=turn,
        token_id=new.token,
        reason=reason_to_wait(new.rows, conversation.pk, turn, new.token),
    )
    if new.may_start(counter, reply.reason):
        assert new.owner is not None
        produce_after_commit(reply.start(counter, new.owner, new.choice, new.call))
        return reply
    counter.record(reply, "created")
    insert(reply)
    new.wake(reply)
    return reply


def queue_again(counter: Counter, reply: Reply, new: NewReply) -> None:
    """The next attempt of a reply that has ended, claimed at once as in `queue_reply`."""
    turn = counter.value + 1
    reason = reason_to_wait(new.rows, reply.conversation_id, turn, new.token)
    reply.queue_again(turn, new.choice.id, new.token, reason)
    if new.may_start(counter, reason):
        assert new.owner is not None
        start = reply.start(counter, new.owner, new.choice, new.call, AGAIN_FIELDS)
        produce_after_commit(start)
        return
    reply.touch(counter, *AGAIN_FIELDS)
    new.wake(reply)
