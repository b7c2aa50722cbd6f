"""What one's own replies took."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import BeforeValidator, Field

from chat.api import objects
from chat.api.answers import answer, answers
from chat.api.auth import Access, caller_of
from chat.api.problems import Declined
from chat.models import Counter
from chat.models.usage import TOKENS, usage

router = Router(tags=["account"])


def _as_written(value: object) -> object:
    """A day and nothing else: pydantic would take a number of seconds for one, too."""
    if value is not None and not re.fullmatch(r"\d{4}-\d\d-\d\d", str(value), re.ASCII):
        raise ValueError("A day is written as in 2026-11-21")
    return value


Day = Annotated[date, BeforeValidator(_as_written)]

DAYS = 366
SHOWN = 30


class Took(Schema):
    replies: int
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int = Field(description="Among the completion tokens.")
    cached_tokens: int = Field(description="Among the prompt tokens.")
    cost: float | None = Field(description="US dollars; null where unknown, or not to be seen.")


class DayAndModel(Took):
    day: date
    model: str


class OwnUsage(Schema):
    seq: objects.Seq
    from_: date = Field(alias="from")
    to: date
    total: Took
    days: list[DayAndModel]


@router.get("/usage", auth=Access("read"), response=answers(OwnUsage, 422), by_alias=True)
def read_usage(
    request: HttpRequest,
    from_: Annotated[
        Day | None, Query(alias="from", description=f"{SHOWN} days back where left out.")
    ] = None,
    to: Annotated[Day | None, Query(description="Included; today where left out.")] = None,
) -> HttpResponse:
    """Tokens, replies and cost by day (UTC) and model, of at most 366 days.

    Counts what is still stored: a deleted conversation counts no more.
    """
    user_id = caller_of(request).user_id
    last = to or timezone.now().date()
    first = from_ or last - min(timedelta(days=SHOWN - 1), last - date.min)
    if not 0 <= (last - first).days < DAYS:
        message = f"`from` is at most {DAYS - 1} days before `to`, and not after it."
        raise Declined(422, "bad_field", message, field="from" if from_ else "to")
    seq = Counter.objects.current(user_id)
    days = []
    for row in usage(user_id, first, last):
        cost = row["dollars"] if settings.SHOW_COST else None
        days.append(
            {
                "day": row["day"],
                "model": row["model"],
                "replies": row["replies"],
                **{name: row[name] for name in TOKENS},
                "cost": None if cost is None else float(cost),
            }
        )
    costs = [row["cost"] for row in days if row["cost"] is not None]
    total = {name: sum(row[name] for row in days) for name in ("replies", *TOKENS)}
    total["cost"] = round(sum(costs), 8) if costs else None
    return answer({"seq": seq, "from": first, "to": last, "total": total, "days": days})
