"""The settings with a channel layer that loses, repeats and reorders: `LOSSY_SEED` says which."""

from __future__ import annotations

import os
import random
from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer  # type: ignore[import-untyped]

from chatproject.settings import *  # noqa: F403
from chatproject.settings import CHANNEL_LAYERS

LOST, REPEATED, LATE = 0.3, 0.15, 0.15

CHANNEL_LAYERS["default"]["BACKEND"] = "chat.tests.cluster.lossy.LossyLayer"


class LossyLayer(RedisPubSubChannelLayer):  # type: ignore[misc]
    """A layer whose late messages leave after the next one in time, and so perhaps never."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._draw = random.Random(os.environ["LOSSY_SEED"])
        self._late: list[tuple[str, Any]] = []

    async def group_send(self, group: str, message: Any) -> None:
        send = self._get_layer().group_send
        fate = self._draw.random()
        if fate < LOST:
            return
        if fate < LOST + LATE:
            self._late.append((group, message))
            return
        await send(group, message)
        if fate < LOST + LATE + REPEATED:
            await send(group, message)
        while self._late:
            await send(*self._late.pop())
