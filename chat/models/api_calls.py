"""A call of the OpenAI-compatible API: what it asked for besides a message."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import models

from chat.models.messages import Message

SETTINGS = ("temperature", "top_p", "max_tokens", "reasoning_effort")
"""Parameters that Parley knows itself, by its own names."""


def digest(messages: Sequence[dict[str, Any]]) -> str:
    """What messages are found by again. Space around a text does not count: clients strip it."""
    said = [[message["role"], message["content"].strip()] for message in messages]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


class ApiCall(models.Model):
    """One call and the reply to it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    reply = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="call")
    chain = models.CharField(
        max_length=64,
        help_text="SHA-256 of the messages it sent, by which a later one is found. Empty: it is "
        "not to be stored, and its conversation is deleted when it has ended.",
    )
    messages = models.JSONField(
        null=True, help_text="They themselves, where the conversation does not say it all."
    )
    parameters = models.JSONField(default=dict, help_text="Passed on to the endpoint as they are.")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        # The chain first: those that are not to be stored are found by it alone.
        indexes = [models.Index(fields=["chain", "user"])]

    def __str__(self) -> str:
        return self.chain[:12]

    def split(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Its parameters: those that Parley knows, under its names, and all others."""
        others = dict(self.parameters)
        if "max_completion_tokens" in others:  # each endpoint has its own name for this one
            others["max_tokens"] = others.pop("max_completion_tokens")
        return {name: others.pop(name) for name in SETTINGS if name in others}, others
