"""Events of a response body: of a stream, or of a completion that comes all at once. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chat.upstream.decoding import Decoder, UnreadableError
from chat.upstream.sse import MAX_EVENT_BYTES, Event, EventTooLargeError, Splitter


class BodyEvents:
    """Feed it packets, get the events of a stream. Any other body is kept until its end.

    Raises UnreadableError for an answer which, by its head, is none.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._decoder = Decoder(headers, MAX_EVENT_BYTES)
        self._splitter = Splitter()
        self._begun = False
        self._whole: list[bytes] | None = None
        self._whole_size = 0

    def feed(self, packet: bytes) -> Sequence[Event]:
        """Return the events that this packet completes.

        Raises UnreadableError for bodies that are no answer, and EventTooLargeError.
        """
        packet = self._decoder.feed(packet)
        if not self._begun:
            packet = self._begin(packet)
        if self._whole is None:
            return self._splitter.feed(packet)
        self._whole.append(packet)
        self._whole_size += len(packet)
        if self._whole_size > MAX_EVENT_BYTES:
            raise EventTooLargeError
        return ()

    def rest(self) -> list[Event]:
        """Return the events that the end of the stream completes."""
        events = []
        for name, data in self._splitter.finish():
            if data.startswith(b"{") and not data.rstrip().endswith(b"}"):
                break  # cut: the reply was, too, and has no finish reason
            events.append((name, data))
        return events

    @property
    def whole(self) -> bytes | None:
        """The body, if it is no stream."""
        return b"".join(self._whole) if self._whole is not None else None

    @property
    def cut(self) -> bool:
        """True if the body, in case it has ended, was cut off."""
        return self._decoder.cut

    def _begin(self, packet: bytes) -> bytes:
        """Tell a stream from a plain completion and from a page, by the first character."""
        start = packet.removeprefix(b"\xef\xbb\xbf").lstrip()
        if start:
            self._begun = True
        if start.startswith((b"{", b"[")):
            self._whole = []
            return start
        if start.startswith(b"<"):
            raise UnreadableError("The body is markup.")
        return packet
