"""Usage of a user's replies by day and model."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone as django_timezone

from chat.models import Conversation, Message, Role, Status
from chat.models.reading.usage import TOKENS, usage

DAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def reply(owner: User, **fields: Any) -> None:
    chat = Conversation.objects.create(owner=owner, updated=django_timezone.now())
    given = {
        "status": Status.COMPLETE, "role": Role.ASSISTANT, "model": "own/one", "ended": NOON,
        "usage": {"prompt_tokens": 10, "completion_tokens": 5},
    }  # fmt: skip
    Message.objects.create(conversation=chat, user=owner, **given | fields)


def read(owner: User, first: date = DAY, last: date = DAY) -> list[dict[str, Any]]:
    return list(usage(owner.pk, first, last))


def test_replies_of_one_day_and_model_are_a_row(alice: User) -> None:
    reply(alice, cost=Decimal("0.5"))
    reply(alice, cost=None, usage={"prompt_tokens": 1, "cached_tokens": 7})
    reply(alice, model="own/two", usage=None)
    one, two = read(alice)
    assert (one["day"], one["model"], one["replies"]) == (DAY, "own/one", 2)
    assert [one[name] for name in TOKENS] == [11, 5, 0, 7]
    assert one["dollars"] == Decimal("0.5")
    assert (two["model"], two["replies"], two["dollars"]) == ("own/two", 1, None)
    assert [two[name] for name in TOKENS] == [0, 0, 0, 0]


def test_days_are_those_of_utc_with_both_ends(alice: User) -> None:
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    tokyo = timezone(timedelta(hours=9))
    reply(alice, ended=midnight.astimezone(tokyo))
    reply(alice, ended=midnight + timedelta(hours=24) - timedelta(microseconds=1))
    reply(alice, ended=midnight - timedelta(microseconds=1))
    reply(alice, ended=midnight + timedelta(hours=24))
    assert [(row["day"], row["replies"]) for row in read(alice)] == [(DAY, 2)]
    days = [row["day"].day for row in read(alice, date(2026, 3, 1), date(2026, 3, 3))]
    assert days == [1, 2, 3]


@pytest.mark.parametrize(
    "fields",
    [
        {"copied": True},
        {"status": Status.RUNNING, "ended": NOON},
        {"status": Status.QUEUED, "ended": None},
        {"role": Role.USER, "status": "", "ended": NOON},
    ],
)
def test_copies_and_replies_that_have_not_ended_cost_nothing(
    alice: User, fields: dict[str, Any]
) -> None:
    reply(alice, **fields)
    assert read(alice) == []


def test_a_failed_reply_counts_and_anothers_does_not(alice: User, bob: User) -> None:
    reply(alice, status=Status.FAILED)
    assert len(read(alice)) == 1
    assert read(bob) == []
