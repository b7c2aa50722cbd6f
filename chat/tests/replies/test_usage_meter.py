"""Tokens and money of an attempt: what the endpoint said counts, the rest is estimated."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from chat.models import Claim, Offer, Prices
from chat.models.messages import Message
from chat.replies.usage_meter import UsageMeter
from chat.upstream import Usage

pytestmark = pytest.mark.asyncio

PRICES = Prices(Decimal(2), Decimal(10), Decimal(1))


def claim(prices: Prices | None = PRICES, text: str = "") -> Claim:
    return Claim(
        reply=1,
        uid=UUID(int=1),
        user=1,
        owner=1,
        attempt=1,
        record=1,
        model="own/m",
        offer=Offer("own/m", "M", "own", "m", prices=prices),
        endpoint=None,
        row=Message(),
        messages=[{"role": "user", "content": "x" * 400}],
        settings={},
        text=text,
        reasoning="",
    )


async def test_nothing_said_and_nothing_arrived_is_nothing() -> None:
    meter = UsageMeter(claim())
    assert meter.usage(None) is None
    assert meter.cost(None) is None
    assert meter.first_token_ms is None
    assert meter.reasoning_ms() is None


async def test_what_the_endpoint_counted_is_taken() -> None:
    meter = UsageMeter(claim())
    meter.count("Hi", "")
    usage = meter.usage(Usage(1000, 100, 60, 500))
    assert usage == {
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "reasoning_tokens": 60,
        "cached_tokens": 500,
        "estimated": False,
    }
    assert meter.cost(usage) == Decimal("0.0025")  # 500 at 2, 500 cached at 1, 100 at 10


async def test_what_it_did_not_say_is_estimated_and_marked() -> None:
    meter = UsageMeter(claim(text="y" * 40))
    meter.count("z" * 8, "w" * 8)
    usage: Any = meter.usage(None)
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (110, 4)
    assert usage["estimated"] is True
    half: Any = meter.usage(Usage(prompt_tokens=7))
    assert (half["prompt_tokens"], half["completion_tokens"]) == (7, 4)
    assert half["estimated"] is True


async def test_a_model_without_prices_has_no_cost() -> None:
    meter = UsageMeter(claim(prices=None))
    assert meter.cost(meter.usage(Usage(10, 10))) is None


async def test_cached_tokens_beyond_those_sent_cost_nothing_negative() -> None:
    assert Prices(Decimal(2), Decimal(0)).cost(
        {"prompt_tokens": 10, "completion_tokens": 0, "cached_tokens": 99}
    ) == Decimal("0.00002")


async def test_thinking_ends_with_the_first_word() -> None:
    meter = UsageMeter(claim())
    meter.count("", "Hm")
    await asyncio.sleep(0.01)
    thought = meter.reasoning_ms()
    assert thought is not None
    meter.count("So", "")
    ended = meter.reasoning_ms()
    await asyncio.sleep(0.01)
    meter.count("", "and more")
    assert meter.reasoning_ms() == ended
    assert ended is not None
    assert ended >= thought


async def test_text_without_thoughts_has_no_thinking_time() -> None:
    meter = UsageMeter(claim())
    meter.count("So", "")
    assert meter.reasoning_ms() is None
