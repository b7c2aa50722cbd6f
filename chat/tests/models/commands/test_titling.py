"""Titles by a model: which conversations get one, and what comes before it in the meantime."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from chat import models
from chat.models import Accepted, Conversation, Outcome, Process, Reply, Status, TitleOrigin
from chat.models.changes import listener
from chat.models.commands.branching import branch
from chat.models.commands.creation import make_conversation
from chat.models.commands.titling import Untitled, ask_for_title, store_title, untitled
from chat.models.search.query import find
from chat.tests.models.conftest import Heard, forget_jobs, stored_jobs

type Get = Callable[[Accepted], Reply]
type Send = Callable[..., Accepted]
type End = Callable[..., Reply]

QUESTION = "Write a haiku about a frog, please, and make it rhyme"


@pytest.fixture(autouse=True)
def _titles(settings: Settings) -> None:
    settings.TITLES = "model"


@pytest.fixture
def calls(heard: Heard) -> Iterator[Callable[[], list[int]]]:
    """The replies whose end has called for a title so far."""
    found: list[int] = []
    listener.untitled = found.append
    forget_jobs()

    def read() -> list[int]:
        return found if django_settings.SQLITE else [job["reply"] for job in stored_jobs()]

    yield read
    listener.untitled = None
    forget_jobs()


@pytest.fixture
def end(process: Process, get: Get) -> End:
    """Ends a reply, by default complete and with a text."""

    def end(accepted: Accepted, status: Status = Status.COMPLETE, text: str = "A pond.") -> Reply:
        reply = get(accepted)
        claim = Reply.objects.claim(reply.pk, process.pk)
        assert claim is not None
        forget_jobs()
        assert Reply.objects.finish(claim, text, "", Outcome(status)) is not None
        return get(accepted)

    return end


def conversation(accepted: Accepted) -> Conversation:
    return Conversation.objects.get(uid=accepted.conversation)


def wanted(reply: Reply) -> Untitled:
    found = untitled(reply.pk)
    assert found is not None
    return found


# --- which ones ---------------------------------------------------------------------------


def test_first_complete_reply_calls_for_a_title(
    send: Send, end: End, calls: Callable[[], list[int]]
) -> None:
    accepted = send(QUESTION + "q" * 3000)
    reply = end(accepted, text="a" * 3000)
    assert calls() == [reply.pk]
    with CaptureQueriesContext(connection) as queries:
        found = wanted(reply)
    assert len(queries) == 1
    assert (found.question, found.answer) == ((QUESTION + "q" * 3000)[:2000], "a" * 2000)
    assert found.choice.id == "openai/one"
    assert "haiku" not in repr(found)


@pytest.mark.parametrize("status", [Status.STOPPED, Status.INTERRUPTED, Status.FAILED])
def test_no_other_end_does(
    send: Send, end: End, calls: Callable[[], list[int]], status: Status
) -> None:
    reply = end(send(QUESTION), status, "" if status == Status.FAILED else "A po")
    assert calls() == []
    assert untitled(reply.pk) is None


def test_a_try_that_came_to_nothing_is_made_again_twice(
    send: Send, end: End, calls: Callable[[], list[int]]
) -> None:
    accepted = send(QUESTION)
    called: list[int] = []
    for text in ("A pond.", "A frog.", "A splash.", "Silence."):
        if called:
            accepted = send("And then?", below=accepted)
        reply = end(accepted, text=text)
        called += [pk for pk in calls() if pk not in called]
        last = called[-1]
    assert len(called) == 3
    assert last != reply.pk
    assert untitled(reply.pk) is None


def test_off_by_setting(
    send: Send, end: End, calls: Callable[[], list[int]], settings: Settings
) -> None:
    settings.TITLES = "first-words"
    reply = end(send(QUESTION))
    assert calls() == []
    assert untitled(reply.pk) is None


def test_embedded_model_is_not_asked_and_nobody_else_about_it(
    send: Send, end: End, calls: Callable[[], list[int]], settings: Settings
) -> None:
    settings.TITLE_MODEL = "openai/two"
    reply = end(send(QUESTION, model="embedded/smollm2-135m"))
    assert calls() == []
    assert untitled(reply.pk) is None


def test_setting_names_the_model(send: Send, end: End, settings: Settings) -> None:
    settings.TITLE_MODEL = "openai/two"
    assert wanted(end(send(QUESTION))).choice.id == "openai/two"


def test_temporary_conversations_and_calls_of_the_api_get_none(
    alice: User, get: Get, end: End, calls: Callable[[], list[int]]
) -> None:
    accepted = models.send(
        alice.pk, uuid4(), conversation=None, parent=None, text=QUESTION, model=None, temporary=True
    )
    end(accepted)
    for source in (models.Source.API, models.Source.PASSING):
        accepted = models.send(
            alice.pk, uuid4(), conversation=None, parent=None, text=QUESTION, model=None
        )
        reply = end(accepted)
        forget_jobs()
        calls().clear()
        Conversation.objects.filter(uid=accepted.conversation).update(source=source)
        assert untitled(reply.pk) is None
    reply = get(accepted)
    ask_for_title(reply.conversation, reply)
    assert calls() == []


def test_conversation_that_was_made_without_a_title_gets_one(
    alice: User, get: Get, end: End
) -> None:
    for title, expected in ((None, True), ("My frogs", False)):
        row, _ = make_conversation(alice.pk, uuid4(), title=title, model=None, settings=None)
        accepted = models.send(
            alice.pk, uuid4(), conversation=row.uid, parent=None, text=QUESTION, model=None
        )
        assert (untitled(end(accepted).pk) is not None) is expected


def test_name_given_before_origins_were_stored_is_the_owners(send: Send, end: End) -> None:
    first = send(QUESTION)
    end(first)
    Conversation.objects.update(title="Frogs", title_origin="")
    assert untitled(end(send("More", below=first)).pk) is None


# --- storing it ---------------------------------------------------------------------------


def test_title_is_stored_announced_and_found(
    alice: User, send: Send, end: End, heard: Heard
) -> None:
    accepted = send(QUESTION)
    found = wanted(end(accepted))
    before = conversation(accepted)
    heard.changes.clear()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert store_title(found, "Frösche im Teich") is True
    own = [
        q["sql"]
        for q in queries
        if not q["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT"))
    ]
    assert len(own) <= 5, own
    after = conversation(accepted)
    assert (after.title, after.title_origin) == ("Frösche im Teich", TitleOrigin.MODEL)
    assert after.updated == before.updated  # it keeps its place in the list
    (change,) = heard.changes
    assert (change.kind, change.event, change.uid) == ("conversation", "updated", after.uid)
    assert change.seq == after.seq > before.seq
    assert [one.conversation.pk for one in find(alice.pk, "frosche", limit=5).results] == [after.pk]
    assert store_title(found, "Once more") is False


def test_rename_in_the_meantime_wins(send: Send, end: End) -> None:
    accepted = send(QUESTION)
    found = wanted(end(accepted))
    row = conversation(accepted)
    row.change(title=row.title)  # even to the same words: they are the owner's now
    assert store_title(found, "Frogs") is False
    after = conversation(accepted)
    assert (after.title, after.title_origin) == (found.title, TitleOrigin.OWNER)
    assert untitled(Reply.objects.get(uid=accepted.reply).pk) is None


def test_conversation_that_is_gone_in_the_meantime_gets_none(
    alice: User, send: Send, end: End
) -> None:
    accepted = send(QUESTION)
    found = wanted(end(accepted))
    Conversation.objects.update(deleted_at=conversation(accepted).updated)
    assert store_title(found, "Frogs") is False
    Conversation.objects.update(deleted_at=None)
    conversation(accepted).remove()
    assert store_title(found, "Frogs") is False


def test_branch_keeps_the_origin_of_its_title(alice: User, send: Send, end: End) -> None:
    accepted = send(QUESTION)
    store_title(wanted(end(accepted)), "Frogs")
    row, _ = branch(alice.pk, uuid4(), conversation=accepted.conversation, message=accepted.reply)
    assert (row.title, row.title_origin) == ("Frogs", TitleOrigin.MODEL)


def test_end_costs_one_statement_more_for_a_first_exchange_at_most(
    send: Send, process: Process, get: Get, calls: Any, settings: Settings
) -> None:
    counts = []
    for titles in ("first-words", "model"):
        settings.TITLES = titles
        claim = Reply.objects.claim(get(send(QUESTION)).pk, process.pk)
        assert claim is not None
        with CaptureQueriesContext(connection) as queries:
            Reply.objects.finish(claim, "A pond.", "", Outcome(Status.COMPLETE))
        counts.append(len(queries))
    assert counts[1] - counts[0] == (0 if django_settings.SQLITE else 1)  # the job
