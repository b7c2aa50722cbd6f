"""Positions in a reply."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.protocol.positions import START, Position

COUNTS = st.integers(0, 999_999_999)
POSITIONS = st.builds(Position, COUNTS, COUNTS, COUNTS)
NEAR = st.builds(Position, st.integers(0, 2), st.integers(0, 2), st.integers(0, 2))


@given(POSITIONS)
def test_a_written_position_is_read_as_itself(position: Position) -> None:
    assert Position.parse(str(position)) == position


@pytest.mark.parametrize(
    "written", ["", "1", "1.2", "1.2.3.4", "1.2.-3", "1.2.3 ", " 1.2.3", "1.2.x", "1.2.3\n",
                "1..3", "1.2.1234567890", "1.2.٣"]
)  # fmt: skip
def test_anything_else_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="attempt"):
        Position.parse(written)


def test_a_later_attempt_covers_all_of_an_earlier_one() -> None:
    assert Position(2).covers(Position(1, 900, 900))
    assert not Position(1, 900, 900).covers(Position(2))


def test_within_an_attempt_both_tracks_count() -> None:
    assert Position(1, 5, 3).covers(Position(1, 5, 3))
    assert not Position(1, 5, 3).covers(Position(1, 6, 0))
    assert not Position(1, 5, 3).covers(Position(1, 0, 4))


@given(NEAR, NEAR, NEAR)
def test_covering_is_an_order_that_begins_at_the_start(
    one: Position, two: Position, three: Position
) -> None:
    assert one.covers(START)
    assert one.covers(one)
    assert not (one.covers(two) and two.covers(one)) or one == two
    assert not (one.covers(two) and two.covers(three)) or one.covers(three)
