"""Requests of clients: a table, by which each is carried out once per id."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, models
from django.utils import timezone

from chat.database.statements import insert
from chat.models.attempting.claiming import claimed_at_once
from chat.models.changes import Counter
from chat.models.conversations import Conversation
from chat.models.messages import Message
from chat.models.replies import Reply
from chat.models.values.refusals import IdReused, NoModel, NotAllowed, TooMany


@dataclass(frozen=True)
class Accepted:
    """The ids a request was stored under: the fields of the `accepted` frame."""

    id: UUID
    conversation: UUID
    message: UUID
    reply: UUID
    row: Reply | None = field(default=None, compare=False)
    """The reply as just stored; None where it is gone or the request was known already."""


type Store = Callable[[Counter, int | None], Accepted]
"""Carries out a request under the user's counter; the owner may claim its reply."""


class RequestQuerySet(models.QuerySet["Request"]):
    def forget_old(self) -> int:
        """Drop ids older than `REQUEST_DAYS`; returns how many."""
        horizon = timezone.now() - timedelta(days=settings.REQUEST_DAYS)
        return self.filter(created__lt=horizon).delete()[0]

    def once(self, user_id: int, key: UUID, body: list[Any], store: Store) -> Accepted:
        """Carry out a request in one transaction; one that was carried out gets the same answer.

        Its earlier answer is looked up only where it cannot be carried out (again).
        Raises `IdReused` where it had another body.
        """

        def store_or_repeat(owner: int | None) -> Accepted:
            try:
                return self._store(user_id, key, body, store, owner)
            except (ObjectDoesNotExist, NotAllowed, NoModel, TooMany, IntegrityError):
                if known := self.known(user_id, key, body):
                    return known
                raise

        return claimed_at_once(store_or_repeat)

    def _store(
        self, user_id: int, key: UUID, body: list[Any], store: Store, owner: int | None
    ) -> Accepted:
        with Counter.objects.held(user_id) as counter:
            accepted = store(counter, owner)
            self.remember(user_id, key, body, accepted)
        return replace(accepted, id=key)

    def answered(
        self, user_id: int, key: UUID, body: list[Any], work: Callable[[Counter], Any]
    ) -> Any:
        """Do some work in one transaction, and keep its answer, which is JSON; once per `key`.

        Raises `IdReused` where the id came with another body.
        """
        with Counter.objects.held(user_id) as counter:
            if row := self.filter(user_id=user_id, key=key).first():
                if row.digest != _digest(body):
                    raise IdReused
                return row.answer
            answer = work(counter)
            ids = {"conversation": key, "message": key, "reply": key}  # none: it is about many
            digest = _digest(body)
            insert(Request(user_id=user_id, key=key, digest=digest, answer=answer, **ids))
        return answer

    def known(self, user_id: int, key: UUID, body: list[Any]) -> Accepted | None:
        """The earlier answer to this request, if any. Raises `IdReused`."""
        row = self.filter(user_id=user_id, key=key).first()
        if row is None:
            return None
        if row.digest != _digest(body):
            raise IdReused
        return Accepted(key, row.conversation, row.message, row.reply)

    def remember(self, user_id: int, key: UUID, body: list[Any], accepted: Accepted) -> None:
        """Store the answer to a request; fails if there is one already."""
        row = Request(
            user_id=user_id,
            key=key,
            digest=_digest(body),
            conversation=accepted.conversation,
            message=accepted.message,
            reply=accepted.reply,
        )
        insert(row)


class Request(models.Model):
    """One accepted request; kept whatever becomes of the rows it made."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        db_constraint=False,  # what it has made is checked; it is forgotten in any case
    )
    key = models.UUIDField(help_text="Id made by the client.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the request's body.")
    conversation = models.UUIDField()
    message = models.UUIDField()
    reply = models.UUIDField()
    answer = models.JSONField(null=True, help_text="Stored answer to a request about many objects.")
    created = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = RequestQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="chat_request_once")]

    def __str__(self) -> str:
        return str(self.key)


def accepted(
    conversation: Conversation, message: Message, reply: Reply, *, gone: bool = False
) -> Accepted:
    """The ids of the stored objects; with `gone` of the deleted ones."""
    return Accepted(message.uid, conversation.uid, message.uid, reply.uid, None if gone else reply)


def _digest(body: list[Any]) -> str:
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()
