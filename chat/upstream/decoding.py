"""The bytes of an answer as they are meant, or the reason why they are none. No I/O."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

_GZIP = b"\x1f"
"""The first byte of a member of gzip; the second may come with the next packet."""
_SLICE = 4096
"""Bytes that are undone at once."""


class UnreadableError(Exception):
    """The head or the body cannot be an answer; the text says why, for staff."""


class Decoder:
    """Undoes the compression that some proxies apply although it was not asked for.

    Raises UnreadableError for an answer which, by its head, is a page or otherwise compressed.
    """

    __slots__ = ("_inflate", "_limit")

    def __init__(self, headers: Mapping[str, str], limit: int) -> None:
        self._limit = limit
        self._inflate: zlib._Decompress | None = None
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind in ("text/html", "application/xhtml+xml"):
            raise UnreadableError("The content type is HTML.")
        coding = headers.get("content-encoding", "identity").strip().lower()
        if coding in ("gzip", "x-gzip", "deflate"):
            self._inflate = zlib.decompressobj(wbits=47)
        elif coding not in ("identity", ""):
            raise UnreadableError("The body is compressed, which was not asked for.")

    def feed(self, packet: bytes) -> bytes:
        """Return the content of this packet. Raises UnreadableError if it is damaged or a bomb."""
        if self._inflate is None:
            return packet
        # In slices: of each member's end zlib copies all that follows it.
        slices = [packet[at : at + _SLICE] for at in range(0, len(packet), _SLICE)]
        data = bytearray()
        for piece in slices:
            self._feed(piece, data)
        return bytes(data)

    def _feed(self, packet: bytes, data: bytearray) -> None:
        assert self._inflate is not None
        while packet:
            if self._inflate.eof:
                # Gzip may have several members, as from a proxy that compresses piece by piece.
                if not packet.startswith(_GZIP):
                    break
                self._inflate = zlib.decompressobj(wbits=47)
            try:
                data += self._inflate.decompress(packet, self._limit)
            except zlib.error:
                raise UnreadableError("The compressed body is damaged.") from None
            if self._inflate.unconsumed_tail or len(data) > self._limit:
                raise UnreadableError("The compressed body is too large.")
            packet = self._inflate.unused_data

    @property
    def cut(self) -> bool:
        """True if the body, in case it has ended, was cut off."""
        return self._inflate is not None and not self._inflate.eof
