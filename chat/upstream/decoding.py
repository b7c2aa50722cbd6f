"""The bytes of an answer as they are meant, or the reason why they are none. No I/O."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

_GZIP = b"\x1f"
"""How a member of gzip begins; its second byte may come with the next packet."""


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
        """Return what this packet holds. Raises UnreadableError where it is damaged or a bomb."""
        if self._inflate is None:
            return packet
        data = b""
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
        return data

    @property
    def cut(self) -> bool:
        """Whether the body has ended in the middle, if it has ended."""
        return self._inflate is not None and not self._inflate.eof
