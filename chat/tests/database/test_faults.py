"""A disk that is full and a database that is read-only: told in words, and logged rarely."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, OperationalError, connection
from django.db.backends.utils import CursorWrapper
from django.utils import timezone
from pytest_django import Settings

from chat import health, models
from chat.database import faults
from chat.database.faults import FULL, READ_ONLY, Troubles, is_logged, sentence
from chat.database.threads import GENERATION
from chat.models import Claim, Conversation, Process, Reply
from chat.replies.cuts import Cut
from chat.replies.dispatch import Dispatch
from chat.replies.following import Following
from chat.replies.live import LiveReply
from chat.replies.producer import Producer
from chat.tests.replies.test_notifications import until

PRAGMAS: dict[str, tuple[str, str]] = {
    FULL: ("PRAGMA max_page_count = 1", "PRAGMA max_page_count = 4294967294"),
    READ_ONLY: ("PRAGMA query_only = 1", "PRAGMA query_only = 0"),
}
needs_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="by SQLite's own settings")


def test_page_has_the_same_sentences() -> None:
    page = (Path(__file__).parents[3] / "frontend/src/views/format.js").read_text()
    for said, reason in faults.REASONS.items():
        assert re.search(rf'case "{reason}":\s+return t\(\s*"{re.escape(said)}"', page), reason


@pytest.fixture(autouse=True)
def met(monkeypatch: pytest.MonkeyPatch) -> Troubles:
    """Faults of these tests alone."""
    fresh = Troubles()
    monkeypatch.setattr(faults.troubles, "_met", fresh._met)
    monkeypatch.setattr(faults.troubles, "_logged", fresh._logged)
    return fresh


@pytest.fixture(params=[FULL, READ_ONLY], ids=["full", "read-only"])
def cannot_store(request: pytest.FixtureRequest, alice: User) -> Iterator[str]:
    """The database refuses to store, and the sentence for it."""
    refuse(request.param)
    yield request.param
    allow(request.param)


def refuse(what: str) -> None:
    """Let this thread store nothing from now on, also where it connects again after an error."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE filler (room)")
        cursor.execute(PRAGMAS[what][0])
        if what == FULL:
            fill(cursor)
    connection.settings_dict["OPTIONS"]["init_command"] += PRAGMAS[what][0]


def allow(what: str) -> None:
    options = connection.settings_dict["OPTIONS"]
    options["init_command"] = options["init_command"].removesuffix(PRAGMAS[what][0])
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE filler")


@asynccontextmanager
async def refused(what: str) -> AsyncIterator[None]:
    """The same for what generates replies."""
    await GENERATION.run(refuse, what)
    try:
        yield
    finally:
        await GENERATION.run(allow, what)


def fill(cursor: CursorWrapper) -> None:
    """Take the file's free pages, which the limit leaves usable: earlier tests left any number."""
    for size in (100_000, 1_000):
        with suppress(OperationalError):
            while True:
                cursor.execute("INSERT INTO filler VALUES (zeroblob(%s))", [size])


def store_much(owner: User) -> None:
    for _ in range(200):
        Conversation.objects.create(owner=owner, title="x" * 200, model="m", updated=timezone.now())


@needs_sqlite
@pytest.mark.django_db(transaction=True)
def test_an_error_of_storing_has_a_sentence_of_its_own(alice: User, cannot_store: str) -> None:
    with pytest.raises(DatabaseError) as refused:
        store_much(alice)
    assert sentence(refused.value) == cannot_store
    assert is_logged(refused.value)


def test_the_log_has_one_line_a_minute_for_each_kind(
    met: Troubles, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        for _ in range(100):
            met.note(OperationalError("database or disk is full"))
            met.note(OperationalError("attempt to write a readonly database"))
            met.note(OperationalError("something else"))
    assert sorted(record.getMessage() for record in caplog.records) == sorted([FULL, READ_ONLY])


@pytest.mark.asyncio
async def test_readiness_names_what_cannot_be_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing() -> dict[str, str]:
        return {}

    readiness = health.Readiness()
    monkeypatch.setattr(readiness, "_database", nothing)
    monkeypatch.setattr(health, "_layer", nothing)
    assert await readiness.problems() == {}
    faults.troubles.note(OperationalError("database or disk is full"))
    readiness._looked_at -= 2 * health.KEPT_SECONDS
    assert await readiness.problems() == {"storage": FULL}


@needs_sqlite
@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", [FULL, READ_ONLY], ids=["full", "read-only"])
async def test_followers_are_told_while_text_or_end_cannot_be_stored(
    alice: User, settings: Settings, what: str
) -> None:
    settings.OPENAI_API_KEY = "sk-test"
    claim = await GENERATION.run(claimed, alice)
    live = LiveReply(claim.row)
    live.begin(claim.attempt, claim.model, "", "")
    producer = Producer(claim, live, None, lambda: asyncio.sleep(0), lambda: False, asyncio.Lock())
    dispatch = Dispatch(Following(lambda *_: None), lambda *_: None)
    dispatch.owner = claim.owner
    dispatch._producers[claim.reply] = producer
    live.append("x" * 200_000, "")
    reason = faults.REASONS[what]
    async with refused(what):
        for _ in range(2):
            with pytest.raises(DatabaseError):
                await dispatch.checkpoint()
            assert live.trouble == reason
    await dispatch.checkpoint()
    assert live.trouble == ""
    live.append("x" * 200_000, "")
    async with refused(what):
        producer.start(lambda _: None)  # without a client it is over at once
        await until(lambda: live.trouble == reason)
        producer.checked("")  # of a checkpoint with nothing to store
        assert live.trouble == reason
        assert live.end_frame is None
    await producer.wait()
    row = await GENERATION.run(Reply.objects.get, pk=claim.reply)
    assert (row.status, len(row.text)) == ("interrupted", 400_000)


@needs_sqlite
@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_who_waits_is_told_that_a_reply_cannot_begin(alice: User, settings: Settings) -> None:
    settings.OPENAI_API_KEY = "sk-test"
    row, owner = await GENERATION.run(queued, alice)
    following = Following(lambda coroutine, _: coroutine.close())
    live = following.adopt(row)
    dispatch = Dispatch(following, lambda *_: None)
    dispatch.owner = owner
    async with refused(READ_ONLY):
        await dispatch.take(live.pk)
        assert (live.status, live.trouble) == ("queued", "storage_read_only")
    await dispatch.take(live.pk)
    assert (live.status, live.trouble) == ("running", "")
    (producer,) = dispatch._producers.values()
    producer.cut(Cut.LOST)
    await producer.wait()


def queued(owner: User) -> tuple[Reply, int]:
    """A reply that waits, and a lease."""
    accepted = models.send(
        owner.pk, uuid4(), conversation=None, parent=None, text="Hello", model=None
    )
    assert accepted.row is not None
    return accepted.row, Process.objects.create(uid=uuid4(), name="here:1").pk


def claimed(owner: User) -> Claim:
    row, process = queued(owner)
    claim: Claim | None = Reply.objects.claim(row.pk, process)
    assert claim is not None
    return claim
