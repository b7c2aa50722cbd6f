"""Retries of a request that got no answer, within one attempt. Pure."""

from __future__ import annotations

import random

from chat.upstream import UpstreamError

PATIENCE = 60.0
"""Seconds: where an endpoint asks for a longer wait, the reply fails instead of waiting."""

FIRST_DELAY = 0.5
NO_CONNECTION = {"unreachable", "unknown_host", "timeout_connect", "connection_lost"}
AGAIN = {408, 409, 429}


def delay(problem: UpstreamError, tries: int, most: int) -> float | None:
    """Seconds to wait before the next try after this many; None when there is no point in one.

    Only for failures before the first token. The endpoint's own `Retry-After` counts; else
    the wait doubles, with jitter so that many replies do not come back at once.
    """
    status = problem.status or 0
    worth_it = problem.passing or problem.code in NO_CONNECTION or status in AGAIN or status >= 500
    if problem.permanent or not worth_it or tries >= most:
        return None
    if problem.retry_after is not None:
        return problem.retry_after if problem.retry_after <= PATIENCE else None
    jitter = random.uniform(0.75, 1.25)  # noqa: S311
    return FIRST_DELAY * float(2 ** (tries - 1)) * jitter
