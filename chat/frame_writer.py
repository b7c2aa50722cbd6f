"""Writing of frames to one client: the part that sockets and HTTP streams share."""

from __future__ import annotations

import asyncio
from uuid import UUID

from django.conf import settings

from chat import sessions
from chat.flow_control import held
from chat.protocol import START, Position
from chat.replies import Follower, LiveReply, process


class FrameWriter:
    """A client's connection: the replies that it follows, and the limits of writing to it.

    It is known to the process between `enter` and `leave`.
    """

    def __init__(self, login: sessions.Login) -> None:
        self.login = login
        self.wanted = asyncio.Event()
        """Set when there may be something to write."""
        self.closed = False
        self.shows: UUID | None = None
        """The conversation that the client says it shows."""
        self._followers: dict[UUID, Follower] = {}
        self._seq = 0
        """The user's change counter, as far as the client is to know it."""
        self._sent_at = 0.0
        self._most_held: int = settings.HELD_BYTES_PER_USER

    def enter(self) -> None:
        self._sent_at = now()
        process.enter(self)

    def leave(self) -> None:
        """End the connection's part in this process. The replies go on."""
        self.closed = True
        for follower in list(self._followers.values()):
            self.unfollow(follower)
        process.leave(self)

    def follow(
        self, live: LiveReply, position: Position = START, *, ends_only: bool = False
    ) -> Follower:
        """Write this reply from a position on, in place of an earlier follower."""
        known = self._followers.get(live.uid)
        follower = Follower(live, self.wanted.set, position, ends_only=ends_only)
        self._followers[live.uid] = follower
        if known is not None:  # left last: a reply that nobody follows is forgotten
            self.unfollow(known)
        self.wanted.set()
        return follower

    def unfollow(self, follower: Follower) -> None:
        follower.leave()
        process.following.forget(follower.live)
        if self._followers.get(follower.live.uid) is follower:
            del self._followers[follower.live.uid]

    def follower(self, uid: UUID) -> Follower | None:
        """The follower of this reply, if there is one."""
        return self._followers.get(uid)

    def _must_wait(self) -> bool:
        """True if its user's clients leave too much unread; it is then woken when it is less."""
        if held.of(self.login) < self._most_held:
            return False
        held.wait(self.login, self.wanted.set)
        return True

    # --- called by the process --------------------------------------------------------------

    def changed(self, frame: str, seq: int) -> None:
        """Ignore changes of the user's objects: a stream carries its reply alone."""

    async def close(self, code: int) -> None:
        """Write nothing more."""
        self.closed = True
        self.wanted.set()

    def tick(self, counter: int | None) -> None:
        """Look every few seconds whether a `ping` is due, or an end."""
        raise NotImplementedError

    def _is_silent(self) -> bool:
        """True if the client would get nothing for too long until the next tick."""
        return now() - self._sent_at > settings.SILENCE_SECONDS - 2


def now() -> float:
    return asyncio.get_running_loop().time()
