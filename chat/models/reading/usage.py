"""Usage of a user's replies: tokens and dollars, by day and model."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any

from django.db.models import BigIntegerField, Count, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, TruncDate

from chat.models.messages import Message
from chat.models.values.states import UNFINISHED, Role

TOKENS = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens")


def usage(user_id: int, first: date, last: date) -> Iterator[dict[str, Any]]:
    """One row per day and model, in that order, of the replies that ended on these days (UTC).

    `day`, `model`, `replies`, `cost` (None where none is known) and the counts in `TOKENS`.
    """
    replies = Message.objects.filter(
        user_id=user_id,
        role=Role.ASSISTANT,
        copied=False,
        ended__gte=datetime.combine(first, time.min, UTC),
        ended__lte=datetime.combine(last, time.max, UTC),
    ).exclude(status__in=UNFINISHED)
    counts = {name: Sum(Cast(KT(f"usage__{name}"), BigIntegerField())) for name in TOKENS}
    rows = (
        replies.annotate(day=TruncDate("ended", tzinfo=UTC))
        .values("day", "model")
        .annotate(replies=Count("pk"), dollars=Sum("cost"), **counts)
        .order_by("day", "model")
    )
    for row in rows:
        found = dict(row)
        yield found | {name: found[name] or 0 for name in TOKENS}
