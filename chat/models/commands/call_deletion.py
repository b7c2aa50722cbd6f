"""Deletion of a stored call, with the messages that are there for no other."""

from __future__ import annotations

from collections import Counter as Tally
from uuid import UUID

from chat.models.api_calls import ApiCall
from chat.models.changes import Counter
from chat.models.messages import Message
from chat.models.values.states import UNFINISHED, Role, Status

CUT_OFF = (Status.FAILED, Status.INTERRUPTED)


class StillAnswered(Exception):
    """The reply of a call has not ended."""


def delete_call(user_id: int, reply: UUID) -> None:
    """Delete a call and its reply, with earlier tries of the same call that failed.

    With them go the earlier messages that belong to nothing else: not to another call, not to a
    message of its user in the chat. A reply that something follows on is part of that prompt, and
    its text stays for as long.

    Raises `ApiCall.DoesNotExist` and `StillAnswered`.
    """
    with Counter.objects.held(user_id) as counter:
        calls = ApiCall.objects.exclude(chain="").select_related("reply__conversation")
        call = calls.get(user=user_id, reply__uid=reply, reply__conversation__deleted_at=None)
        if call.reply.status in UNFINISHED:
            raise StillAnswered
        chat = call.reply.conversation
        alone = _alone(call)
        call.delete()
        if len(alone) == chat.messages.count():
            chat.remove()
        elif alone:
            rows = chat.messages.in_bulk(alone)
            chat.forget(counter, *(rows[pk] for pk in sorted(alone)))


def _alone(call: ApiCall) -> list[int]:
    """The messages that only this call needs, the reply first and then upwards."""
    rows = {
        row[0]: row[1:]
        for row in Message.objects.filter(conversation=call.reply.conversation_id).values_list(
            "pk", "parent", "role", "status", "call", "call__chain"
        )
    }
    children = Tally(parent for parent, *_ in rows.values())
    if children[call.reply_id]:
        return []
    above = rows[call.reply_id][0]
    tries = [
        pk
        for pk, (parent, _, status, _, chain) in rows.items()
        if parent == above and status in CUT_OFF and chain == call.chain and not children[pk]
    ]
    found = list({call.reply_id: None} | dict.fromkeys(tries))
    children[above] -= len(found)
    # A reply above that has no call was brought along by one, or its own was deleted: what was
    # asked in the chat has no call below it.
    while above is not None and not children[above]:
        parent, role, _, own_call, _ = rows[above]
        if role == Role.ASSISTANT and own_call is not None:
            break
        found.append(above)
        children[parent] -= 1
        above = parent
    return found
