"""Paths through the tree of messages."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.models.reading.paths import newest_below, path_keys
from chat.tests.models.reading.conftest import SHAPES, Grow, path_to

pytestmark = pytest.mark.django_db

with_fixture = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@with_fixture
@given(SHAPES, st.integers(1, 20))
def test_a_path_goes_up_from_its_end_to_the_root_or_the_limit(
    grow: Grow, shape: list[int], limit: int
) -> None:
    _, messages = grow(shape)
    for message in messages:
        above = [(one.pk, one.parent_id, len(one.text)) for one in path_to(message)]
        assert path_keys(message.pk) == above
        assert path_keys(message.pk, limit) == above[:limit]


@with_fixture
@given(SHAPES)
def test_the_newest_message_below_is_the_youngest_descendant(grow: Grow, shape: list[int]) -> None:
    _, messages = grow(shape)
    for message in messages:
        below = [one.pk for one in messages if message in path_to(one)]
        assert newest_below(message.pk) == max(below)


def test_a_path_of_any_length_takes_one_statement(grow: Grow, alice: User) -> None:
    _, messages = grow(range(-1, 30))  # each below the one before
    assert len(path_to(messages[-1])) == 31
    with CaptureQueriesContext(connection) as seen:
        assert len(path_keys(messages[-1].pk)) == 31
        assert len(path_keys(messages[-1].pk, 7)) == 7
    assert len(seen) == 2


def test_no_message_has_no_path(db: None) -> None:
    assert path_keys(None) == []
    assert path_keys(10**9) == []
