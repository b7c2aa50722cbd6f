"""The people of the tests: Alice the owner, Bob a stranger, Carol staff."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from chat.database import locks, waiting
from chat.models import Conversation
from chat.models.messages import Message
from chat.tests.environment import SCRATCH

TESTS = Path(__file__).resolve().parent

# The test client logs people in. Who logs in by the page gets a password from the test.
NO_PASSWORD = "nobody logs in with it"


LONG_FIRST = ("test_on_postgres.py", "cluster", "browser", "live")
"""Files and folders of this one whose files take longest."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let no process begin a long file while the others have nothing left to do."""

    def rank(item: pytest.Item) -> int:
        name = item.path.relative_to(TESTS).parts[0]
        return LONG_FIRST.index(name) if name in LONG_FIRST else len(LONG_FIRST)

    items.sort(key=rank)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """A file, in which each thread has a connection of its own, as in a running server.

    One in memory has a single connection for all threads of a live server, and what two of them do
    at once with that goes wrong now and then.
    """
    if settings.SQLITE:
        connection.settings_dict["TEST"]["NAME"] = str(SCRATCH / "tests.sqlite3")


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Settings) -> None:
    """Django's own hasher takes a quarter of a second, on purpose."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _nothing_counted(settings: Settings) -> None:
    """The limits on log-ins count in the cache, which outlives a test; so do waits in vain."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    cache.clear()
    locks.waited_for_in_vain.clear()
    waiting.breaker.answered()


@pytest.fixture
def alice(db: None) -> User:
    """She owns the conversations."""
    return User.objects.create(username="alice", email="alice@example.com", password=NO_PASSWORD)


@pytest.fixture
def bob(db: None) -> User:
    """He has an account, and nothing of Alice's is his business."""
    return User.objects.create(username="bob", password=NO_PASSWORD)


@pytest.fixture
def carol(db: None) -> User:
    """She is staff and may read transcripts."""
    carol = User.objects.create(username="carol", password=NO_PASSWORD, is_staff=True)
    carol.user_permissions.add(Permission.objects.get(codename="view_conversation"))
    return carol


@pytest.fixture
def root(db: None) -> User:
    """The administrator that the first-account link made."""
    return User.objects.create(
        username="root", password=NO_PASSWORD, is_staff=True, is_superuser=True
    )


@pytest.fixture
def make_conversation(db: None) -> Callable[..., Conversation]:
    """Makes a stored conversation: a question, and its reply with the given fields."""

    def make(owner: User, title: str = "Haiku", **reply: Any) -> Conversation:
        conversation = Conversation.objects.create(
            owner=owner, title=title, model="embedded/smollm2-135m", updated=timezone.now()
        )
        question = Message.objects.create(
            conversation=conversation, user=owner, role="user", text="Write a haiku."
        )
        fields = {"status": "complete", "finish_reason": "stop", "text": "Old pond."} | reply
        if fields["status"] not in {"queued", "running"}:
            fields["ended"] = timezone.now()
        answer = Message.objects.create(
            conversation=conversation,
            user=owner,
            parent=question,
            role="assistant",
            attempt=1,
            **fields,
        )
        conversation.leaf = answer
        conversation.running = "ended" not in fields
        conversation.message_count = 2
        conversation.save()
        return conversation

    return make
