"""Branches: a copy of a path, in a few statements, that counts nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat import models
from chat.models import (
    Accepted,
    Attempt,
    Conversation,
    Counter,
    Folder,
    IdReused,
    Message,
    NotAllowed,
    Outcome,
    Process,
    Reply,
    Status,
    changes_since,
)
from chat.models.commands.branching import branch
from chat.models.commands.removal import remove
from chat.models.reading.trees import tree
from chat.models.reading.usage import usage
from chat.models.search_index import entry, write
from chat.tests.models.conftest import Heard

type Make = Callable[..., Conversation]
type Send = Callable[..., Accepted]


def answer(accepted: Accepted, process: Process, text: str) -> Reply:
    pk = Reply.objects.get(uid=accepted.reply).pk
    claim = Reply.objects.claim(pk, process.pk)
    assert claim is not None
    used = {"prompt_tokens": 3, "completion_tokens": 4}
    outcome = Outcome(Status.COMPLETE, "stop", usage=used, cost=Decimal("0.5"), total_ms=7)
    reply: Reply | None = Reply.objects.finish(claim, text, "Hm.", outcome)
    assert reply is not None
    return reply


def long_chat(user: User, length: int) -> Conversation:
    chat = Conversation.objects.create(owner=user, title="Long", updated=timezone.now())
    above = None
    for depth in range(length):
        fields = {"role": "user"} if depth % 2 == 0 else {"role": "assistant", "status": "complete"}
        above = Message.objects.create(
            conversation=chat, user=user, parent=above, text=f"No. {depth}",
            ended=timezone.now() if depth % 2 else None, **fields,
        )  # fmt: skip
    chat.leaf = above
    chat.message_count = length
    chat.save()
    return chat


def test_the_path_is_copied_and_the_rest_is_not(
    alice: User, send: Send, process: Process, heard: Heard
) -> None:
    first = send("One")
    one = answer(first, process, "First.")
    second = send("Two", below=first)
    answer(second, process, "Second.")
    third = models.edit(alice.pk, uuid4(), message=second.message, text="Rather", model=None)
    answer(third, process, "Beside.")
    chat = Conversation.objects.get()
    folder, _ = Folder.objects.make(alice.pk, uuid4(), "Travel")
    chat.change(title="Mine", folder=folder.uid, pinned=True, settings={"temperature": 0.5})
    before = list(Message.objects.order_by("pk").values())
    since = Counter.objects.current(alice.pk)
    heard.changes.clear()
    row, is_new = branch(alice.pk, uuid4(), conversation=chat.uid, message=third.message)
    assert is_new
    assert [(one.kind, one.event, one.seq) for one in heard.changes] == [
        ("conversation", "created", since + 1)
    ]
    assert (row.title, row.settings, row.folder_id) == ("Mine", {"temperature": 0.5}, folder.uid)
    assert (row.pinned, row.archived, row.running, row.message_count) == (0, False, False, 3)
    assert (row.branched_conversation, row.branched_message) == (chat.uid, third.message)
    copies = list(row.messages.order_by("pk"))
    assert [(copy.role, copy.text) for copy in copies] == [
        ("user", "One"),
        ("assistant", "First."),
        ("user", "Rather"),
    ]
    assert [copy.parent_id for copy in copies] == [None, copies[0].pk, copies[1].pk]
    assert [copy.depth for copy in copies] == [0, 1, 2]
    assert row.leaf_id == copies[-1].pk
    reply = copies[1]
    assert (reply.reasoning, reply.sha256, reply.ended) == ("Hm.", one.sha256, one.ended)
    assert (reply.status, reply.model, reply.created) == ("complete", one.model, one.created)
    assert (reply.cost, reply.usage, reply.total_ms) == (None, None, None)
    assert {copy.uid.version for copy in copies} == {4}
    assert not {copy.uid for copy in copies} & {message["uid"] for message in before}
    assert list(Message.objects.exclude(conversation=row).order_by("pk").values()) == before
    assert not Attempt.objects.filter(reply__in=copies).exists()
    assert changes_since(alice.pk, since).messages == []


def test_it_goes_on_as_any_other(alice: User, send: Send, process: Process) -> None:
    first = send("One")
    answer(first, process, "First.")
    row, _ = branch(alice.pk, uuid4(), conversation=first.conversation, message=first.reply)
    assert row.leaf is not None
    more = models.send(
        alice.pk, uuid4(), conversation=row.uid, parent=row.leaf.uid, text="More", model=None
    )
    claim = Reply.objects.claim(Reply.objects.get(uid=more.reply).pk, process.pk)
    assert claim is not None
    assert [one["content"] for one in claim.messages] == ["One", "First.", "More"]
    assert [one.text for one in tree(row)][:2] == ["One", "First."]


def test_usage_counts_nothing_twice(alice: User, send: Send, process: Process) -> None:
    first = send("One")
    answer(first, process, "First.")
    today = timezone.now().date()
    days = today - timedelta(days=1), today + timedelta(days=1)
    before = list(usage(alice.pk, *days))
    assert before[0]["replies"] == 1
    branch(alice.pk, uuid4(), conversation=first.conversation, message=first.reply)
    assert list(usage(alice.pk, *days)) == before


def test_the_same_id_makes_one_branch(alice: User, bob: User, make_conversation: Make) -> None:
    chat, key = make_conversation(alice), uuid4()
    question, reply = chat.messages.order_by("pk")
    row, _ = branch(alice.pk, key, conversation=chat.uid, message=reply.uid)
    assert branch(alice.pk, key, conversation=chat.uid, message=reply.uid) == (row, False)
    with pytest.raises(IdReused):
        branch(alice.pk, key, conversation=chat.uid, message=question.uid)
    remove(alice.pk, row.uid)
    with pytest.raises(IdReused):
        branch(alice.pk, key, conversation=chat.uid, message=reply.uid)
    his = make_conversation(bob)
    other, _ = branch(bob.pk, key, conversation=his.uid, message=his.messages.all()[0].uid)
    assert other.uid != row.uid


def test_a_stranger_branches_nothing(alice: User, bob: User, make_conversation: Make) -> None:
    hers, his = make_conversation(alice), make_conversation(bob)
    message = hers.messages.order_by("pk")[0].uid
    with pytest.raises(Conversation.DoesNotExist):
        branch(bob.pk, uuid4(), conversation=hers.uid, message=message)
    with pytest.raises(Message.DoesNotExist):
        branch(bob.pk, uuid4(), conversation=his.uid, message=message)
    assert Conversation.objects.count() == 2


def test_a_reply_that_grows_is_not_copied(alice: User, send: Send, process: Process) -> None:
    first = send("One")
    answer(first, process, "First.")
    second = send("Two", below=first)
    named = {"conversation": first.conversation}
    with pytest.raises(NotAllowed):
        branch(alice.pk, uuid4(), message=second.reply, **named)
    assert branch(alice.pk, uuid4(), message=second.message, **named)[1]


def test_a_path_that_is_too_long_is_refused(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = long_chat(alice, 4)
    assert chat.leaf is not None
    for name, limit in (("MOST_MESSAGES", 3), ("MOST_LENGTH", 10)):
        with monkeypatch.context() as patch:
            patch.setattr(f"chat.models.commands.branching.{name}", limit)
            with pytest.raises(NotAllowed):
                branch(alice.pk, uuid4(), conversation=chat.uid, message=chat.leaf.uid)
    assert Conversation.objects.count() == 1


def test_a_long_path_takes_as_many_statements_as_a_short_one(alice: User) -> None:
    Counter.objects.create(user=alice)
    counts = set()
    for length in (2, 300):
        chat = long_chat(alice, length)
        assert chat.leaf is not None
        write(entry(one.pk, alice.pk, one.text) for one in chat.messages.order_by("pk"))
        with CaptureQueriesContext(connection) as queries:
            row, _ = branch(alice.pk, uuid4(), conversation=chat.uid, message=chat.leaf.uid)
        counts.add(len(queries))
        texts = [one.text for one in row.path()]
        assert texts == [f"No. {at}" for at in range(length)]
    assert len(counts) == 1
