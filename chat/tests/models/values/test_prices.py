"""Cost of a reply, and known facts about models."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.models import Prices
from chat.models.values.prices import Proposal, propose

PRICES = Prices(Decimal("2.5"), Decimal(10), Decimal("1.25"))


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        ({}, "0"),
        ({"prompt_tokens": 1_000_000}, "2.5"),
        ({"completion_tokens": 1_000_000}, "10"),
        ({"prompt_tokens": 1000, "completion_tokens": 100}, "0.0035"),
        ({"prompt_tokens": 1000, "cached_tokens": 1000}, "0.00125"),
        ({"prompt_tokens": 1000, "cached_tokens": 5000}, "0.00125"),
        ({"prompt_tokens": 1, "completion_tokens": 0}, "0.0000025"),
        ({"prompt_tokens": None, "completion_tokens": None, "cached_tokens": None}, "0"),
    ],
)
def test_a_reply_costs_what_was_sent_and_answered(usage: dict[str, Any], cost: str) -> None:
    assert PRICES.cost(usage) == Decimal(cost)


def test_cached_tokens_cost_as_sent_where_no_price_is_known() -> None:
    prices = Prices(Decimal(2), Decimal(0))
    assert prices.cost({"prompt_tokens": 1_000_000, "cached_tokens": 1_000_000}) == 2


@pytest.mark.parametrize("count", [10**10, 2**53 - 1])
def test_a_count_beyond_all_reason_has_no_cost(count: int) -> None:
    assert PRICES.cost({"prompt_tokens": count}) is None
    assert PRICES.cost({"completion_tokens": count}) is None


COUNT = st.integers(0, 10_000_000)


@given(COUNT, COUNT, COUNT)
def test_a_cost_fits_its_column_and_is_never_negative(sent: int, cached: int, out: int) -> None:
    usage = {"prompt_tokens": sent, "cached_tokens": cached, "completion_tokens": out}
    cost = PRICES.cost(usage)
    assert cost is not None
    exponent = cost.as_tuple().exponent
    assert cost >= 0
    assert isinstance(exponent, int)
    assert exponent >= -8


def test_models_of_known_providers_are_proposed() -> None:
    found = propose("https://api.openai.com/v1", "gpt-4o")
    assert found.context == 128_000
    assert found.prices is not None
    assert 0 < found.prices.input < found.prices.output
    assert propose("https://openrouter.ai/api/v1", "openai/gpt-4o").prices is not None


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("http://own:1/v1", "gpt-4o"),
        ("http://127.0.0.1:8080/v1", "llama"),
        ("https://evil.example/?https://api.openai.com", "gpt-4o"),
        ("https://api.openai.com/v1", "a-model-nobody-has"),
        ("https://api.openai.com/v1", ""),
        ("", ""),
    ],
)
def test_nothing_is_made_up(address: str, name: str) -> None:
    assert propose(address, name) == Proposal()
