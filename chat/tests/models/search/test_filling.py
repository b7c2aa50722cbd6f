"""Filling of the index: all that was answered, in steps that can be repeated; and erasing."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError, connection

from chat import models
from chat.models import Conversation, Message, Process, Reply, SearchState
from chat.models.search import filling
from chat.models.search.filling import Erasing
from chat.models.search_index import entry, write
from chat.models.search_state import ERASES_AT_ONCE, erase_soon
from chat.tests.filling import fill_index
from chat.tests.models.test_search_index import check, indexed

type Make = Callable[..., Conversation]


def test_all_that_was_answered_is_filled_in(alice: User, make_conversation: Make) -> None:
    rows = [make_conversation(alice, title=f"Number {number}") for number in range(5)]
    waiting = make_conversation(alice, text="", status="queued", finish_reason="")
    passing = make_conversation(alice)
    Conversation.objects.filter(pk=passing.pk).update(source="passing")
    Conversation.objects.update(title_words="")
    assert not indexed()
    fill_index()
    assert len(indexed()) == 2 * len(rows)
    check()
    assert not waiting.messages.filter(pk__in=indexed()).exists()
    assert not filling.fill()


def test_filling_goes_on_where_it_was(
    alice: User, make_conversation: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        make_conversation(alice, text="pepper")
    newest = max(Message.objects.values_list("pk", flat=True))
    filling.begin_again()
    seen = []
    while filling.fill(3):
        seen.append(len(indexed()))
    assert seen == sorted(seen)
    assert {0, 3, 6, 8} <= set(seen)
    assert filling.is_filled()
    # Newest first: what people look for.
    filling.begin_again()
    models.MessageWords._base_manager.all().delete()
    filling.fill(3)
    filling.fill(3)
    filling.fill(3)
    assert max(indexed()) == newest
    assert len(indexed()) < 8


def test_long_texts_are_read_few_at_a_time(
    alice: User, make_conversation: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "LENGTH", 100)
    for _ in range(3):
        make_conversation(alice, text="salt " * 30)
    filling.begin_again()
    counts = [0]
    while filling.fill():
        counts.append(len(indexed()))
    assert max(after - before for before, after in pairwise(counts)) <= 2
    assert counts[-1] == 6


def test_filling_replaces_wrong_words_and_removes_strangers(
    alice: User, make_conversation: Make
) -> None:
    row = make_conversation(alice, text="pepper")
    gone = make_conversation(alice, text="gone")
    keys = list(gone.messages.values_list("pk", flat=True))
    gone.remove()
    answer = row.messages.get(role="assistant")
    write([entry(answer.pk, alice.pk, "wrong")])
    make_conversation(alice, text="salt")  # an entry above all messages is none of a filling's
    write(entry(pk, alice.pk, "stranger") for pk in keys)
    with pytest.raises(AssertionError):
        check()
    fill_index()
    check()


def test_message_that_changes_meanwhile_is_left_to_its_change(
    alice: User, make_conversation: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = make_conversation(alice, text="pepper")
    answer = row.messages.get(role="assistant")

    def locked(below: int | None, users: set[int]) -> bool:
        if answer.text != "salt":
            answer.text, answer.seq = "salt", answer.seq + 1
            answer.save()
            write([entry(answer.pk, alice.pk, "salt")])
        return True

    filling.begin_again()
    filling.fill()
    filling.fill()
    monkeypatch.setattr(filling, "_locked", locked)
    filling.fill()
    check()
    assert answer.pk in indexed()


def test_state_of_somebody_else_is_left_alone(
    alice: User, make_conversation: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_conversation(alice)
    filling.begin_again()
    filling.fill()
    before = filling.state()
    assert before.below
    monkeypatch.setattr(filling, "state", lambda: before)
    SearchState._base_manager.update(below=1)  # another process was quicker
    assert not filling.fill()
    assert not indexed()


# --- erasing ------------------------------------------------------------------------------

WORDS = ("zwetschgenknodelrezept", "Zwetschgenknödelrezept", "geheimplan", "Geheimplan")


def test_deletions_are_noted_where_they_leave_words(alice: User, make_conversation: Make) -> None:
    row = make_conversation(alice)
    before = filling.state().deletions
    row.remove()
    noted = settings.SQLITE and not ERASES_AT_ONCE
    assert filling.state().deletions - before == noted
    erasing = Erasing()
    while erasing.step():
        pass
    assert filling.state().erased == filling.state().deletions
    assert not erasing.step()


@pytest.mark.skipif(not settings.SQLITE, reason="Postgres frees rows when it likes")
def test_deleted_words_are_not_in_the_file(
    transactional_db: None, alice: User, process: Process, make_conversation: Make
) -> None:
    for number in range(300):
        row = make_conversation(alice, text=f"word{number} pepper")
        write(entry(one.pk, alice.pk, one.text) for one in row.messages.order_by("pk"))
    sent = models.send(
        alice.pk,
        uuid4(),
        conversation=None,
        parent=None,
        text=f"Zwetschgenknödelrezept {uuid4()}",
        model=None,
    )
    reply = Reply.objects.get(uid=sent.reply)
    claim = Reply.objects.claim(reply.pk, process.pk)
    assert claim
    text = "Das Zwetschgenknödelrezept im Geheimplan. " * 20
    assert Reply.objects.finish(claim, text, "", models.Outcome(models.Status.COMPLETE))
    for number in range(300):
        row = make_conversation(alice, text=f"number{number} salt")
        write(entry(one.pk, alice.pk, one.text) for one in row.messages.order_by("pk"))
    assert set(WORDS[:2]) <= words_in_file()
    Conversation.objects.get(uid=sent.conversation).remove()
    erasing = Erasing()
    steps = 0
    while erasing.step():
        steps += 1
        assert steps < 1000
    assert words_in_file() == set()
    check()


def words_in_file() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert cursor.fetchone()[0] == 0
    path = Path(connection.settings_dict["NAME"])
    content = b"".join(
        one.read_bytes() for one in (path, path.with_name(f"{path.name}-wal")) if one.exists()
    ).lower()
    return {word for word in WORDS if word.lower().encode() in content}


@pytest.mark.skipif(not settings.SQLITE, reason="FTS5 is SQLite's")
def test_index_of_a_newer_sqlite_is_mended(
    transactional_db: None, alice: User, make_conversation: Make
) -> None:
    make_conversation(alice, text="pepper")
    fill_index()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE chat_messagewords_config SET v = 5 WHERE k = 'version'")
    connection.close()
    if not ERASES_AT_ONCE:
        with pytest.raises(DatabaseError, match="file format"):
            write([entry(1, alice.pk, "salt")])
        filling.prepare_file()
    check()
    erase_soon()
