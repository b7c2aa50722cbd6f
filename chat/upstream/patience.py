"""Time limits of an answer: silence, signs of life, and content."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from chat.endpoint import EndpointConfig

TAIL_SECONDS = 5.0
"""Seconds to wait for usage and the end, once a finish reason has followed text."""

LATE_SECONDS = 0.5
"""Seconds by which a watchdog may be late. Beyond them this process stood still, and not the
endpoint."""


class Patience:
    """The deadlines of one answer. `give_up` is called when one passes while somebody waits."""

    def __init__(self, endpoint: EndpointConfig, give_up: Callable[[], None]) -> None:
        self.code = "timeout_first_token"
        """The error code when the time is over."""
        self._loop = asyncio.get_running_loop()
        self._give_up = give_up
        self._silence, self._silence_name = endpoint.idle_timeout, "IDLE_TIMEOUT"
        self._most = endpoint.first_token_timeout
        self._tail: float | None = None
        now = self._loop.time()
        self._heard = self._content = now
        self._grace = 0.0
        self._late = 0
        self._timer: asyncio.TimerHandle | None = None
        self._waiting = False

    def whole(self) -> None:
        """Wait for an answer that comes all at once: until then the endpoint shows no life."""
        now = self._loop.time()
        if self._most > self._silence:
            self._silence, self._silence_name = self._most, "FIRST_TOKEN_TIMEOUT"
        self._heard = self._content = now

    @property
    def deadline(self) -> float:
        """Time of the loop's clock at which the wait ends if nothing comes."""
        if self._tail is not None:
            return max(self._tail, self._grace)
        return max(min(self._heard + self._silence, self._content + self._most), self._grace)

    @property
    def reason(self) -> str:
        """The reason of the end, for staff."""
        if self._is_silence:
            return f"No byte within {self._silence:g} s."
        return f"No content within {self._most:g} s."

    @property
    def advice(self) -> str:
        """The reason of the end, and the setting that allows longer waits, for everybody."""
        if self._is_silence:
            return f"nothing came for {self._silence:g} s ({self._silence_name})"
        return f"no text came for {self._most:g} s (FIRST_TOKEN_TIMEOUT)"

    @property
    def _is_silence(self) -> bool:
        return self._heard + self._silence <= self._content + self._most

    def heard(self) -> None:
        """Note that bytes have come."""
        self._heard = self._loop.time()

    def fed(self) -> None:
        """Note that the latest bytes had content."""
        self.code, self._late, self._grace = "timeout_idle", 0, 0.0
        self._content, self._tail = self._heard, None
        # An endpoint that may be silent for long may be without content for as long.
        self._most = max(self._most, self._silence)

    def finished(self) -> None:
        """Note that all text is there; anything else has a short time."""
        self._tail = self._loop.time() + min(TAIL_SECONDS, self._silence)

    def is_over(self) -> bool:
        """True if the time is over although there is always more to read, so that nobody waits.

        One more read is granted: it may have been this process that stood still.
        """
        if self._loop.time() >= self.deadline:
            self._late += 1
        return self._late > 1

    def wait(self) -> None:
        """Note that a read waits. A timer that is set already looks again when it goes off."""
        self._waiting = True
        deadline = self.deadline
        if self._timer is not None and self._timer.when() > deadline:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(deadline, self._expire)

    def stop_waiting(self) -> None:
        self._waiting = False

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self._timer = None
        if not self._waiting:
            return
        now = self._loop.time()
        if now > self.deadline + LATE_SECONDS and not self._grace:
            # This process stood still, not the endpoint: there may be unread bytes.
            self._grace = now + LATE_SECONDS
        if now < self.deadline:
            self._timer = self._loop.call_at(self.deadline, self._expire)
        else:
            self._give_up()
