"""Text frames of WebSockets, written straight to daphne's transports.

On their usual way autobahn words a line for its log with each frame, whether or not anybody reads
it, and Twisted sends in the next turn of the loop, for two system calls more. That took a fifth of
the CPU of a relayed token.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import Any

from twisted.internet.tcp import Connection

TEXT = 0x81
"""The first byte of a text message in one frame."""


def send_text(protocol: Any, text: str) -> None:
    """Send a message on daphne's protocol. Raises `Disconnected` if the socket is closed."""
    usual = protocol.state == protocol.STATE_OPEN and protocol._perMessageCompress is None
    if not usual or protocol.send_queue:
        protocol.serverSend(text)
        return
    data = text.encode()
    write(protocol.transport, _head(len(data)) + data)


def _head(size: int) -> bytes:
    """The header of an unmasked frame (RFC 6455, 5.2)."""
    if size < 126:
        return bytes((TEXT, size))
    if size < 1 << 16:
        return struct.pack("!BBH", TEXT, 126, size)
    return struct.pack("!BBQ", TEXT, 127, size)


def write(transport: Any, data: bytes) -> None:
    """Write to a transport of Twisted: at once if nothing waits to be sent before it.

    `_tempDataBuffer` is private; without it, data that waits would be overtaken.
    """
    if (
        isinstance(transport, Connection)
        and transport.connected
        and not (transport.TLS or transport.disconnecting)
        and not (transport.dataBuffer or transport._tempDataBuffer)
    ):
        # Where the socket is full, or lost, the transport sees to it.
        with suppress(OSError):
            sent = transport.socket.send(data)
            if sent == len(data):
                return
            data = data[sent:]
    transport.write(data)
