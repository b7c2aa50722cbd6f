"""Server-sent events out of a stream of bytes, however it is cut. No I/O.

The rules are those of https://html.spec.whatwg.org/multipage/server-sent-events.html with
differences that endpoints make necessary: only the `event` and `data` fields matter here, an event
at the end of the stream counts even without the blank line after it, one may have a name and no
data, and lines of JSON count without a field.
"""

from __future__ import annotations

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""The most bytes of an unfinished event; beyond them the stream is given up."""

_BOM = b"\xef\xbb\xbf"

type Event = tuple[bytes, bytes]
"""The name of an event (empty for the default one) and its data."""


class EventTooLargeError(Exception):
    """An event grew beyond `MAX_EVENT_BYTES` without an end."""


class Splitter:
    """Feed it packets, get the events that became complete with each."""

    __slots__ = (
        "_after_cr",
        "_begun",
        "_data",
        "_data_size",
        "_name",
        "_raw",
        "_tail",
        "_tail_size",
    )

    def __init__(self) -> None:
        self._tail: list[bytes] = []
        self._tail_size = 0
        self._data: list[bytes] = []
        self._data_size = 0
        self._name = b""
        self._begun = False
        self._raw = False
        self._after_cr = False

    def feed(self, packet: bytes) -> list[Event]:
        """Return the events that this packet completes.

        Raises EventTooLargeError when an event does not end.
        """
        if packet.startswith(b"data: ") and packet.endswith(b"\n\n") and self._between_events():
            # Nearly every packet: whole events of one line each, and nothing else.
            if packet.find(b"\n") + 2 == len(packet) and b"\r" not in packet:
                return [(b"", packet[6:-2])]
            pieces = packet[6:-2].split(b"\n\ndata: ")
            if packet.count(b"\n") == 2 * len(pieces) and b"\r" not in packet:
                return [(b"", piece) for piece in pieces]
        if not self._begun:
            packet = self._skip_mark(packet)
        if self._after_cr and packet:
            # This may be the \n of a \r\n that fell between two packets.
            self._after_cr = False
            packet = packet.removeprefix(b"\n")
        if b"\r" in packet:
            self._after_cr = packet.endswith(b"\r")
            packet = packet.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = packet.split(b"\n")
        events: list[Event] = []
        if lines:
            if self._tail:
                lines[0] = b"".join([*self._tail, lines[0]])
                self._tail.clear()
                self._tail_size = 0
            events = self._take(lines)
        if rest:
            self._tail.append(rest)
            self._tail_size += len(rest)
        if self._tail_size + self._data_size > MAX_EVENT_BYTES:
            raise EventTooLargeError
        return events

    def finish(self) -> list[Event]:
        """Return the events that the end of the stream completes."""
        return self._take([b"".join(self._tail), b""])

    def _between_events(self) -> bool:
        return self._begun and not (self._tail or self._data or self._name or self._after_cr)

    def _skip_mark(self, packet: bytes) -> bytes:
        """Leave out a byte order mark, which may be cut, too."""
        start = b"".join([*self._tail, packet])
        self._tail.clear()
        if len(start) < len(_BOM) and _BOM.startswith(start):
            self._tail.append(start)
            return b""
        self._begun = True
        return start.removeprefix(_BOM)

    def _take(self, lines: list[bytes]) -> list[Event]:
        events: list[Event] = []
        for line in lines:
            if line.startswith(b"data:"):
                # One space after the colon belongs to the syntax.
                data = line[6:] if line.startswith(b" ", 5) else line[5:]
                self._data.append(data)
                self._data_size += len(data)
            elif not line:
                self._raw = False
                if self._data:
                    data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                    events.append((self._name, data))
                    self._data.clear()
                    self._data_size = 0
                elif self._name:
                    events.append((self._name, b""))
                self._name = b""
            elif line == b"data":
                self._data.append(b"")
            elif line.startswith(b"event:"):
                self._name = line[6:].strip()
            elif self._raw or line.startswith(b"{"):
                # JSON without its field, as when a proxy adds why it gives up.
                self._raw = True
                self._data.append(line)
                self._data_size += len(line)
        return events
