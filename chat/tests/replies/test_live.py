"""Following: from whatever position, however the text arrives, it ends with the same text."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from chat.protocol import Position
from chat.replies.live import Follower, LiveReply
from chat.replies.live_track import LiveTrack
from chat.tests.counting import Counted

# Characters whose code points, UTF-16 units and bytes all differ in number.
PIECES = ["a", "b ", "\n", '"', "\\", "<", "é", "e\u0301", "日", "👍", "👩‍👩‍👧", "\u2028", "\x07"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


def reply(**changes: Any) -> LiveReply:
    fields: dict[str, Any] = {
        "pk": 1, "uid": uuid4(), "user_id": 1, "conversation_id": 1, "model": "a/b", "attempt": 0,
        "status": "queued", "reason": "", "retry_at": None, "seq": 1, "ended": None,
    }  # fmt: skip
    text, reasoning = changes.pop("text", ""), changes.pop("reasoning", "")
    row: Any = SimpleNamespace(**fields | changes)
    return LiveReply(row, text, reasoning)


def ended(live: LiveReply, status: str = "complete") -> Any:
    text, reasoning = live.text.whole(), live.reasoning.whole()
    return SimpleNamespace(
        uid=live.uid, attempt=live.attempt, status=status, finish_reason="stop", error_code="",
        error_message="", length=len(text), reasoning_length=live.reasoning.length, sha256="0" * 64,
        usage=None, first_token_ms=1, reasoning_ms=None, total_ms=2, shown_cost=None, left_out=0,
        model="a/b", text=text, reasoning=reasoning,
    )  # fmt: skip


def reasons(reader: Reader) -> list[str | None]:
    """The reasons of the `status` frames that come now."""
    told = []
    while (found := reader.follower.next_frame(10**6)) is not None:
        frame = json.loads(found[0])
        told += [frame["reason"]] if frame["type"] == "status" else []
    return told


class Reader:
    """A strict client: it applies a delta only at its own position."""

    def __init__(
        self, live: LiveReply, attempt: int = 0, text: str = "", reasoning: str = ""
    ) -> None:
        self.woken = 0
        self.attempt = attempt
        self.texts = {"text": text, "reasoning": reasoning}
        self.types: list[str] = []
        self.follower = Follower(live, self.wake, Position(attempt, len(text), len(reasoning)))

    def wake(self) -> None:
        self.woken += 1

    def read(self, room: int = 10**6) -> None:
        while (found := self.follower.next_frame(room)) is not None:
            frame, size = json.loads(found[0]), found[1]
            self.types.append(frame["type"])
            assert "end" not in self.types[:-1], "nothing comes after the end"
            if frame["type"] == "snapshot":
                self.attempt = frame["attempt"]
                self.texts = {"text": frame["text"], "reasoning": frame["reasoning"]}
            elif frame["type"] == "delta":
                assert frame["attempt"] == self.attempt
                assert frame["at"] == len(self.texts[frame["track"]])
                self.texts[frame["track"]] += frame["text"]
            if frame["type"] in {"snapshot", "delta"}:
                carried = frame["text"] + frame.get("reasoning", "")
                assert size == len(carried.encode()) <= room


@given(st.lists(TEXTS, max_size=12), st.data())
def test_a_track_reads_from_every_position(pieces: list[str], data: st.DataObject) -> None:
    track, whole = LiveTrack(), "".join(pieces)
    for piece in pieces:
        track.append(piece)
    at = data.draw(st.integers(0, len(whole) + 3))
    assert track.after(at) == whole[at:]
    assert track.length == len(whole)
    assert track.whole() == whole
    assert track.after(at) == whole[at:]


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=10), st.data())
def test_for_every_split_and_every_moment_of_joining_the_follower_shows_the_text(
    batches: list[tuple[str, str]], data: st.DataObject
) -> None:
    live = reply()
    readers = [Reader(live)]
    live.begin(1, "a/b", "", "")
    for text, reasoning in batches:
        live.append(text, reasoning)
        if data.draw(st.booleans()):  # somebody joins from any position of what there is
            whole, thoughts = live.text.whole(), live.reasoning.whole()
            at = data.draw(st.integers(0, len(whole)))
            thought = data.draw(st.integers(0, len(thoughts)))
            readers.append(Reader(live, 1, whole[:at], thoughts[:thought]))
            readers.append(Reader(live))
        for reader in readers:
            if data.draw(st.booleans()):  # and reads when it likes, in pieces of any size
                reader.read(room=data.draw(st.integers(4, 40)))
    live.finish(ended(live))
    for reader in readers:
        reader.read()
        assert reader.texts == {"text": live.text.whole(), "reasoning": live.reasoning.whole()}
        assert reader.types.count("end") == 1
    assert not live.followers


@given(st.lists(TEXTS, min_size=1, max_size=6), st.data())
def test_replay_after_a_snapshot_equals_a_fresh_snapshot(
    pieces: list[str], data: st.DataObject
) -> None:
    live = reply()
    live.begin(1, "a/b", "", "")
    cut = data.draw(st.integers(0, len(pieces)))
    for piece in pieces[:cut]:
        live.append(piece, "")
    early = Reader(live)
    early.read()
    for piece in pieces[cut:]:
        live.append(piece, "")
    early.read()
    fresh = Reader(live)
    fresh.read()
    assert early.texts == fresh.texts


def test_a_new_attempt_begins_with_a_snapshot_and_clears_only_by_it() -> None:
    live = reply()
    reader = Reader(live)
    reader.read()
    assert reader.types == ["status"]
    live.begin(1, "a/b", "", "")
    live.append("first", "thought")
    reader.read()
    assert reader.texts == {"text": "first", "reasoning": "thought"}
    live.set_status("queued", "takeover", None, None)
    reader.read()
    assert reader.texts["text"] == "first"
    live.begin(2, "a/b", "first", "")
    live.append(" again", "")
    reader.read()
    assert reader.texts == {"text": "first again", "reasoning": ""}
    assert reader.types == ["status", "status", "snapshot", "status", "status", "snapshot"]


def test_a_position_ahead_of_what_is_known_waits() -> None:
    live = reply(attempt=1, status="running")
    live.append("abc", "")
    reader = Reader(live, 1, "abcdef")
    reader.read()
    live.append("def", "")
    reader.read()
    assert reader.types == []
    live.append("g", "")
    reader.read()
    assert reader.texts["text"] == "abcdefg"


def test_text_beyond_64_kib_follows_the_snapshot_as_deltas() -> None:
    live = reply(attempt=1, status="running")
    live.append("é" * 100_000, "")
    reader = Reader(live)
    reader.read()
    assert reader.types[0] == "snapshot"
    assert set(reader.types[1:]) == {"delta"}
    assert reader.texts["text"] == "é" * 100_000


def test_without_room_nothing_with_text_is_sent_but_the_status_is() -> None:
    live = reply()
    reader = Reader(live)
    live.begin(1, "a/b", "", "")
    live.append("text", "")
    reader.read(room=3)
    assert reader.types == ["status"]
    assert reader.follower.behind()
    reader.read()
    assert reader.texts["text"] == "text"
    assert not reader.follower.behind()


def test_followers_at_the_same_position_share_one_encoded_frame() -> None:
    live = reply(attempt=1, status="running")
    first, second = (
        Follower(live, lambda: None, Position(1)),
        Follower(live, lambda: None, Position(1)),
    )
    live.append("token", "")
    for follower in (first, second):
        follower.next_frame(1000)  # the status
    one, other = first.next_frame(1000), second.next_frame(1000)
    assert one is not None
    assert other is not None
    assert one[0] is other[0]


def test_a_deleted_reply_ends_its_followers_as_not_found() -> None:
    live = reply()
    reader = Reader(live)
    live.vanish()
    reader.read()
    assert reader.types == ["error"]
    assert reader.follower.finished


def test_who_only_waits_for_the_end_gets_nothing_else() -> None:
    live = reply(attempt=1, status="running")
    types: list[str] = []
    follower = Follower(live, lambda: None, ends_only=True)
    live.append("text", "")
    assert follower.next_frame(1000) is None
    live.finish(ended(live, "stopped"))
    while (found := follower.next_frame(1000)) is not None:
        types.append(json.loads(found[0])["type"])
    assert types == ["end"]


def test_a_newcomer_to_a_text_that_waits_gets_the_text_and_then_why() -> None:
    reader = Reader(reply(attempt=1, status="queued", reason="takeover", text="half"))
    reader.read()
    assert reader.types == ["snapshot", "status"]


def test_who_only_waits_for_the_end_is_never_behind() -> None:
    live = reply(attempt=1, status="running", text="half")
    assert not Follower(live, lambda: None, ends_only=True).behind()


def test_the_end_of_a_reply_grown_elsewhere_brings_the_rest_of_its_text() -> None:
    live = reply(attempt=1, status="running", text="half")
    reader = Reader(live)
    reader.read()
    row = ended(live)
    row.text = "half of it"
    live.finish(row)
    reader.read()
    assert reader.texts["text"] == "half of it"


def test_the_same_news_is_told_once() -> None:
    live = reply()
    reader = Reader(live)
    reader.read()
    live.set_status("queued", "", None, None)
    live.set_status("queued", "behind", None, 1)
    live.set_status("queued", "behind", None, 1)
    reader.read()
    assert reader.types == ["status", "status"]


def test_who_has_more_than_the_end_gets_a_snapshot_first() -> None:
    live = reply(text="what was stored", status="running")
    live.attempt = 1
    follower = Follower(live, lambda: None, Position(1, 100))
    assert not follower.behind()  # it may come yet
    live.finish(ended(live, "stopped"))
    frames = []
    while (step := follower.next_frame(10_000)) is not None:
        frames.append(json.loads(step[0]))
    assert [frame["type"] for frame in frames][-2:] == ["snapshot", "end"]
    assert frames[-2]["text"] == "what was stored"


def test_reading_a_long_text_in_pieces_copies_each_character_once() -> None:
    text = Counted("word " * 200_000)
    track = LiveTrack(text)
    at, got = 0, []
    while piece := track.after(at, 1000):
        got.append(piece)
        at += len(piece)
    assert "".join(got) == text
    assert text.total <= 2 * len(text)


def test_a_frame_of_a_long_text_costs_what_it_carries() -> None:
    text = Counted("word " * 200_000)
    live = reply(text=text, status="running")
    text.read.clear()
    live.delta("text", 0, 4096)
    assert text.total <= 2 * 4096


@given(st.lists(st.text(max_size=5), max_size=8), st.data())
def test_a_track_reads_at_most_what_is_asked_for(pieces: list[str], data: st.DataObject) -> None:
    track = LiveTrack()
    for piece in pieces:
        track.append(piece)
    whole = "".join(pieces)
    at = data.draw(st.integers(0, len(whole) + 2))
    most = data.draw(st.integers(0, len(whole) + 2))
    assert track.after(at, most) == whole[at : at + most]


def test_what_cannot_be_stored_is_told_to_all_for_as_long_as_that_holds() -> None:
    live = reply(attempt=1, status="running", text="half")
    early = Reader(live)
    assert reasons(early) == []
    live.set_trouble("storage_full")
    live.set_trouble("storage_full")
    assert early.woken == 1
    late = Reader(live)
    assert reasons(early) == reasons(late) == ["storage_full"]
    live.append(" more", "")
    assert reasons(early) == []
    live.set_trouble("")
    assert reasons(early) == reasons(late) == [None]
    live.set_trouble("storage_full")
    live.begin(2, "a/b", "half", "")  # a new attempt was stored, so that is over
    assert reasons(early) == reasons(late) == [None]


def test_how_a_queued_reply_stands_outlives_what_kept_it_from_beginning() -> None:
    live = reply(reason="user_limit")
    reader = Reader(live)
    live.set_trouble("storage_read_only")
    assert reasons(reader) == ["storage_read_only"]
    live.set_trouble("")
    assert reasons(reader) == ["user_limit"]
    live.set_trouble("storage_full")
    live.set_status("running", "", None, None)
    assert reasons(reader) == [None]
    live.finish(ended(live))
    live.set_trouble("storage_full")
    assert reasons(reader) == []
    assert reader.follower.finished
