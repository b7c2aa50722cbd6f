"""Folders of a user, on one level: each conversation is in one of them, or in none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal
from uuid import UUID, uuid4, uuid5

from django.conf import settings
from django.db import models

from chat.models.changes import Counter, Deletion
from chat.models.graphemes import cut
from chat.models.refusals import IdReused, TooMany
from chat.models.statements import update

if TYPE_CHECKING:
    from django.contrib.auth.models import User

NAME_LENGTH = 80
MEMBERS_AT_ONCE = 500


class FolderQuerySet(models.QuerySet["Folder"]):
    def for_user(self, user: User | int | Any) -> FolderQuerySet:
        """The only door to folders: for a user or its key."""
        return self.filter(owner_id=getattr(user, "pk", user))

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
                raise TooMany(f"There are already {most} folders (FOLDERS_PER_USER).")
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

    objects = FolderQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["owner", "seq"])]

    def __str__(self) -> str:
        return str(self.uid)

    def rename(self, name: str) -> None:
        """Give it another name. Raises `Folder.DoesNotExist` where it is deleted."""
        with Counter.objects.held(self.owner_id) as counter:
            self.refresh_from_db()
            self.name = cut(name, NAME_LENGTH)
            counter.record(self, "updated")
            update(self, ["name", "seq"])

    def remove(self) -> None:
        """Delete it; its conversations are in no folder then.

        Raises `Folder.DoesNotExist` for one that is deleted already.
        """
        with Counter.objects.held(self.owner_id) as counter:
            if not Folder.objects.filter(pk=self.pk).exists():
                raise Folder.DoesNotExist
            self._empty(counter)
            self.delete()
            counter.record_deletion("folder", self.uid)

    def _empty(self, counter: Counter) -> None:
        while some := list(self.conversations.with_leaf()[:MEMBERS_AT_ONCE]):
            for row in some:
                row.folder = None
                counter.record(row, "updated")
            self.conversations.bulk_update(some, ["folder", "seq"])
