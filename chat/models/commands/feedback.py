"""Feedback of a user on a reply: a thumb, reasons and words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from chat.models.changes import Counter
from chat.models.replies import Reply
from chat.models.values.refusals import NotAllowed
from chat.sentence import Sentence

THUMBS = {"up": 1, "down": -1}


def give_feedback(
    user_id: int, reply: UUID, thumb: Literal["up", "down"], reasons: Sequence[str], words: str
) -> Reply:
    """Set the feedback on a reply, in place of an earlier one.

    Raises `Reply.DoesNotExist`, and `NotAllowed` for one that has not ended.
    """
    details: dict[str, object] = {"reasons": list(dict.fromkeys(reasons)), "words": words}
    return _set(user_id, reply, THUMBS[thumb], details)


def take_feedback_back(user_id: int, reply: UUID) -> Reply:
    """Remove it. Raises `Reply.DoesNotExist`."""
    return _set(user_id, reply, 0, None)


def _set(user_id: int, uid: UUID, thumb: int, details: dict[str, object] | None) -> Reply:
    with Counter.objects.held(user_id) as counter:
        row: Reply = Reply.objects.for_user(user_id).locked().get(uid=uid)
        if thumb and row.ended is None:
            raise NotAllowed(Sentence("This reply has not ended yet."))
        if (row.thumb, row.feedback) != (thumb, details):
            row.thumb, row.feedback = thumb, details
            row.touch(counter, "thumb", "feedback")
    return row
