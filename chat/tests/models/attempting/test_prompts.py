"""Prompts: read from the end of the path, as far as they fit, and the same as of the whole path."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.models import (
    Accepted,
    Conversation,
    Message,
    Outcome,
    Process,
    Reply,
    Role,
    Status,
)
from chat.models.attempting.context import alternating, trim
from chat.models.attempting.prompts import build_prompt, depth_of, prompt

LETTERS = st.characters(codec="utf-8", exclude_characters="\0")
TEXTS = st.lists(st.text(LETTERS, max_size=300))


def talk(owner: User, texts: list[str], system: str = "") -> Message:
    """The last message of a conversation in which these were said, the last by its owner."""
    chosen = {"system": system} if system else {}
    chat = Conversation.objects.create(owner=owner, updated=timezone.now(), settings=chosen)
    above = None
    for at, text in enumerate(texts):
        role = Role.USER if (len(texts) - at) % 2 else Role.ASSISTANT
        above = Message.objects.create(
            conversation=chat, user=owner, parent=above, role=role, text=text
        )
    assert above is not None
    return above


@pytest.mark.django_db
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(TEXTS, st.text(LETTERS, max_size=40), st.integers(64, 900), st.text("ab", max_size=500))
def test_what_is_not_read_would_not_have_fitted(
    alice: User, texts: list[str], last: str, context: int, kept: str
) -> None:
    message = talk(alice, [*texts, f"{last}?"], "Be brief.")
    chat = message.conversation
    whole = trim(prompt(chat, message), context, answer=None, kept=kept)
    asked = build_prompt(chat, message, context, kept=kept)
    assert asked.messages == alternating(whole.messages)
    empty = [text for text in texts if not text]
    assert whole.left_out <= asked.left_out <= whole.left_out + len(empty)


@pytest.mark.django_db
@pytest.mark.parametrize("count", [9, 401])
def test_a_longer_conversation_is_read_by_the_same_statements(alice: User, count: int) -> None:
    message = talk(alice, ["x" * 400] * count)
    message.depth = count - 1
    with CaptureQueriesContext(
        connection,
    ) as seen:
        asked = build_prompt(message.conversation, message, 256)
    assert len(seen) == 1
    assert len(asked.messages) + asked.left_out == count
    assert len(asked.messages) < 3


@pytest.mark.django_db
def test_where_nobody_noted_the_depth_it_is_counted(alice: User) -> None:
    message = talk(alice, ["Hi"] * 7)
    assert (message.depth, depth_of(message)) == (None, 6)


@pytest.mark.parametrize("outcome", [Outcome(Status.FAILED), Outcome(Status.STOPPED)])
def test_after_a_reply_without_text_the_model_is_asked_with_roles_in_turn(
    send: Callable[..., Accepted],
    get: Callable[[Accepted], Reply],
    process: Process,
    outcome: Outcome,
) -> None:
    """Many a template refuses two messages of the user in a row: the conversation would be dead."""
    accepted = send("One")
    for text in ("Two", "Three"):
        claim = Reply.objects.claim(get(accepted).pk, process.pk)
        assert claim is not None
        Reply.objects.finish(claim, "", "Hm.", outcome)
        accepted = send(text, below=accepted)
    claim = Reply.objects.claim(get(accepted).pk, process.pk)
    assert claim is not None
    assert claim.messages == [{"role": "user", "content": "One\n\nTwo\n\nThree"}]
