"""Compressed answers, however they are compressed and cut."""

from __future__ import annotations

import gzip
import zlib

import pytest

from chat.upstream.decoding import Decoder, UnreadableError

PIECES = [b"Once ", b"upon ", b"a time"]
LIMIT = 1000


def decoded(body: bytes, step: int, coding: str = "gzip") -> tuple[bytes, bool]:
    decoder = Decoder({"content-encoding": coding}, LIMIT)
    packets = [body[at : at + step] for at in range(0, len(body), step)]
    return b"".join(map(decoder.feed, packets)), decoder.cut


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
def test_several_members_are_one_body(step: int) -> None:
    body = b"".join(map(gzip.compress, PIECES))
    assert decoded(body, step) == (b"".join(PIECES), False)
    assert decoded(body[:-1], step)[1]


@pytest.mark.parametrize("step", [1, 1000])
def test_what_pads_the_end_is_left_out(step: int) -> None:
    assert decoded(gzip.compress(b"whole") + b"\0\0\0", step) == (b"whole", False)


def test_deflate_is_read_as_well() -> None:
    assert decoded(zlib.compress(b"whole"), 1, "deflate") == (b"whole", False)


@pytest.mark.parametrize("sizes", [[LIMIT + 1], [LIMIT // 2, LIMIT], [LIMIT // 10] * 11])
def test_a_packet_that_grows_beyond_the_limit_is_refused(sizes: list[int]) -> None:
    with pytest.raises(UnreadableError):
        decoded(b"".join(gzip.compress(b"x" * size) for size in sizes), 10_000)


def test_a_damaged_member_is_refused() -> None:
    with pytest.raises(UnreadableError):
        decoded(gzip.compress(b"whole") + b"\x1f\x8bnone", 10_000)
