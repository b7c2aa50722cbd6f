"""Usage of one's own replies."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import BeforeValidator

from chat.api.answers import answer, answers
from chat.api.auth import Access, caller_of
from chat.api.problems import ApiProblem
from chat.models import Counter
from chat.models.reading.usage import TOKENS, usage
from chat.protocol import Seq, Shape, described
from chat.sentence import Sentence

router = Router(tags=["account"])


def _as_written(value: object) -> object:
    """A day and nothing else: pydantic would take a number of seconds for one, too."""
    if value is not None and not re.fullmatch(r"\d{4}-\d\d-\d\d", str(value), re.ASCII):
        raise ValueError("A day is written as in 2026-11-21")
    return value


Day = Annotated[date, BeforeValidator(_as_written)]

DAYS = 366
SHOWN = 30
COUNTED = ("replies", *TOKENS)


class Took(Shape, frozen=True, kw_only=True):
    replies: int
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: Annotated[int, described("Among the completion tokens.")]
    cached_tokens: Annotated[int, described("Among the prompt tokens.")]
    cost: Annotated[float | None, described("US dollars; null where unknown, or not to be seen.")]


class DayAndModel(Took, frozen=True):
    day: date
    model: str


class OwnUsage(Shape, frozen=True, rename={"from_": "from"}):
    seq: Seq
    from_: date
    to: date
    total: Took
    days: list[DayAndModel]


@router.get("/usage", auth=Access("read"), response=answers(OwnUsage, 422))
def read_usage(
    request: HttpRequest,
    from_: Annotated[
        Day | None, Query(alias="from", description=f"{SHOWN} days back where left out.")
    ] = None,
    to: Annotated[Day | None, Query(description="Included; today where left out.")] = None,
) -> HttpResponse:
    """Tokens, replies and cost by day (UTC) and model, of at most 366 days.

    Only stored conversations count, and deleted ones no more.
    """
    user_id = caller_of(request).user_id
    last = to or timezone.now().date()
    first = from_ or last - min(timedelta(days=SHOWN - 1), last - date.min)
    if not 0 <= (last - first).days < DAYS:
        message = Sentence(
            "`from` is at most {value} days before `to`, and not after it.", value=DAYS - 1
        )
        raise ApiProblem(422, "bad_field", message, field="from" if from_ else "to")
    seq = Counter.objects.current(user_id)
    days = []
    for row in usage(user_id, first, last):
        cost = row["dollars"] if settings.SHOW_COST else None
        days.append(
            DayAndModel(
                day=row["day"],
                model=row["model"],
                cost=None if cost is None else float(cost),
                **{name: row[name] for name in COUNTED},
            )
        )
    costs = [row.cost for row in days if row.cost is not None]
    counts = {name: sum(getattr(row, name) for row in days) for name in COUNTED}
    total = Took(**counts, cost=round(sum(costs), 8) if costs else None)
    return answer(OwnUsage(seq, first, last, total, days))
