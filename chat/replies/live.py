"""One growing reply as this process's followers see it. No I/O, no database.

A follower keeps its own position and pulls what lies beyond it whenever it is ready. There is no
queue per follower: a slow one simply gets larger, fewer frames, and nothing can be lost or
reordered.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from chat import protocol

UNLIKE = -1
"""The attempt of a follower whose text is not the beginning of this one: it gets a snapshot."""


class Track:
    """An append-only text, read from any code point on without joining the whole."""

    __slots__ = ("_pieces", "_starts", "length")

    def __init__(self, text: str = "") -> None:
        self._pieces: list[str] = [text] if text else []
        self._starts: list[int] = [0] if text else []
        self.length = len(text)

    def append(self, text: str) -> None:
        if text:
            self._starts.append(self.length)
            self._pieces.append(text)
            self.length += len(text)

    def after(self, at: int) -> str:
        """Everything from this code point on; "" when there is no more yet."""
        if at >= self.length:
            return ""
        if at >= self._starts[-1]:
            return self._pieces[-1][at - self._starts[-1] :]
        first = bisect_right(self._starts, at) - 1
        head = self._pieces[first][at - self._starts[first] :]
        return head + "".join(self._pieces[first + 1 :])

    def whole(self) -> str:
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
            self._starts = [0]
        return self._pieces[0] if self._pieces else ""


class LiveReply:
    """The state of one reply: its current attempt, its two tracks, and how it stands.

    In the producer's process the producer grows it; elsewhere it shows the row.
    """

    def __init__(self, row: Any, text: str = "", reasoning: str = "") -> None:
        self.pk: int = row.pk
        self.uid: UUID = row.uid
        self.user_id: int = row.user_id
        self.conversation_id: int = row.conversation_id
        self.model: str = row.model
        self.attempt: int = row.attempt
        self.text = Track(text)
        self.reasoning = Track(reasoning)
        self.status: str = row.status
        self.reason: str = row.reason
        self.retry_at: datetime | None = row.retry_at
        self.position: int | None = None
        self.version = 0
        """Raised by every change that a `status` frame tells."""
        self.seq: int = row.seq
        self.end_frame: str | None = protocol.end(row) if row.ended is not None else None
        self.gone = False
        self.produced = False
        """Whether a producer of this process grows it."""
        self.followers: set[Follower] = set()
        self.publish: Callable[[], None] | None = None
        """Set while a copy in another process wants what grows here."""
        self._frames: dict[str, tuple[int, int, str, int]] = {}

    def wake(self) -> None:
        for follower in self.followers:
            follower.notify()
        if self.publish is not None:
            self.publish()

    def begin(self, attempt: int, model: str, text: str, reasoning: str) -> None:
        """A new attempt runs, on this kept text."""
        self.attempt = attempt
        self.model = model
        self.text = Track(text)
        self.reasoning = Track(reasoning)
        self._frames.clear()
        self.end_frame = None
        self.status, self.reason, self.retry_at, self.position = "running", "", None, None
        self.version += 1
        self.wake()

    def append(self, text: str, reasoning: str) -> None:
        self.text.append(text)
        self.reasoning.append(reasoning)
        self.wake()

    def tell(
        self,
        status: str,
        reason: str,
        retry_at: datetime | None,
        position: int | None,
        model: str = "",
    ) -> None:
        """Note how it stands; followers hear of it when it is news."""
        news = (status, reason, retry_at, position, model or self.model)
        if news != (self.status, self.reason, self.retry_at, self.position, self.model):
            self.status, self.reason, self.retry_at, self.position, self.model = news
            self.version += 1
            self.wake()

    def finish(self, row: Any) -> None:
        """It has ended as this stored row says."""
        self.status = row.status
        self.end_frame = protocol.end(row)
        joins = row.text.startswith(self.text.whole())
        if (
            row.attempt == self.attempt
            and joins
            and row.reasoning.startswith(self.reasoning.whole())
        ):  # what was stored after it was read
            self.text.append(row.text[self.text.length :])
            self.reasoning.append(row.reasoning[self.reasoning.length :])
        else:
            self._replace(row.attempt, row.text, row.reasoning)
        self.wake()

    def _replace(self, attempt: int, text: str, reasoning: str) -> None:
        """Another text than was shown; in the same attempt, one whose last words got lost."""
        self.attempt = attempt
        self.text, self.reasoning = Track(text), Track(reasoning)
        self._frames.clear()
        for follower in self.followers:
            follower.attempt = UNLIKE

    def vanish(self) -> None:
        """It was deleted."""
        self.gone = True
        self.wake()

    def status_frame(self) -> str:
        return protocol.status(
            self.uid,
            self.attempt,
            self.status,
            self.reason,
            self.position,
            self.retry_at,
            self.model,
        )

    def delta(self, track: str, at: int, room: int) -> tuple[str, int, int]:
        """The frame of what lies beyond `at`, the position after it, and its bytes of text.

        Encoded once for all followers that stand at the same position.
        """
        source: Track = getattr(self, track)
        known = self._frames.get(track)
        if known is not None and known[:2] == (at, source.length) and known[3] <= room:
            return known[2], source.length, known[3]
        whole = source.after(at)
        piece = next(iter(protocol.chunks(whole, min(room, protocol.DELTA_BYTES))))
        frame = protocol.delta(self.uid, self.attempt, track, at, piece)
        size = len(piece.encode())
        if len(piece) == len(whole):
            self._frames[track] = (at, source.length, frame, size)
        return frame, at + len(piece), size


class Follower:
    """Somebody who reads a reply from a position on.

    `notify` is called whenever there may be more to pull; it must only set a flag.
    """

    __slots__ = (
        "_text_first",
        "attempt",
        "ends_only",
        "finished",
        "live",
        "notify",
        "reasoning",
        "text",
        "told",
    )

    def __init__(
        self,
        live: LiveReply,
        notify: Callable[[], None],
        *,
        attempt: int = 0,
        text: int = 0,
        reasoning: int = 0,
        ends_only: bool = False,
    ) -> None:
        self.live = live
        self.notify = notify
        self.attempt = attempt
        self.text = text
        self.reasoning = reasoning
        self.ends_only = ends_only
        # The snapshot tells a newcomer the status of what runs and has text.
        has_text = bool(live.text.length or live.reasoning.length)
        self.told = live.version if has_text and live.status == "running" else -1
        self._text_first = has_text
        self.finished = False
        live.followers.add(self)

    def leave(self) -> None:
        self.live.followers.discard(self)
        self.finished = True

    def behind(self) -> bool:
        """Whether there is text it has not pulled."""
        live = self.live
        return not (self.finished or self.ends_only) and (
            self._is_elsewhere()
            or self.text < live.text.length
            or self.reasoning < live.reasoning.length
        )

    def _is_elsewhere(self) -> bool:
        """Whether only a snapshot brings it to this text.

        It may be ahead of what is known while the reply runs, but not of its end: what it has
        beyond that was lost with the process that wrote it.
        """
        live = self.live
        ahead = self.text > live.text.length or self.reasoning > live.reasoning.length
        return live.attempt != self.attempt or (live.end_frame is not None and ahead)

    def next_frame(self, room: int) -> tuple[str, int] | None:
        """The next frame with its bytes of text, or None while there is nothing to say.

        `room` is how many bytes of text the reader may take now; frames without text always go.
        """
        live = self.live
        if self.finished:
            return None
        if live.gone:
            self.leave()
            message = "There is no such reply."
            return protocol.error("not_found", message, reply=str(live.uid)), 0
        news = live.end_frame is None and self.told != live.version and not self.ends_only
        if news and not (self._text_first and self.behind()):
            self.told = live.version
            return live.status_frame(), 0
        if self.behind():
            return self._text_frame(room)
        self._text_first = False
        if live.end_frame is not None:
            self.leave()
            return live.end_frame, 0
        return None

    def _text_frame(self, room: int) -> tuple[str, int] | None:
        live = self.live
        if self._is_elsewhere():
            return self._snapshot(room)
        track = "reasoning" if self.reasoning < live.reasoning.length else "text"
        return self._delta(track, room)

    def _snapshot(self, room: int) -> tuple[str, int] | None:
        if room < 4:
            return None
        live = self.live
        limit = min(room, protocol.SNAPSHOT_BYTES)
        text = next(iter(protocol.chunks(live.text.whole(), limit)), "")
        size = len(text.encode())
        rest = limit - size
        reasoning = live.reasoning.whole()
        reasoning = next(iter(protocol.chunks(reasoning, rest)), "") if rest >= 4 else ""
        size += len(reasoning.encode())
        self.attempt, self.text, self.reasoning = live.attempt, len(text), len(reasoning)
        frame = protocol.snapshot(live.uid, live.attempt, live.status, text, reasoning)
        return frame, size

    def _delta(self, track: str, room: int) -> tuple[str, int] | None:
        if room < 4:  # one code point has up to four bytes
            return None
        frame, at, size = self.live.delta(track, getattr(self, track), room)
        setattr(self, track, at)
        return frame, size
