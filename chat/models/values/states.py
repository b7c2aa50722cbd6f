"""States and roles of messages, and the reasons for which a reply waits."""

from __future__ import annotations

from django.db import models


class Status(models.TextChoices):
    """The state of a reply; the last four are ends."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETE = "complete"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


UNFINISHED = (Status.QUEUED, Status.RUNNING)


class Reason(models.TextChoices):
    """The reason for which a reply waits."""

    BEHIND = "behind"
    USER_LIMIT = "user_limit"
    RETRY = "retry"
    TAKEOVER = "takeover"
    RESTART = "restart"


class Role(models.TextChoices):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
