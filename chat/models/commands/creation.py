"""A conversation that is made before anything is said in it."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from django.utils import timezone

from chat.models.changes import Counter, Deletion
from chat.models.commands.temporary import shown_first
from chat.models.conversations import TITLE_LENGTH, Conversation, TitleOrigin
from chat.models.values.refusals import IdReused
from chat.models.values.titles import UNTITLED


def make_conversation(
    user_id: int,
    key: UUID,
    *,
    title: str | None,
    model: str | None,
    settings: dict[str, Any] | None,
    temporary: bool = False,
) -> tuple[Conversation, bool]:
    """An empty conversation, and whether it was made now.

    The same `key` of the same user gives the same one, as it now stands: its id is made of both,
    so that nobody can take or probe an id of somebody else's. Raises `IdReused` where it was
    deleted, and `NotAllowed` where none may be temporary.
    """
    uid = uuid5(key, f"conversation of {user_id}")
    with Counter.objects.held(user_id) as counter:
        known = Conversation.objects.for_user(user_id).with_leaf().filter(uid=uid)
        if row := known.first():
            return row, False
        if Deletion.objects.filter(user_id=user_id, uid=uid).exists():
            raise IdReused
        row = Conversation(
            uid=uid,
            owner_id=user_id,
            title=(title or UNTITLED)[:TITLE_LENGTH],
            title_origin=TitleOrigin.OWNER if title else TitleOrigin.WORDS,
            model=model or "",
            settings=settings or {},
            updated=timezone.now(),
            shown_at=shown_first(temporary),
        )
        counter.record(row, "created")
        row.save(force_insert=True)
    return row, True
