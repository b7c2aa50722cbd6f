"""Allowances per minute, and the ledger of what a client has not acknowledged."""

from __future__ import annotations

from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from chat.flow_control import Allowance, Allowances, Ledger
from chat.protocol import Ack, Position


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_allowance_comes_back_after_a_minute() -> None:
    clock = Clock()
    allowance = Allowance(2, clock)
    assert [allowance.take() for _ in range(4)] == [True, True, False, False]
    clock.now += 59
    assert not allowance.take()
    assert allowance.retry_after() == 1
    clock.now += 1
    assert allowance.take()


def test_each_user_has_an_allowance_of_their_own() -> None:
    allowances = Allowances(Clock())
    assert allowances.of(1, 1).take()
    assert not allowances.of(1, 1).take()
    assert allowances.of(2, 1).take()


@given(st.lists(st.floats(0.1, 70), min_size=1, max_size=40))
def test_an_allowance_is_remembered_for_as_long_as_it_counts(pauses: list[float]) -> None:
    clock = Clock()
    allowances, alone = Allowances(clock), Allowance(3, clock)
    for pause in pauses:
        clock.now += pause
        allowances.of(7, 5).take()  # somebody else, which makes no difference
        assert allowances.of(1, 3).take() == alone.take()


def test_who_does_not_come_back_is_forgotten() -> None:
    clock = Clock()
    allowances = Allowances(clock)
    for user_id in range(1000):
        allowances.of(user_id, 3).take()
    for _ in range(3):
        clock.now += 61
        allowances.of(1, 3)
    assert len(allowances) == 1


def test_room_comes_back_with_the_ack_of_that_reply_and_attempt() -> None:
    ledger, mine, other = Ledger(100_000), uuid4(), uuid4()
    ledger.sent(mine, Position(1, 50_000, 0), 50_000)
    ledger.sent(mine, Position(1, 50_000, 10_000), 10_000)
    assert ledger.room() == 40_000
    ledger.acknowledge(Ack(other, 1, 10**6, 10**6))
    ledger.acknowledge(Ack(mine, 0, 10**6, 10**6))
    ledger.acknowledge(Ack(mine, 1, 49_999, 0))
    assert ledger.room() == 40_000
    ledger.acknowledge(Ack(mine, 1, 50_000, 0))
    assert ledger.room() == 90_000
    ledger.acknowledge(Ack(mine, 2, 0, 0))  # a newer attempt has read all of the older
    assert ledger.room() == 100_000


def test_who_waits_for_room_is_timed_until_the_next_ack() -> None:
    ledger, reply = Ledger(10_000), uuid4()
    ledger.sent(reply, Position(1, 10_000, 0), 10_000)
    ledger.note(5.0)
    ledger.note(7.0)
    assert ledger.blocked_for(8.0) == 3.0
    ledger.acknowledge(Ack(reply, 1, 10_000, 0))
    assert ledger.blocked_for(9.0) == 0.0


@given(st.lists(st.integers(1, 300), max_size=300))
def test_small_frames_are_noted_together_and_add_up(sizes: list[int]) -> None:
    ledger, reply, at = Ledger(10**6), uuid4(), 0
    for size in sizes:
        at += size
        ledger.sent(reply, Position(1, at, 0), size)
    assert ledger.room() == 10**6 - at
    assert len(ledger._sent[reply]) <= at // 4096 + 1
    ledger.acknowledge(Ack(reply, 1, at, 0))
    assert ledger.room() == 10**6
