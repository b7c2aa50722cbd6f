"""One action on many conversations of a user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from chat.models.changes import Counter
from chat.models.commands.removal import remove_all, restorable, restore_all
from chat.models.conversations import Conversation
from chat.models.folders import Folder
from chat.models.requests import Request

type Action = Literal["archive", "unarchive", "move", "delete", "restore"]
type Result = Literal["done", "not_found"]


def act_on(
    user_id: int, key: UUID, action: Action, uids: Sequence[UUID], folder: UUID | None = None
) -> list[tuple[UUID, Result]]:
    """Do this to all of them that are the user's, in one transaction, once per `key`.

    Says of each whether it was done. `move` puts them into this folder, or into none. Raises
    `Folder.DoesNotExist` and `IdReused`.
    """
    wanted = list(dict.fromkeys(uids))

    def work(counter: Counter) -> list[str]:
        mine = Conversation.objects.for_user(user_id)
        if action == "restore":
            mine = restorable(user_id)
        target = None if folder is None else Folder.objects.for_user(user_id).get(uid=folder)
        rows = list(mine.with_leaf().filter(uid__in=wanted).order_by("pk"))
        match action:
            case "archive" | "unarchive":
                _archive(counter, rows, archived=action == "archive")
            case "move":
                _move(counter, rows, target)
            case "delete":
                remove_all(counter, rows)
            case "restore":
                restore_all(counter, rows)
        return [str(row.uid) for row in rows]

    body = [action, str(folder), [str(uid) for uid in wanted]]
    done = set(Request.objects.answered(user_id, key, body, work))
    return [(uid, "done" if str(uid) in done else "not_found") for uid in wanted]


def _archive(counter: Counter, rows: Sequence[Conversation], *, archived: bool) -> None:
    for row in rows:
        if row.archived != archived:
            row.archived = archived
            row.touch(counter, "archived")


def _move(counter: Counter, rows: Sequence[Conversation], folder: Folder | None) -> None:
    for row in rows:
        if row.folder_id != (folder.uid if folder else None):
            row.folder = folder
            row.touch(counter, "folder")
