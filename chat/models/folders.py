"""Folders of a user, on one level: each conversation is in one of them, or in none."""

from __future__ import annotations

from itertools import batched
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from uuid import UUID, uuid4, uuid5

from django.conf import settings
from django.db import models

from chat.database.statements import update
from chat.models.changes import Counter, Deletion
from chat.models.values.graphemes import cut
from chat.models.values.refusals import IdReused, TooMany
from chat.sentence import Sentence

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from chat.models.conversations import ConversationQuerySet

NAME_LENGTH = 80
MEMBERS_AT_ONCE = 500


class FolderQuerySet(models.QuerySet["Folder"]):
    def for_user(self, user: User | int | Any) -> FolderQuerySet:
        """The only door to folders: for a user or its key. Removed ones are not found."""
        return self.filter(owner_id=getattr(user, "pk", user), deleted_at=None)

    def make(self, user_id: int, key: UUID, name: str) -> tuple[Folder, bool]:
        """A folder, and whether it was made now.

        The same `key` of the same user gives the same one, as it now stands. Raises `TooMany`, and
        `IdReused` where it was deleted.
        """
        uid = uuid5(key, f"folder of {user_id}")
        with Counter.objects.held(user_id) as counter:
            mine = self.for_user(user_id)
            if row := mine.filter(uid=uid).first():
                return row, False
            if Deletion.objects.filter(user_id=user_id, uid=uid).exists():
                raise IdReused
            if mine.count() >= settings.FOLDERS_PER_USER:
                most = settings.FOLDERS_PER_USER
                raise TooMany(
                    Sentence("There are already {count} folders (FOLDERS_PER_USER).", count=most)
                )
            row = Folder(uid=uid, owner_id=user_id, name=cut(name, NAME_LENGTH))
            counter.record(row, "created")
            row.save(force_insert=True)
        return row, True


class Folder(models.Model):
    KIND: ClassVar[Literal["folder"]] = "folder"

    uid = models.UUIDField(unique=True, default=uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="folders"
    )
    name = models.CharField(max_length=NAME_LENGTH)
    created = models.DateTimeField(auto_now_add=True)
    seq = models.BigIntegerField(default=0)
    deleted_at = models.DateTimeField(
        null=True, help_text="Time of removal. The row is deleted later."
    )
    held = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        help_text="Keys of the conversations in the folder at its removal.",
    )

    objects = FolderQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["owner", "seq"]),
            models.Index(
                fields=["deleted_at"],
                name="chat_folder_removed",
                condition=models.Q(deleted_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.uid)

    def rename(self, name: str) -> None:
        """Give it another name. Raises `Folder.DoesNotExist` where it is deleted."""
        with Counter.objects.held(self.owner_id) as counter:
            self.refresh_from_db()
            if self.deleted_at is not None:
                raise Folder.DoesNotExist
            self.name = cut(name, NAME_LENGTH)
            counter.record(self, "updated")
            update(self, ["name", "seq"])

    def empty(self, counter: Counter) -> None:
        """Put its conversations into no folder, and note which they were; the caller saves that."""
        self.held = []
        while some := list(self.conversations.with_leaf()[:MEMBERS_AT_ONCE]):
            self.held += [row.pk for row in some]
            for row in some:
                row.folder = None
                counter.record(row, "updated")
            self.conversations.bulk_update(some, ["folder", "seq"])

    def fill(self, counter: Counter, mine: ConversationQuerySet) -> None:
        """Put those of the noted ones into it that are among `mine`, and in no folder."""
        for keys in batched(self.held, MEMBERS_AT_ONCE, strict=False):
            some = list(mine.with_leaf().filter(pk__in=keys, folder=None).order_by("pk"))
            for row in some:
                row.folder = self
                counter.record(row, "updated")
            mine.bulk_update(some, ["folder", "seq"])
