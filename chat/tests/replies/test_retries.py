"""Requests that are repeated, and their delays."""

from __future__ import annotations

import pytest

from chat.replies import retries
from chat.upstream import UpstreamError


def problem(code: str, status: int | None = None, after: float | None = None) -> UpstreamError:
    return UpstreamError(code, "here", status=status, retry_after=after)


@pytest.mark.parametrize(
    "passing",
    [
        problem("unreachable"),
        problem("unknown_host"),
        problem("timeout_connect"),
        problem("connection_lost"),
        problem("upstream_error", 408),
        problem("upstream_error", 409),
        problem("rate_limited", 429),
        problem("upstream_error", 500),
        problem("upstream_error", 529),
    ],
)
def test_what_may_pass_is_asked_again_with_growing_delays(passing: UpstreamError) -> None:
    first, second = retries.delay(passing, 1, 3), retries.delay(passing, 2, 3)
    assert first is not None
    assert second is not None
    assert 0.37 < first < 0.63 < second < 1.26
    assert retries.delay(passing, 3, 3) is None


@pytest.mark.parametrize(
    "lasting",
    [
        problem("refused_key", 401),
        problem("unknown_model", 404),
        problem("bad_request", 400),
        problem("no_credit", 429),
        problem("redirected", 307),
        problem("timeout_first_token"),
        problem("bad_response", 200),
        problem("tool_calls"),
    ],
)
def test_what_would_fail_again_is_not_asked_again(lasting: UpstreamError) -> None:
    assert retries.delay(lasting, 1, 3) is None


def test_the_endpoint_says_how_long_up_to_a_minute() -> None:
    assert retries.delay(problem("rate_limited", 429, 7), 1, 3) == 7
    assert retries.delay(problem("rate_limited", 429, 61), 1, 3) is None
