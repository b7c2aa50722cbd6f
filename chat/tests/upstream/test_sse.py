"""The splitter gives the same events however the bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.upstream.sse import MAX_EVENT_BYTES, Event, EventTooLargeError, Splitter


def split(*packets: bytes) -> list[Event]:
    splitter = Splitter()
    events = [event for packet in packets for event in splitter.feed(packet)]
    return events + splitter.finish()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_ends_a_line(end: bytes) -> None:
    body = end.join([b"data: one", b"", b"data: two", b"data: three", b"", b""])
    assert split(body) == [(b"", b"one"), (b"", b"two\nthree")]


def test_comments_and_other_fields_are_no_events() -> None:
    assert split(b": ping\n\nid: 1\n\nretry: 5\n\nelse: 3\n\ndata: x\n\n") == [(b"", b"x")]


def test_a_name_and_lines_of_json_are_events_by_themselves() -> None:
    assert split(b"event: end\n\ndata: x\n\n") == [(b"end", b""), (b"", b"x")]
    pretty = b'{\n  "error": "x",\n  "data: y": 1\n}'
    assert split(b"data: x\n\n" + pretty + b"\n\ndata: y\n\n") == [
        (b"", b"x"),
        (b"", pretty),
        (b"", b"y"),
    ]


def test_the_name_belongs_to_one_event() -> None:
    assert split(b"event: error\ndata: a\n\ndata: b\n\n") == [(b"error", b"a"), (b"", b"b")]


def test_only_one_space_belongs_to_the_syntax() -> None:
    assert split(b"data:a\n\ndata: b\n\ndata:  c\n\ndata\n\n") == [
        (b"", b"a"),
        (b"", b"b"),
        (b"", b" c"),
        (b"", b""),
    ]


def test_a_byte_order_mark_is_left_out_once() -> None:
    assert split(b"\xef\xbb\xbfdata: a\n\n") == [(b"", b"a")]
    assert split(b"\xef", b"\xbb", b"\xbfdata: a\n\n") == [(b"", b"a")]
    assert split(b"data: \xef\xbb\xbf\n\n") == [(b"", b"\xef\xbb\xbf")]


def test_the_last_event_counts_without_its_blank_line() -> None:
    assert split(b"data: a\n\ndata: b") == [(b"", b"a"), (b"", b"b")]


def test_unicode_line_separators_do_not_end_a_line() -> None:
    assert split("data: a\u2028b\u0085c\n\n".encode()) == [(b"", "a\u2028b\u0085c".encode())]


def test_an_event_without_end_is_given_up() -> None:
    splitter = Splitter()
    for _ in range(MAX_EVENT_BYTES // 2**20):
        splitter.feed(b"x" * 2**20)
    with pytest.raises(EventTooLargeError):
        splitter.feed(b"x")


LINES = st.sampled_from(
    [
        b"data: {}",
        b"data:x",
        "data: wörld 👍".encode(),
        b"data",
        b": c",
        b"event: error",
        b"id: 1",
        b"retry: 3",
        b"",
        b"",
        b"",
    ]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(
    st.booleans(),
    st.lists(st.tuples(LINES, ENDS), max_size=30),
    st.lists(st.integers(0, 400), max_size=20),
)
def test_every_split_gives_the_same_events(
    mark: bool, lines: list[tuple[bytes, bytes]], cuts: list[int]
) -> None:
    body = (b"\xef\xbb\xbf" if mark else b"") + b"".join(line + end for line, end in lines)
    places = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    packets = [body[a:b] for a, b in pairwise(places)]
    assert split(*packets) == split(body)
    assert split(*(body[i : i + 1] for i in range(len(body)))) == split(body)


@given(st.lists(LINES, max_size=30))
def test_every_line_end_gives_the_same_events(lines: list[bytes]) -> None:
    expected = split(b"\n".join([*lines, b""]))
    assert split(b"\r\n".join([*lines, b""])) == expected
    assert split(b"\r".join([*lines, b""])) == expected
