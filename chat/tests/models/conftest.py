"""A queue of replies, without a server: the rows decide."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from pytest_django import Settings

from chat import models
from chat.models import Accepted, Change, Process, Reply
from chat.models.changes import listener


@pytest.fixture(autouse=True)
def _a_model(settings: Settings) -> None:
    settings.OPENAI_API_KEY = "sk-test"
    settings.CHAT_MODEL = ["one", "two"]
    settings.EMBEDDED_MODEL_URL = "http://127.0.0.1:1/v1"


@pytest.fixture
def process(db: None) -> Process:
    return Process.objects.create(uid=uuid4(), name="here:1")


@pytest.fixture
def send(alice: User) -> Callable[..., Accepted]:
    """Alice sends a message, into a new conversation or below a reply."""

    def send(
        text: str = "Hello", *, below: Accepted | None = None, key: UUID | None = None,
        model: str | None = None,
    ) -> Accepted:  # fmt: skip
        return models.send(
            alice.pk,
            key or uuid4(),
            conversation=below.conversation if below else None,
            parent=below.reply if below else None,
            text=text,
            model=model,
        )

    return send


@pytest.fixture
def get() -> Callable[[Accepted], Reply]:
    """The reply as the database has it now."""
    return lambda accepted: Reply.objects.get(uid=accepted.reply)


class Heard:
    """Announcements after commits."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self._woken: list[int] = []

    def announce(self, user_id: int, changes: Sequence[Change]) -> None:
        self.changes += changes

    def wake(self, ids: Sequence[int]) -> None:
        self._woken += ids

    @property
    def woken(self) -> list[int]:
        """The replies to look at: told to this process, or stored as jobs."""
        return self._woken if settings.SQLITE else [job["reply"] for job in stored_jobs()]

    def forget_woken(self) -> None:
        self._woken.clear()
        forget_jobs()


def stored_jobs() -> list[dict[str, Any]]:
    """The arguments of the jobs that wait, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT args::text FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id"
        )
        return [json.loads(args) for (args,) in cursor.fetchall()]


def forget_jobs() -> None:
    """No test but the one that stored them finds them: Django does not empty this table."""
    if not settings.SQLITE:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs")


@pytest.fixture
def heard(transactional_db: None) -> Iterator[Heard]:
    forget_jobs()
    heard = Heard()
    listener.announce, listener.wake = heard.announce, heard.wake
    yield heard
    listener.announce = listener.wake = None
