"""One growing reply as this process's followers see it. No I/O, no database.

A follower keeps its own position and pulls the text beyond it whenever it is ready. There is no
queue per follower: a slow one simply gets larger, fewer frames, and nothing can be lost or
reordered. Of a reply that has ended only the pieces are in memory that somebody reads just now.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from chat import protocol
from chat.protocol import START, Position
from chat.protocol.sentences import NO_REPLY
from chat.replies.live_track import LiveTrack
from chat.replies.pieces import PieceKey, StoredTrack

if TYPE_CHECKING:
    from chat.models import Message

UNLIKE = -1
"""The attempt of a follower whose text is not the beginning of this one: it gets a snapshot."""


class LiveReply:
    """The state of one reply: its current attempt, its two tracks, and how it stands.

    In the producer's process the producer grows it; elsewhere it shows the row.
    """

    def __init__(self, row: Message, text: str = "", reasoning: str = "") -> None:
        self.pk: int = row.pk
        self.uid: UUID = row.uid
        self.user_id: int = row.user_id
        self.conversation_id: int = row.conversation_id
        self.model: str = row.model
        self.attempt: int = row.attempt
        self.text: LiveTrack | StoredTrack = LiveTrack(text)
        self.reasoning: LiveTrack | StoredTrack = LiveTrack(reasoning)
        self.status: str = row.status
        self.reason: str = row.reason
        self.retry_at: datetime | None = row.retry_at
        self.trouble = ""
        """The reason that nothing of it can be stored just now: in frames, and in no row."""
        self.place: int | None = None
        self.version = 0
        """Raised by every change in the `status` frame."""
        self.seq: int = row.seq
        self.end_frame: str | None = protocol.end(row) if row.ended is not None else None
        self.gone = False
        self.produced = False
        """True if a producer of this process grows it."""
        self.followers: set[Follower] = set()
        self.publish: Callable[[], None] | None = None
        """Set while a replica in another process wants new text."""
        self._frames: dict[str, tuple[int, int, str, int]] = {}
        if row.ended is not None:
            self._shelve(row)

    def wake(self) -> None:
        for follower in self.followers:
            follower.notify()
        if self.publish is not None:
            self.publish()

    def begin(self, attempt: int, model: str, text: str, reasoning: str) -> None:
        """Show a new attempt, which runs on this kept text."""
        self.attempt = attempt
        self.model = model
        self.text = LiveTrack(text)
        self.reasoning = LiveTrack(reasoning)
        self._frames.clear()
        self.end_frame = None
        self.status, self.reason, self.retry_at, self.place = "running", "", None, None
        self.trouble = ""
        self.version += 1
        self.wake()

    def append(self, text: str, reasoning: str) -> None:
        for track, new in ((self.text, text), (self.reasoning, reasoning)):
            if isinstance(track, LiveTrack):  # an ended text does not grow
                track.append(new)
        self.wake()

    def set_status(
        self,
        status: str,
        reason: str,
        retry_at: datetime | None,
        place: int | None,
        model: str = "",
    ) -> None:
        """Set its state, and notify followers if it is news."""
        news = (status, reason, retry_at, place, model or self.model)
        if news != (self.status, self.reason, self.retry_at, self.place, self.model):
            self.trouble = self.trouble if status == self.status else ""
            self.status, self.reason, self.retry_at, self.place, self.model = news
            self.version += 1
            self.wake()

    def set_trouble(self, trouble: str) -> None:
        """Set the reason that nothing of it can be stored, or ("") that something was."""
        if trouble != self.trouble and self.end_frame is None:
            self.trouble = trouble
            self.version += 1
            self.wake()

    def finish(self, row: Message) -> None:
        """It has ended as this stored row says, which may come without its texts."""
        joins = row.attempt == self.attempt and self.joins(row)
        self.status, self.attempt = row.status, row.attempt
        self.end_frame = protocol.end(row)
        if not joins:
            # Another text than was shown; in the same attempt, one whose last words got lost.
            for follower in self.followers:
                follower.attempt = UNLIKE
        self._shelve(row, known=joins)
        self.wake()

    def joins(self, row: Message) -> bool:
        """True if the texts of this attempt, which has ended, begin with those known here."""
        stored = vars(row)
        if "text" in stored:
            return bool(
                row.text.startswith(self.text.after(0))
                and row.reasoning.startswith(self.reasoning.after(0))
            )
        if not self.text.length and self.reasoning.length and row.length:
            return False  # perhaps an earlier attempt's: one without an answer keeps that
        return bool(
            self.text.length <= (row.length or 0)
            and self.reasoning.length <= (row.reasoning_length or 0)
        )

    def _shelve(self, row: Message, known: bool = True) -> None:
        """Leave the texts in the row; those at hand may be used, or dropped."""
        self._frames.clear()
        for name in ("text", "reasoning"):
            own: LiveTrack | StoredTrack = getattr(self, name)
            whole = vars(row).get(name)
            length = getattr(row, "length" if name == "text" else "reasoning_length")
            if whole is not None:
                length = len(whole)
            elif known and isinstance(own, LiveTrack):
                whole = own.whole()
            track = StoredTrack(row.uid, row.attempt, name, length)
            if whole and self.followers and len(whole) == track.length:
                track.keep(whole)
            setattr(self, name, track)

    @property
    def length(self) -> Position:
        """The position of a follower with all of it."""
        return Position(self.attempt, self.text.length, self.reasoning.length)

    def vanish(self) -> None:
        """It was deleted."""
        self.gone = True
        self.wake()

    def status_frame(self) -> str:
        return protocol.encode(
            protocol.StatusFrame(
                reply=self.uid,
                attempt=self.attempt,
                status=self.status,
                reason=self.trouble or self.reason or None,
                position=self.place,
                retry_at=protocol.moment(self.retry_at) if self.retry_at else None,
                model=self.model,
            )
        )

    def delta(self, track: str, at: int, room: int) -> tuple[str, int, int]:
        """Return the frame of the text beyond `at`, the position after it, and its bytes of text.

        Encoded once for all followers that stand at the same position.
        """
        source: LiveTrack | StoredTrack = getattr(self, track)
        known = self._frames.get(track)
        if known is not None and known[:2] == (at, source.length) and known[3] <= room:
            return known[2], source.length, known[3]
        room = min(room, protocol.DELTA_BYTES)
        piece = next(iter(protocol.chunks(source.after(at, room), room)))
        frame = protocol.encode(
            protocol.DeltaFrame(self.uid, self.attempt, track, at, piece),
        )
        size = len(piece.encode())
        if at + len(piece) == source.length and isinstance(source, LiveTrack):
            self._frames[track] = (at, source.length, frame, size)
        return frame, at + len(piece), size


class Follower:
    """A reader of a reply from a position on.

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
        "sent_version",
        "text",
    )

    def __init__(
        self,
        live: LiveReply,
        notify: Callable[[], None],
        position: Position = START,
        *,
        ends_only: bool = False,
    ) -> None:
        self.live = live
        self.notify = notify
        self.attempt, self.text, self.reasoning = position
        self.ends_only = ends_only
        # The snapshot has the status of a running reply with text for a newcomer.
        has_text = bool(live.text.length or live.reasoning.length)
        is_known = has_text and live.status == "running" and not live.trouble
        self.sent_version = live.version if is_known else -1
        self._text_first = has_text
        self.finished = False
        live.followers.add(self)

    @property
    def position(self) -> Position:
        """The text that it has pulled."""
        return Position(max(self.attempt, 0), self.text, self.reasoning)

    def leave(self) -> None:
        self.live.followers.discard(self)
        self.finished = True

    def behind(self) -> bool:
        """True if there is text it has not pulled."""
        live = self.live
        return not (self.finished or self.ends_only) and (
            self._is_elsewhere()
            or self.text < live.text.length
            or self.reasoning < live.reasoning.length
        )

    def settle(self) -> bool:
        """True if it runs, and all there is to say of it was pulled."""
        live = self.live
        if (
            self.text != live.text.length
            or self.reasoning != live.reasoning.length
            or self.attempt != live.attempt
            or self.sent_version != live.version
            or live.end_frame is not None
            or live.gone
        ):
            return False
        self._text_first = False
        return True

    def _is_elsewhere(self) -> bool:
        """True if only a snapshot brings it to this text.

        It may be ahead of the text known here while the reply runs, but not of its end: text
        beyond that was lost with the process that wrote it.
        """
        live = self.live
        ahead = self.text > live.text.length or self.reasoning > live.reasoning.length
        return live.attempt != self.attempt or (live.end_frame is not None and ahead)

    def move(self, live: LiveReply) -> None:
        """Read on from another state of the same reply."""
        self.live.followers.discard(self)
        self.live, self.sent_version = live, -1
        if not self.finished:
            live.followers.add(self)
        self.notify()

    def missing(self, room: int) -> PieceKey | None:
        """The piece of an ended text that is to be read before there can be a next frame.

        None where the reader could not take it now.
        """
        live = self.live
        if live.gone or not self.behind():
            return None
        name, at = self._next()
        track: LiveTrack | StoredTrack = getattr(live, name)
        enough = min(track.length - at, protocol.DELTA_BYTES)
        return track.missing(at) if room >= max(4, enough) else None

    def _next(self) -> tuple[str, int]:
        """The track to go on with, and from where."""
        live = self.live
        if self._is_elsewhere():
            return ("text" if live.text.length else "reasoning"), 0
        if self.reasoning < live.reasoning.length:
            return "reasoning", self.reasoning
        return "text", self.text

    def next_frame(self, room: int, *, hold: bool = False) -> tuple[str, int] | None:
        """The next frame with its bytes of text, or None while there is nothing to say.

        `room` is how many bytes of text the reader may take now; frames without text always go.
        With `hold`, text that still grows waits until it fills a frame.
        """
        live = self.live
        if self.finished:
            return None
        if live.gone:
            self.leave()
            return protocol.error("not_found", NO_REPLY, reply=str(live.uid)), 0
        news = live.end_frame is None and self.sent_version != live.version and not self.ends_only
        if news and not (self._text_first and self.behind()):
            self.sent_version = live.version
            return live.status_frame(), 0
        if self.behind():
            if hold and live.end_frame is None and not self._fills_a_frame():
                return None
            return self._text_frame(room)
        self._text_first = False
        if live.end_frame is not None:
            self.leave()
            return live.end_frame, 0
        return None

    def _fills_a_frame(self) -> bool:
        live = self.live
        ahead = live.text.length - self.text + live.reasoning.length - self.reasoning
        return ahead >= protocol.DELTA_BYTES

    def _text_frame(self, room: int) -> tuple[str, int] | None:
        # One code point has up to four bytes. Text that is not at hand is being read.
        name, at = self._next()
        if room < 4 or getattr(self.live, name).missing(at):
            return None
        return self._snapshot(room) if self._is_elsewhere() else self._delta(name, room)

    def _snapshot(self, room: int) -> tuple[str, int]:
        live = self.live
        limit = min(room, protocol.SNAPSHOT_BYTES)
        text = next(iter(protocol.chunks(live.text.after(0, limit), limit)), "")
        size = len(text.encode())
        rest = limit - size
        reasoning = live.reasoning.after(0, rest) if rest >= 4 else ""
        reasoning = next(iter(protocol.chunks(reasoning, rest)), "") if rest >= 4 else ""
        size += len(reasoning.encode())
        self.attempt, self.text, self.reasoning = live.attempt, len(text), len(reasoning)
        frame = protocol.SnapshotFrame(live.uid, live.attempt, live.status, text, reasoning)
        return protocol.encode(frame), size

    def _delta(self, track: str, room: int) -> tuple[str, int]:
        frame, at, size = self.live.delta(track, getattr(self, track), room)
        setattr(self, track, at)
        return frame, size
