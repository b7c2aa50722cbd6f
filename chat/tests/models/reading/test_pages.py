"""Parts of a long conversation."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.models import Message
from chat.models.reading import pages
from chat.models.reading.pages import Page, earlier_page, newest_page
from chat.tests.models.reading.conftest import SHAPES, Grow, path_to

pytestmark = pytest.mark.django_db

with_fixture = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def ids(page: Page) -> list[UUID]:
    return [row.uid for row in page.messages]


@with_fixture
@given(SHAPES, st.integers(1, 6), st.data())
def test_pages_one_after_the_other_are_the_path(
    grow: Grow, shape: list[int], limit: int, data: st.DataObject
) -> None:
    chat, messages = grow(shape)
    through = data.draw(st.sampled_from(messages))
    below = [one for one in messages if through in path_to(one)]
    whole = [one.uid for one in reversed(path_to(max(below, key=lambda one: one.pk)))]

    page = newest_page(chat, limit, through.uid)
    assert page.last == whole[-1]
    read = ids(page)
    while page.earlier is not None:
        assert (page.earlier, page.complete) == (read[0], False)
        page = earlier_page(chat, limit, page.earlier)
        assert 0 < len(page.messages) <= limit
        read = ids(page) + read
    assert read == whole


@with_fixture
@given(SHAPES, st.integers(1, 6), st.data())
def test_beside_a_page_are_the_other_messages_with_the_same_parents(
    grow: Grow, shape: list[int], limit: int, data: st.DataObject
) -> None:
    chat, messages = grow(shape)
    chat.leaf = data.draw(st.sampled_from(messages))
    page = newest_page(chat, limit)
    if page.complete:
        assert ids(page) == [one.uid for one in messages]
        assert page.versions == []
        return
    shown = set(ids(page))
    parents = {one.parent_id for one in messages if one.uid in shown}
    leaf = next(one.pk for one in messages if one.uid == page.last)
    beside = [
        one.uid
        for one in messages
        if one.uid not in shown and (one.parent_id in parents or one.parent_id == leaf)
    ]
    assert [row["uid"] for row in page.versions] == beside
    assert all("text" not in row for row in page.versions)


def test_a_page_ends_where_its_texts_are_long_but_is_never_empty(
    grow: Grow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE_LENGTH", 10)
    chat, messages = grow(range(-1, 4), sizes=[1, 4, 40, 6, 4])
    page = newest_page(chat, 5)
    assert ids(page) == [one.uid for one in messages[3:]]
    assert not page.complete, "its messages are few, and too long"
    assert ids(earlier_page(chat, 5, messages[3].uid)) == [messages[2].uid]
    assert ids(earlier_page(chat, 5, messages[2].uid)) == [one.uid for one in messages[:2]]


def test_versions_are_the_newest_and_no_more_than_bearable(
    grow: Grow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "VERSIONS", 2)
    chat, messages = grow([1, 0, 0, 0, 0, 0])  # one root, five below it
    page = newest_page(chat, 1)
    assert [row["uid"] for row in page.versions] == [messages[3].uid, messages[4].uid]


def test_without_a_leaf_the_newest_message_is_shown(grow: Grow) -> None:
    chat, messages = grow([0, 0, 0])
    chat.leaf = None
    assert newest_page(chat, 10).last == messages[-1].uid
    assert newest_page(chat, 1).last == messages[-1].uid


def test_a_message_of_another_conversation_is_none_of_this_one(grow: Grow) -> None:
    (one, _), (_, others) = grow([0, 0]), grow([0, 0])
    for uid in (others[-1].uid, uuid4()):
        with pytest.raises(Message.DoesNotExist):
            newest_page(one, 10, uid)
        with pytest.raises(Message.DoesNotExist):
            earlier_page(one, 10, uid)
