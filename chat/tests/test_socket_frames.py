"""Text frames go out whole and in order, at once where nothing waits before them."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from twisted.internet.tcp import Connection

from chat.socket_frames import send_text, write


class Line(Connection):
    """A connection that takes only so many bytes at once; without a socket or a reactor."""

    TLS = False

    def __init__(self, takes: int = 1 << 30) -> None:
        self._tempDataBuffer: list[bytes] = []
        self._tempDataLen = 0
        self.connected, self.takes, self.sent = 1, takes, b""
        self.socket: Any = self

    def send(self, data: bytes) -> int:
        if self.takes < 0:
            raise ConnectionResetError
        if not self.takes:
            raise BlockingIOError
        self.sent += bytes(data[: self.takes])
        return min(len(data), self.takes)

    def startWriting(self) -> None:  # noqa: N802  the name is Twisted's
        """Sent by `doWrite`, which the test calls in the place of the reactor."""

    def stopWriting(self) -> None:  # noqa: N802  the name is Twisted's
        """All is sent."""


class Protocol:
    """A socket of daphne's."""

    STATE_OPEN = 3
    _perMessageCompress = None  # noqa: N815  the name is autobahn's
    send_queue: tuple[()] = ()

    def __init__(self, state: int = STATE_OPEN) -> None:
        self.state, self.transport, self.usual = state, Line(), [""]

    def serverSend(self, text: str) -> None:  # noqa: N802  the name is daphne's
        self.usual.append(text)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 200_000])
def test_a_frame_has_the_header_of_its_size(size: int) -> None:
    protocol = Protocol()
    send_text(protocol, "ü" * (size // 2) + "a" * (size % 2))
    sent = protocol.transport.sent
    assert sent[0] == 0x81
    length, start = sent[1], 2
    if length == 126:
        (length,), start = struct.unpack("!H", sent[2:4]), 4
    elif length == 127:
        (length,), start = struct.unpack("!Q", sent[2:10]), 10
    assert (length, len(sent) - start) == (size, size)
    assert sent[start:].decode() == "ü" * (size // 2) + "a" * (size % 2)


def test_a_socket_that_is_not_open_goes_its_usual_way() -> None:
    protocol = Protocol(state=0)
    send_text(protocol, "text")
    assert (protocol.usual, protocol.transport.sent) == (["", "text"], b"")


@pytest.mark.parametrize("takes", [0, 4])
def test_what_the_client_does_not_take_waits_and_is_not_overtaken(takes: int) -> None:
    line = Line(takes)
    write(line, b"abcdef")
    assert line.sent == b"abcdef"[:takes]
    write(line, b"ghi")
    assert line.sent == b"abcdef"[:takes]
    line.takes = 100
    line.doWrite()  # type: ignore[no-untyped-call]
    assert line.sent == b"abcdefghi"
    write(line, b"j")
    assert line.sent == b"abcdefghij"


def test_a_lost_connection_is_left_to_its_transport() -> None:
    line = Line(takes=-1)
    write(line, b"ab")
    assert line._tempDataBuffer == [b"ab"]


@pytest.mark.parametrize("change", [{"connected": 0}, {"disconnecting": 1}, {"TLS": True}])
def test_any_other_transport_writes_by_itself(change: dict[str, int]) -> None:
    class Other(Line):
        written = b""

        def write(self, data: bytes) -> None:
            self.written += data

    line = Other()
    vars(line).update(change)
    write(line, b"ab")
    assert (line.sent, line.written) == (b"", b"ab")
