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


type Said = list[dict[str, Any]]
"""Messages as a client sends them and an endpoint gets them: role, content and whatever else."""


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
    """Null in their place stands for what was said in turn, which is not stored twice."""
    parameters = models.JSONField(default=dict, help_text="Passed on to the endpoint as they are.")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        # The chain first: those that are not to be stored are found by it alone.
        indexes = [models.Index(fields=["chain", "user"])]

    def __str__(self) -> str:
        return self.chain[:12]

    def keep(self, messages: Said, prompt: Said) -> None:
        """Note what the conversation's own prompt does not say of what was sent."""
        said = _spoken(prompt)
        at = next((at for at, one in enumerate(messages) if one in said[:1]), len(messages))
        end = at + len(said)
        if messages == prompt:
            self.messages = None
        elif said and messages[at:end] == said:
            self.messages = [*messages[:at], None, *messages[end:]]
        else:
            self.messages = messages

    def prompt(self, prompt: Said) -> Said:
        """What was sent; `prompt` is what the conversation itself says."""
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


def _spoken(prompt: Said) -> Said:
    return [message for message in prompt if message["role"] != "system"]
