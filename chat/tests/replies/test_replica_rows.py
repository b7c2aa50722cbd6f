"""Readings of replicas: states and new texts, in two statements for all of them."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from chat import models
from chat.models import Accepted, Claim, Outcome, Process, Reason, Reply, Status, Unsaved
from chat.replies.following import _load
from chat.replies.pieces import PIECE
from chat.replies.replica_rows import Progress, read

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _a_model(settings: Settings) -> None:
    settings.OPENAI_API_KEY = "sk-test"
    settings.CHAT_MODEL = ["one"]
    settings.RUNNING_REPLIES_PER_USER = 100


@pytest.fixture
def owner(db: None) -> Process:
    return Process.objects.create(uid=uuid4(), name="elsewhere:1")


def send(alice: User, below: Accepted | None = None) -> Accepted:
    return models.send(
        alice.pk,
        uuid4(),
        conversation=below.conversation if below else None,
        parent=below.reply if below else None,
        text="Hello",
        model="openai/one",
    )


def claim(accepted: Accepted, owner: Process) -> Claim:
    claimed: Claim | None = Reply.objects.claim(Reply.objects.get(uid=accepted.reply).pk, owner.pk)
    assert claimed is not None
    return claimed


def store(held: Claim, *parts: tuple[str, int, str]) -> None:
    Reply.objects.checkpoint(held.owner, [Unsaved(held.reply, held.attempt, parts)])


def progress(attempt: int = 0, text: int = 0, since: int = 0, reasoning: int = 0) -> Progress:
    have = {"text": text, "reasoning": reasoning}
    return Progress(attempt, have, {"text": since, "reasoning": 0})


def test_fifty_replies_are_read_with_two_statements(alice: User, owner: Process) -> None:
    held = [claim(send(alice), owner) for _ in range(50)]
    for one in held:
        store(one, ("text", 0, "Hi 👍"), ("reasoning", 0, "Hm."))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        found = read({one.reply: progress() for one in held})
    assert len(queries) == 2
    for one in held:
        seen = found[one.reply]
        assert sorted(seen.pieces) == [("reasoning", 0, "Hm."), ("text", 0, "Hi 👍")]
        assert (seen.row.status, seen.owner) == ("running", owner.uid.hex)


def test_only_what_lies_beyond_a_copy_is_read(alice: User, owner: Process) -> None:
    held = claim(send(alice), owner)
    store(held, ("text", 0, "日本 one "))
    store(held, ("text", 7, "👍 two "))
    store(held, ("text", 13, "three"))
    found = read({held.reply: progress(1, text=9, since=7)})[held.reply]
    assert found.pieces == [("text", 9, "two "), ("text", 13, "three")]
    assert found.last == {"text": 13}
    found = read({held.reply: progress(1, text=30, since=13)})[held.reply]
    assert "".join(text for _, _, text in found.pieces) == ""


def test_of_another_attempt_all_is_read_and_nothing_of_the_one_before(
    alice: User, owner: Process
) -> None:
    accepted = send(alice)
    held = claim(accepted, owner)
    store(held, ("text", 0, "The first attempt."))
    running = Reply.objects.filter(pk=held.reply)
    Reply.objects.put_back(running, Reason.TAKEOVER, fault=True)
    second = claim(accepted, owner)
    assert (second.attempt, second.text) == (2, ""), "it does not go on from the first"
    found = read({second.reply: progress(1, text=18)})[second.reply]
    assert found.pieces == []
    assert found.row.text == ""
    assert _load(alice.pk, second.uid)[1:] == ("", ""), "nor does who begins to follow see it"
    store(second, ("text", 0, "The second."))
    assert _load(alice.pk, second.uid)[1:] == ("The second.", "")
    found = read({second.reply: progress(1, text=18, since=18)})[second.reply]
    assert found.pieces == [("text", 0, "The second.")]


def test_the_end_comes_with_what_lies_beyond_and_never_with_more_than_a_piece(
    alice: User, owner: Process
) -> None:
    held = claim(send(alice), owner)
    text = "日本" * PIECE
    Reply.objects.finish(held, text, "thought", Outcome(Status.COMPLETE, finish_reason="stop"))
    near = progress(1, text=len(text) - 3, reasoning=2)
    for at, pieces in (
        (near, [("reasoning", 2, "ought"), ("text", len(text) - 3, "本日本")]),
        (progress(1, text=3, reasoning=7), []),
        (progress(0), []),
    ):
        with CaptureQueriesContext(connection) as queries:
            found = read({held.reply: at})[held.reply]
        assert len(queries) == 1 + bool(pieces)
        assert (sorted(found.pieces), found.owner) == (pieces, "")
        assert "text" in found.row.get_deferred_fields()


def test_who_waits_learns_how_many_are_before_it(alice: User, owner: Process) -> None:
    first = send(alice)
    waiting = [first]
    for _ in range(2):
        waiting.append(send(alice, below=waiting[-1]))
    claim(first, owner)
    ids = [Reply.objects.get(uid=one.reply).pk for one in waiting]
    found = read({pk: progress() for pk in ids})
    assert [found[pk].place for pk in ids] == [None, 1, 2]


def test_what_was_deleted_is_not_found(alice: User, owner: Process) -> None:
    held = claim(send(alice), owner)
    Reply.objects.filter(pk=held.reply).delete()
    assert read({held.reply: progress()}) == {}
