"""A call of the OpenAI-compatible API: the parts of it that are no message."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from chat.models.messages import Message
from chat.models.values.states import Status

SETTINGS = ("temperature", "top_p", "max_tokens", "reasoning_effort")
"""Parameters that Parley knows itself, by its own names."""


type Messages = list[dict[str, Any]]
"""Messages as a client sends them and an endpoint gets them: role, content and whatever else."""


def digest(messages: Sequence[dict[str, Any]]) -> str:
    """The digest that finds messages again. Space around a text is ignored: clients strip it."""
    said = [[message["role"], message["content"].strip()] for message in messages]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


class ApiCallQuerySet(models.QuerySet["ApiCall"]):
    def kept(self, user_id: int) -> Self:
        """Answered and stored calls of this user."""
        answered = self.filter(user=user_id, reply__status__in=(Status.COMPLETE, Status.STOPPED))
        seen = answered.filter(reply__conversation__deleted_at=None)
        return seen.exclude(chain="").select_related("reply", "reply__conversation")

    def with_metadata(self, wanted: Mapping[str, str]) -> Self:
        """Calls that have all of this metadata."""
        rows = self
        for at, (key, value) in enumerate(wanted.items()):
            # Not as a lookup's name: a key may have any characters.
            text = Cast(KeyTextTransform(key, "metadata"), models.TextField())
            columns = {f"metadata_{at}": text}
            rows = rows.annotate(**columns).filter(**{f"metadata_{at}": value})
        return rows

    def page(
        self, *, after: int | None, newest_first: bool, limit: int, characters: int
    ) -> tuple[list[ApiCall], bool]:
        """At most so many after this one, with at most so many characters of answers, and whether
        there are more; one at least, however long."""
        rows = self.order_by("-pk" if newest_first else "pk")
        if after is not None:
            rows = rows.filter(**{"pk__lt" if newest_first else "pk__gt": after})
        sizes = rows.values_list("pk", "reply__length", "reply__reasoning_length")
        found = list(sizes[: limit + 1])
        taken: list[int] = []
        for pk, *lengths in found[:limit]:
            characters -= sum(length or 0 for length in lengths)
            if taken and characters < 0:
                break
            taken.append(pk)
        calls = self.in_bulk(taken)
        return [calls[pk] for pk in taken if pk in calls], len(found) > len(taken)


class ApiCall(models.Model):
    """One call and the reply to it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    reply = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="call")
    chain = models.CharField(
        max_length=64,
        help_text="SHA-256 of the call's messages, by which a later call finds its conversation. "
        "Empty: the call is not kept; its conversation is deleted at its end.",
    )
    messages = models.JSONField(
        null=True, help_text="The call's messages, if the conversation does not hold all of them."
    )
    """Null in their place stands for the messages in turn, which are not stored twice."""
    parameters = models.JSONField(
        default=dict, help_text="Parameters passed on to the endpoint unchanged."
    )
    metadata = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        help_text="Metadata that the client sent.",
    )
    waiting = models.PositiveSmallIntegerField(
        default=1,
        db_default=1,
        help_text="Number of clients that wait for the answer, in all processes. A call repeated "
        "with its key is carried out once.",
    )
    created = models.DateTimeField(auto_now_add=True)

    objects = ApiCallQuerySet.as_manager()

    class Meta:
        # The chain first: those that are not to be stored are found by it alone.
        indexes = [models.Index(fields=["chain", "user"])]

    def __str__(self) -> str:
        return self.chain[:12]

    def keep(self, messages: Messages, prompt: Messages) -> None:
        """Store the parts of the call that the conversation's own prompt does not have."""
        said = _spoken(prompt)
        at = next((at for at, one in enumerate(messages) if one in said[:1]), len(messages))
        end = at + len(said)
        if messages == prompt:
            self.messages = None
        elif said and messages[at:end] == said:
            self.messages = [*messages[:at], None, *messages[end:]]
        else:
            self.messages = messages

    def describe(self, metadata: dict[str, Any]) -> None:
        """Keep other metadata with it."""
        self.metadata = metadata
        self.save(update_fields=["metadata"])

    def prompt(self, prompt: Messages) -> Messages:
        """The messages as they were sent; `prompt` is the conversation's own."""
        if self.messages is None:
            return prompt
        said = _spoken(prompt)
        return [one for kept in self.messages for one in ([kept] if kept else said)]

    def split(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Its parameters: those that Parley knows, under its names, and all others."""
        others = dict(self.parameters)
        if "max_completion_tokens" in others:  # each endpoint has its own name for this one
            others["max_tokens"] = others.pop("max_completion_tokens")
        return {name: others.pop(name) for name in SETTINGS if name in others}, others


def _spoken(prompt: Messages) -> Messages:
    return [message for message in prompt if message["role"] != "system"]
