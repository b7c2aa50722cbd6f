"""Conversations as trees of any shape, for the modules that read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from hypothesis import strategies as st

from chat.models import Conversation, Message, Role, Status
from chat.models.attempting.prompts import depth_of

type Grow = Callable[..., tuple[Conversation, list[Message]]]

SHAPES = st.lists(st.integers(0, 20), min_size=1, max_size=16)
"""For each message the place of its parent among those before it; its own place: none."""


@pytest.fixture
def grow(alice: User) -> Grow:
    """Makes a tree of this shape; each message has its place as text, or as many letters."""

    def grow(shape: Sequence[int], sizes: Sequence[int] = ()) -> tuple[Conversation, list[Message]]:
        chat = Conversation.objects.create(owner=alice, updated=timezone.now())
        messages: list[Message] = []
        for at, parent in enumerate(shape):
            above = messages[parent % (at + 1)] if parent % (at + 1) < at else None
            is_reply = above is not None and above.role == Role.USER
            text = "x" * sizes[at] if sizes else str(at)
            messages.append(
                Message.objects.create(
                    conversation=chat,
                    user=alice,
                    parent=above,
                    depth=depth_of(above) + 1 if above is not None else 0,
                    role=Role.ASSISTANT if is_reply else Role.USER,
                    status=Status.COMPLETE if is_reply else "",
                    text=text,
                    length=len(text) if is_reply else None,
                )
            )
        chat.message_count = len(messages)
        chat.leaf = messages[-1]
        chat.save()
        return chat, messages

    return grow


def path_to(message: Message | None) -> list[Message]:
    """From a message upwards."""
    found = []
    while message is not None:
        found.append(message)
        message = message.parent
    return found
