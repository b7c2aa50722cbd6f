"""A reply is claimed while its message is changed or taken back: one of the two comes first."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from chat import models
from chat.models import Accepted, Claim, Conversation, Message, NotAllowed, Process, Reply
from chat.tests.models.conftest import Heard

type Send = Callable[..., Accepted]

ROUNDS = 12


def alone[T](work: Callable[[], T]) -> Callable[[], T]:
    """Work in a thread, with a connection of its own."""

    def run() -> T:
        try:
            return work()
        finally:
            connection.close()

    return run


class Case:
    """One message of Alice's that waits, and the two who are after it."""

    def __init__(self, alice: User, process: Process, accepted: Accepted) -> None:
        self.accepted = accepted
        self.pk = Reply.objects.get(uid=accepted.reply).pk
        self._alice, self._process = alice.pk, process.pk

    def claim(self) -> Claim | None:
        claimed: Claim | None = Reply.objects.claim(self.pk, self._process)
        return claimed

    def edit(self) -> Accepted:
        return models.edit(
            self._alice, uuid4(), message=self.accepted.message, text="new", model=None
        )

    def withdraw(self) -> Accepted | None:
        try:
            return models.withdraw(self._alice, uuid4(), message=self.accepted.message)
        except NotAllowed:
            return None

    def text(self) -> str:
        return Message.objects.get(uid=self.accepted.message).text

    def check_edit(self, claimed: Claim | None, edited: Accepted) -> None:
        """Check that the prompt is the text shown above the answer."""
        assert claimed is not None
        asked = claimed.messages[-1]["content"]
        assert asked == self.text()
        assert (edited.message == self.accepted.message) is (asked == "new")
        if asked == "old":
            sibling = Message.objects.get(uid=edited.message)
            assert sibling.text == "new"
            assert Reply.objects.get(uid=edited.reply).status == "queued"

    def check_withdraw(self, claimed: Claim | None, withdrawn: Accepted | None) -> None:
        """Either it is gone and nobody produces it, or it is there and is produced."""
        assert (claimed is None) is (withdrawn is not None)
        assert Message.objects.filter(uid=self.accepted.message).exists() is (withdrawn is None)


@pytest.fixture
def case(heard: Heard, alice: User, process: Process, send: Send) -> Callable[[], Case]:
    def make() -> Case:
        Conversation.objects.all().delete()  # the one before is still running
        return Case(alice, process, send("old"))

    return make


@pytest.mark.parametrize("what", ["edit", "withdraw"])
def test_a_claim_at_the_same_time_comes_before_or_after(
    case: Callable[[], Case], what: str
) -> None:
    with ThreadPoolExecutor(2) as threads:
        for _ in range(ROUNDS):
            one, start = case(), Barrier(2)

            def together(work: Callable[[], Any], start: Barrier = start) -> Callable[[], Any]:
                return alone(lambda: (start.wait(30), work())[1])

            claimed = threads.submit(together(one.claim))
            changed = threads.submit(together(getattr(one, what)))
            getattr(one, f"check_{what}")(claimed.result(60), changed.result(60))


@pytest.mark.parametrize("what", ["edit", "withdraw"])
@pytest.mark.parametrize("first", ["claim", "change"])
def test_who_holds_the_counter_comes_first(case: Callable[[], Case], what: str, first: str) -> None:
    one = case()
    change: Callable[[], Any] = getattr(one, what)
    now, later = (one.claim, change) if first == "claim" else (change, one.claim)
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            mine = now()
            other = threads.submit(alone(later))
            assert not other.done()
        answers = {now: mine, later: other.result(60)}
    claimed, changed = answers[one.claim], answers[change]
    getattr(one, f"check_{what}")(claimed, changed)
    if first == "claim":
        assert claimed is not None
    elif what == "edit":
        assert one.text() == "new"
    else:
        assert claimed is None


def test_two_devices_change_it_at_the_same_time(case: Callable[[], Case]) -> None:
    """One takes it back, one edits it: it is gone, or stays with the new text."""
    one = case()
    start = Barrier(2)

    def edit() -> Accepted | None:
        start.wait(30)
        try:
            return one.edit()
        except Message.DoesNotExist:
            return None

    def withdraw() -> Accepted | None:
        start.wait(30)
        return one.withdraw()

    with ThreadPoolExecutor(2) as threads:
        edited, gone = threads.submit(alone(edit)), threads.submit(alone(withdraw))
        assert gone.result(60) is not None
        done = edited.result(60)
        assert done is None or done.message == one.accepted.message
    assert not Message.objects.exists()


def test_the_same_request_twice_at_once_is_carried_out_once(
    case: Callable[[], Case], alice: User
) -> None:
    one, start, key = case(), Barrier(2), uuid4()

    def again() -> Accepted:
        start.wait(30)
        return models.regenerate(alice.pk, key, reply=one.accepted.reply, model=None)

    with ThreadPoolExecutor(2) as threads:
        answers = [threads.submit(alone(again)) for _ in range(2)]
        first, second = (answer.result(60) for answer in answers)
    assert first == second
    assert Reply.objects.count() == 2
