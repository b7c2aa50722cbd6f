"""Usage of one attempt: times, tokens, money. No I/O."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from chat.models import Claim
from chat.models.attempting.context import tokens
from chat.upstream import Usage


class UsageMeter:
    """Runs from the claim to the end of an attempt. Times are milliseconds since its start."""

    def __init__(self, claim: Claim) -> None:
        self.first_token_ms: int | None = None
        self._claim = claim
        self._started = asyncio.get_running_loop().time()
        self._thinks_since: int | None = None
        self._thought_ms: int | None = None
        self._new_bytes = 0
        self._again = False

    def begin_again(self) -> None:
        """Drop the counts, as the same answer begins again in another form."""
        self._new_bytes = 0
        self._again = True
        self._thinks_since = self._thought_ms = None

    def elapsed_ms(self) -> int:
        return round((asyncio.get_running_loop().time() - self._started) * 1000)

    def reasoning_ms(self) -> int | None:
        """Duration of its thoughts before its answer, so far; None without thoughts."""
        if self._thinks_since is None or self._thought_ms is not None:
            return self._thought_ms
        return self.elapsed_ms() - self._thinks_since

    def count(self, text: str, reasoning: str) -> None:
        """Count new text; not both are empty."""
        self._new_bytes += len(text.encode()) + len(reasoning.encode())
        if self.first_token_ms is None:
            self.first_token_ms = self.elapsed_ms()
        if reasoning and self._thinks_since is None:
            # Thoughts that were taken for the answer at first began with it.
            self._thinks_since = self.first_token_ms if self._again else self.elapsed_ms()
        if text and self._thought_ms is None:
            self._thought_ms = self.reasoning_ms()

    def usage(self, reported: Usage | None) -> dict[str, Any] | None:
        """Tokens as the endpoint counted them; missing counts are estimated, and marked so.

        None without counts and without text.
        """
        if reported is None and self.first_token_ms is None:
            return None
        reported = reported or Usage()
        prompt, answer = reported.prompt_tokens, reported.completion_tokens
        if prompt is None:
            claim = self._claim
            prompt = sum(tokens(one["content"]) for one in claim.messages) + tokens(claim.text)
        if answer is None:
            answer = -(-self._new_bytes // 4)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": answer,
            "reasoning_tokens": reported.reasoning_tokens,
            "cached_tokens": reported.cached_tokens,
            "estimated": reported.prompt_tokens is None or reported.completion_tokens is None,
        }

    def cost(self, usage: dict[str, Any] | None) -> Decimal | None:
        """US dollars, where the model has prices."""
        offer = self._claim.offer
        if usage is None or offer is None or offer.prices is None:
            return None
        return offer.prices.cost(usage)
