"""Whose turn it is: one reply runs per conversation, so many per user, the oldest first."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models, transaction
from django.db.models.functions import Now

from chat.models.changes import wake
from chat.models.locks import limits
from chat.models.messages import UNFINISHED, Message, Reason, Status


class TurnQuerySet[R: Message](models.QuerySet[R]):
    def reason_to_wait(self, user_id: int, conversation_id: int | None, turn: int) -> str:
        """Why a reply with this turn cannot run now, or ""."""
        others = self.filter(user_id=user_id, status__in=UNFINISHED).values_list(
            "conversation_id", "status", "turn"
        )
        running = 0
        for conversation, status, other in others:
            if status == Status.RUNNING:
                running += 1
            if conversation == conversation_id and (status == Status.RUNNING or other < turn):
                return Reason.BEHIND
        return Reason.USER_LIMIT if running >= settings.RUNNING_REPLIES_PER_USER else ""

    def wake_next(self, user_id: int) -> None:
        """Wake what could run now: the first queued of each idle conversation, oldest first.

        Everything that ends or removes a reply calls this in its transaction.
        """
        rows = list(
            self.filter(user_id=user_id, status__in=UNFINISHED)
            .order_by("turn")
            .values_list("pk", "conversation_id", "status")
        )
        taken = {conversation for _, conversation, status in rows if status == Status.RUNNING}
        room = settings.RUNNING_REPLIES_PER_USER - sum(row[2] == Status.RUNNING for row in rows)
        first = []
        for pk, conversation, _ in rows:
            if conversation not in taken:
                taken.add(conversation)
                first.append(pk)
        wake(first[: max(room, 0)])

    def wake_forgotten(self, seconds: float = 5) -> list[int]:
        """Wake what could run and nobody has looked at for so long; returns its ids.

        A wake-up may thus be lost anywhere. Of several processes that look, one wakes each.
        """
        stale = models.Q(woken_at=None) | models.Q(woken_at__lt=Now() - timedelta(seconds=seconds))
        before = self.filter(
            models.Q(status=Status.RUNNING) | models.Q(turn__lt=models.OuterRef("turn")),
            conversation=models.OuterRef("conversation"),
            status__in=UNFINISHED,
        )
        queued = self.filter(status=Status.QUEUED, created__lt=Now() - timedelta(seconds=seconds))
        first = queued.filter(stale).exclude(models.Exists(before)).order_by("turn")
        ids = list(first.values_list("pk", flat=True)[:500])
        if not ids:
            return []
        with transaction.atomic():
            # Without the counters' locks: what somebody else holds is being looked at.
            rows = self.select_for_update(skip_locked=True, no_key=True)
            rows = rows.filter(stale, pk__in=ids, status=Status.QUEUED)
            found = rows.order_by("turn").values_list("pk", *limits().values())
            ids = [pk for pk, *_ in found]
            self.filter(pk__in=ids).update(woken_at=Now())
            wake(ids, again=True)
        return ids
