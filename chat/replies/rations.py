"""Allowances of each user per minute, over all connections of this process.

Processes report the use to each other every few seconds. Nothing is stored per frame.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from django.conf import settings

from chat.flow_control import Allowance, Allowances
from chat.models.rations import Taken


class Rations:
    """Of frames that ask for something, and of flow frames: `ack`, `ping`, `follow`, `unfollow`."""

    def __init__(self) -> None:
        self._frames, self._flow = Allowances(), Allowances()
        self._taken: tuple[Counter[int], Counter[int]] = (Counter(), Counter())

    def take(self, user_id: int, *, flow: bool = False) -> Allowance | None:
        """Count one more; the allowance, if that is spent."""
        allowance = self._of(user_id, flow)
        if not allowance.take():
            return allowance
        self._taken[flow][user_id] += 1
        return None

    def collect(self) -> dict[int, Taken]:
        """The use of users here since the last call."""
        frames, flow = self._taken
        self._taken = (Counter(), Counter())
        return {user_id: (frames[user_id], flow[user_id]) for user_id in frames.keys() | flow}

    def learn(self, elsewhere: Iterable[tuple[int, Taken]]) -> None:
        """Count the use of users in other processes."""
        for user_id, (frames, flow) in elsewhere:
            self._of(user_id, False).add(frames)
            self._of(user_id, True).add(flow)

    def _of(self, user_id: int, flow: bool) -> Allowance:
        if flow:
            return self._flow.of(user_id, settings.FLOW_FRAMES_PER_MINUTE)
        return self._frames.of(user_id, settings.FRAMES_PER_MINUTE)
