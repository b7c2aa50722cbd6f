"""The processes that produce replies, each with one lease for all it produces."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import models
from django.db.models.functions import Now


class ProcessQuerySet(models.QuerySet["Process"]):
    def dead(self, lease: timedelta) -> ProcessQuerySet:
        """Processes whose lease is over, by the database's clock."""
        return self.filter(seen__lt=Now() - lease)

    def renew(self, uid: UUID) -> bool:
        """Prolong a lease; False when another process has already swept the row away."""
        return self.filter(uid=uid).update(seen=Now()) == 1


class Process(models.Model):
    """A server or worker process, from its start to the release or loss of its lease."""

    uid = models.UUIDField(unique=True)
    name = models.CharField(max_length=100, help_text="Readable name: host:pid.")
    started = models.DateTimeField(db_default=Now())
    seen = models.DateTimeField(db_default=Now(), db_index=True)

    objects = ProcessQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name
