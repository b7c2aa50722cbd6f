"""Publishes deltas of locally produced replies to the processes that ask for them, at the pace."""

from __future__ import annotations

import asyncio
from functools import partial
from uuid import UUID

from chat import protocol
from chat.replies.live import LiveReply
from chat.replies.notifications import Message, Notifications, reply_group

LAPSE_SECONDS = 15


class Wanted:
    """One reply of this process that replicas want, and how far it has been sent."""

    def __init__(self, live: LiveReply) -> None:
        self.live = live
        self.group = reply_group(live.uid.hex)
        self.attempt = live.attempt
        self.text = live.text.length
        self.reasoning = live.reasoning.length
        self.trouble = ""
        self.until = 0.0

    def next_message(self) -> Message | None:
        live = self.live
        if not live.produced or live.attempt != self.attempt:
            return None
        room = protocol.DELTA_BYTES
        reasoning = _piece(live.reasoning.after(self.reasoning, room), room)
        text = _piece(live.text.after(self.text, room), room - len(reasoning.encode()))
        if not text and not reasoning and live.trouble == self.trouble:
            return None
        return {
            "type": "delta",
            "reply": live.uid.hex,
            "attempt": self.attempt,
            "text_at": self.text,
            "text": text,
            "reasoning_at": self.reasoning,
            "reasoning": reasoning,
            "trouble": live.trouble,
        }

    def sent(self, message: Message) -> bool:
        # Somebody may have asked for earlier text meanwhile.
        if self.text == message["text_at"]:
            self.text += len(message["text"])
        if self.reasoning == message["reasoning_at"]:
            self.reasoning += len(message["reasoning"])
        self.trouble = message["trouble"]
        return self.text < self.live.text.length or self.reasoning < self.live.reasoning.length


class Publisher:
    """Replies of this process that others want. A producer only sets a mark; a task sends."""

    def __init__(self, notifications: Notifications) -> None:
        self._notifications = notifications
        self._wanted: dict[UUID, Wanted] = {}

    def __len__(self) -> int:
        return len(self._wanted)

    def want(self, live: LiveReply, position: protocol.Position, trouble: str = "") -> None:
        """A replica has this much of a reply that is produced here, and wants the rest."""
        if position.attempt > live.attempt:
            return  # lost to another process, which nobody here knows yet
        wanted = self._wanted.get(live.uid)
        if wanted is None or wanted.live is not live or wanted.attempt != live.attempt:
            wanted = self._wanted[live.uid] = Wanted(live)
            live.publish = partial(self._grown, wanted)
        wanted.until = asyncio.get_running_loop().time() + LAPSE_SECONDS
        if position.attempt == live.attempt:  # else its rows bring it there, and it asks again
            wanted.text = min(wanted.text, position.text)
            wanted.reasoning = min(wanted.reasoning, position.reasoning)
            wanted.trouble = trouble
        self._notifications.publish(wanted)

    def drop(self, live: LiveReply) -> None:
        """It is no longer produced here, or no longer wanted."""
        live.publish = None
        wanted = self._wanted.get(live.uid)
        if wanted is not None and wanted.live is live:
            del self._wanted[live.uid]

    def _grown(self, wanted: Wanted) -> None:
        late = asyncio.get_running_loop().time() > wanted.until
        if late or wanted.attempt != wanted.live.attempt:
            self.drop(wanted.live)
        else:
            self._notifications.publish(wanted)


def _piece(text: str, room: int) -> str:
    return next(iter(protocol.chunks(text, room)), "") if room >= 4 else ""
