"""Prices and sizes of models: proposed from `genai-prices`, never downloaded.

All prices are US dollars per million tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

MILLION = 1_000_000
PRECISION = Decimal("0.00000001")

MOST = Decimal(10_000)
"""Dollars; an answer that would cost more was counted wrongly, or its prices are wrong. The sum of
many attempts still fits into its column: on SQLite a row with more could never be read again."""


@dataclass(frozen=True)
class Prices:
    """Of tokens sent, answered, and sent again within the endpoint's cache (None: as sent)."""

    input: Decimal
    output: Decimal
    cached: Decimal | None = None

    def cost(self, usage: dict[str, Any]) -> Decimal | None:
        """Dollars for one answer, from the `usage` of a reply; None where that is too much."""
        sent = usage.get("prompt_tokens") or 0
        cached = min(usage.get("cached_tokens") or 0, sent)
        answered = usage.get("completion_tokens") or 0
        again = self.input if self.cached is None else self.cached
        total = self.input * (sent - cached) + again * cached + self.output * answered
        cost = total / MILLION
        return cost.quantize(PRECISION) if cost <= MOST else None


@dataclass(frozen=True)
class Proposal:
    """Public facts about a model."""

    context: int | None = None
    prices: Prices | None = None


@lru_cache(maxsize=512)
def propose(base_url: str, name: str) -> Proposal:
    """Context size in tokens and prices of a model at this endpoint, as far as they are known.

    A model that is sold by nobody there (one on a machine of your own) has none.
    """
    # Imported here: it takes a fifth of a second and 20 MB that few processes need.
    from genai_prices.data_snapshot import get_snapshot

    try:
        _, model = get_snapshot().find_provider_model(name, None, None, base_url)
    except LookupError:
        return Proposal()
    prices = model.get_prices(datetime.now(UTC))
    sent, answered, cached = (
        _plain(getattr(prices, f"{kind}_mtok", None)) for kind in ("input", "output", "cache_read")
    )
    known = Prices(sent, answered, cached) if sent is not None and answered is not None else None
    return Proposal(model.context_window, known)


def _plain(price: Any) -> Decimal | None:
    """A price, or the base of one that rises with the size of the request."""
    base = getattr(price, "base", price)
    return None if base is None else Decimal(str(base))
