"""Use of the users' allowances, shared between processes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils import timezone

MINUTE = timedelta(minutes=1)

type Taken = tuple[int, int]
"""Frames, and flow frames."""


class RationQuerySet(models.QuerySet["Ration"]):
    def share(
        self, process: UUID, taken: Mapping[int, Taken], since: int | None
    ) -> tuple[list[tuple[int, Taken]], int | None]:
        """Store the use here, and read the use elsewhere: by user, and up to which row.

        Roughly: use that commits late, or in a process that dies, is not counted elsewhere.
        """
        now = timezone.now()
        self.filter(process=process, at__lt=now - 2 * MINUTE).delete()
        self.bulk_create(
            Ration(process=process, user_id=user_id, at=now, frames=frames, flow_frames=flow)
            for user_id, (frames, flow) in taken.items()
        )
        rows = self.exclude(process=process).filter(at__gte=now - MINUTE)
        if since is not None:
            rows = rows.filter(pk__gt=since)
        found = list(rows.order_by("pk").values_list("pk", "user_id", "frames", "flow_frames"))
        return [(user, (frames, flow)) for _, user, frames, flow in found], (
            found[-1][0] if found else since
        )

    def forget_old(self) -> int:
        """Drop rows of processes that are gone."""
        return self.filter(at__lt=timezone.now() - 2 * MINUTE).delete()[0]


class Ration(models.Model):
    """Use of one user's allowances in one process since it reported the last time."""

    process = models.UUIDField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        db_constraint=False,  # it is gone in two minutes, and must never hold a user back
    )
    at = models.DateTimeField()
    frames = models.PositiveIntegerField()
    flow_frames = models.PositiveIntegerField()

    objects = RationQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["at"])]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.frames}, {self.flow_frames}"
