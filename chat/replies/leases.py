"""The lease of this process, and the sweep that takes up replies of dead ones."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection
from datetime import timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from chat import metrics
from chat.models import Process, Reason, Reply, Status


def name() -> str:
    """The name of this process for people."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}"


def register() -> Process:
    """A new row, and so a new lease, for this process."""
    return Process.objects.create(uid=uuid4(), name=name())


def renew(uid: UUID) -> bool:
    """Prolong the lease; False when it was lost, and with it all that this process produces."""
    return Process.objects.renew(uid)


def release(pk: int) -> None:
    Process.objects.filter(pk=pk).delete()


def sweep(me: int, live: Collection[int], *, alone: bool) -> int:
    """Queue again replies without a producer; returns the number of other leases.

    `live` are the replies produced here. With `alone` no other process can exist (SQLite under
    its lock), so replies of another one are taken up without waiting for its lease to end.
    """
    others = Process.objects.exclude(pk=me)
    dead = others if alone else others.dead(timedelta(seconds=settings.LEASE_SECONDS))
    running = Reply.objects.filter(status=Status.RUNNING)
    dead_ids = list(dead.values_list("pk", flat=True))
    orphans = running.filter(Q(owner_id__in=dead_ids) | Q(owner=None))
    # By the clock that the claims of this process were stamped with, not by the database's.
    a_while = timezone.now() - timedelta(seconds=5)
    lost = running.filter(owner_id=me, claimed_at__lt=a_while)
    left = []
    for gone in (orphans, lost.exclude(pk__in=live)):
        left += Reply.objects.put_back(gone, Reason.TAKEOVER, fault=True, wait=False)
    # The next sweep examines locked rows again, and so needs their dead owner.
    missed = running.filter(owner_id__in=dead_ids).values("owner_id")
    Process.objects.filter(pk__in=dead_ids).exclude(pk__in=missed).delete()
    metrics.TAKE_OVERS.inc(len(left))
    return others.count() if not alone else 0


def hand_over(me: int) -> None:
    """Queue again all that runs under this process's name, for another or for its next start."""
    running = Reply.objects.filter(status=Status.RUNNING, owner_id=me)
    Reply.objects.put_back(running, Reason.RESTART, fault=False)
