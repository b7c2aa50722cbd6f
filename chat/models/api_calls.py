"""A call of the OpenAI-compatible API: what it asked for besides a message."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from chat.models.messages import Message


class ApiCall(models.Model):
    """One call and the reply to it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    reply = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="call")
    chain = models.CharField(
        max_length=64, help_text="SHA-256 of the messages it sent, by which a later one is found."
    )
    messages = models.JSONField(
        null=True, help_text="They themselves, where the conversation does not say it all."
    )
    parameters = models.JSONField(default=dict, help_text="Passed on to the endpoint as they are.")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["user", "chain"])]

    def __str__(self) -> str:
        return self.chain[:12]
