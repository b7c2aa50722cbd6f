"""Streams in process: from any position, in either form, they end with the same text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings as django_settings
from django.http import StreamingHttpResponse
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from chat import admission, streams
from chat.protocol import START, BadFrame, Position
from chat.replies import LiveReply, process
from chat.sessions import Login
from chat.streams import ReplyStream, read_position, respond

ALICE = Login(1, "alice", "session", "hash")
TEXTS = st.text(st.sampled_from('ab é日👍\n\u2028\r"\\'), max_size=8)


@pytest.fixture(autouse=True)
def _started() -> Iterator[None]:
    """The process takes connections, and keeps nothing of any test."""
    process.ready.set()
    yield
    process.ready.clear()
    process.dispatch.draining = False
    left = [live.uid for live in process.following.lives() if live.followers]
    process.following._lives.clear()
    admission._kept.clear()
    assert not process.connections
    assert not left


def running(text: str = "", reasoning: str = "", attempt: int = 1, status: str = "running") -> Any:
    """A reply that is produced here."""
    row: Any = SimpleNamespace(
        pk=1, uid=uuid4(), user_id=ALICE.user_id, conversation_id=1, model="a/b", seq=1,
        attempt=attempt, status=status, reason="", retry_at=None, ended=None,
        text=text, reasoning=reasoning,
    )  # fmt: skip
    return process.following.produce(row)


def finish(live: LiveReply, text: str | None = None) -> None:
    text = live.text.whole() if text is None else text
    row: Any = SimpleNamespace(
        uid=live.uid, attempt=live.attempt, status="complete", finish_reason="stop",
        error_code="", error_message="", length=len(text), sha256="0" * 64, usage=None,
        reasoning_length=live.reasoning.length, first_token_ms=1, reasoning_ms=None,
        total_ms=2, shown_cost=None, left_out=0, model="a/b", text=text,
        reasoning=live.reasoning.whole(),
    )  # fmt: skip
    live.finish(row)


class Reader:
    """A client that applies frames strictly, and notes ids as an `EventSource` does."""

    def __init__(self, position: Position = START, text: str = "", reasoning: str = "") -> None:
        self.attempt = position.attempt
        self.tracks = {"text": text, "reasoning": reasoning}
        self.id = ""
        self.types: list[str] = []

    def take(self, frame: str, id: str | None) -> None:
        said = json.loads(frame)
        self.types.append(said["type"])
        if id is not None:
            self.id = id
        if said["type"] == "snapshot":
            self.attempt = said["attempt"]
            self.tracks = {"text": said["text"], "reasoning": said["reasoning"]}
        elif said["type"] == "delta":
            assert said["attempt"] == self.attempt
            assert said["at"] == len(self.tracks[said["track"]])
            self.tracks[said["track"]] += said["text"]
        if id is not None:
            end = ".end" if said["type"] == "end" else ""
            assert (
                id
                == f"{self.attempt}.{len(self.tracks['text'])}.{len(self.tracks['reasoning'])}{end}"
            )

    async def follow(self, uid: UUID, position: Position = START, login: Login = ALICE) -> Reader:
        stream = ReplyStream(login, "sse")
        async with aclosing(stream.frames(uid, position)) as frames:
            async for frame in frames:
                self.take(frame, stream.id)
        return self


async def turns(number: int = 3) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def content(response: StreamingHttpResponse) -> list[bytes]:
    chunks: AsyncIterator[bytes] = response.streaming_content  # type: ignore[assignment]
    return [chunk async for chunk in chunks]


# --- positions -----------------------------------------------------------------------------


@given(*[st.integers(0, 10**9 - 1)] * 3, st.booleans())
def test_a_position_is_read_as_ids_are_written(
    attempt: int, text: int, more: int, end: bool
) -> None:
    position = Position(attempt, text, more)
    assert str(position) == f"{attempt}.{text}.{more}"
    assert read_position(f"{position}{'.end' if end else ''}", "from") == (position, end)


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.2", "1.2.3.4", "1.2.3.", ".1.2.3", "a.b.c", "-1.0.0", "1.2.3.END", "1.2.3 ",
     "1.2.3\n", "١.٢.٣", "1,2,3", "1.2.4294967296", "1.99999999999999999999.0", "1.2.3.end.end"],
)  # fmt: skip
def test_what_is_no_position_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(BadFrame) as refused:
        read_position(text, "Last-Event-ID")
    assert (refused.value.code, refused.value.facts) == ("bad_field", {"field": "Last-Event-ID"})


# --- following -----------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(
    kept=TEXTS,
    pieces=st.lists(st.tuples(TEXTS, TEXTS), max_size=6),
    cut=st.integers(0, 6),
    seen=st.tuples(st.integers(0, 3), st.floats(0, 1), st.floats(0, 1)),
)
def test_from_every_position_it_ends_with_the_whole_text(
    kept: str, pieces: list[tuple[str, str]], cut: int, seen: tuple[int, float, float]
) -> None:
    async def run() -> None:
        live = running(text=kept, attempt=2)
        for text, reasoning in pieces[:cut]:
            live.append(text, reasoning)
        # What a client has: of this attempt a beginning, of another one anything.
        attempt = seen[0]
        has = (
            live.text.whole()[: round(seen[1] * live.text.length)],
            live.reasoning.whole()[: round(seen[2] * live.reasoning.length)],
        )
        position = Position(attempt, len(has[0]), len(has[1]))
        reader = Reader(position, *has)
        following = asyncio.create_task(reader.follow(live.uid, position))
        await turns()
        for text, reasoning in pieces[cut:]:
            live.append(text, reasoning)
            await turns(len(text))
        finish(live)
        await asyncio.wait_for(following, 10)
        assert reader.tracks == {"text": live.text.whole(), "reasoning": live.reasoning.whole()}
        assert reader.attempt == 2
        assert reader.id == f"2.{live.text.length}.{live.reasoning.length}.end"
        assert ("snapshot" in reader.types) == (attempt != 2)

    asyncio.run(run())


@pytest.mark.asyncio
async def test_whoever_comes_back_with_the_last_id_misses_and_repeats_nothing() -> None:
    live = running()
    reader = Reader()
    position = START
    for word in ("One ", "two ", "three 👍 ", "four"):
        live.append(word, "Hm ")
        stream = ReplyStream(ALICE, "sse")
        async with aclosing(stream.frames(live.uid, position)) as frames:
            async for frame in frames:
                reader.take(frame, stream.id)
                if reader.tracks["text"].endswith(word):
                    break
        position, _ = read_position(reader.id, "Last-Event-ID")
    following = asyncio.create_task(reader.follow(live.uid, position))
    await turns()
    finish(live)
    await following
    assert reader.tracks == {"text": "One two three 👍 four", "reasoning": "Hm Hm Hm Hm "}
    assert reader.types.count("snapshot") == 1


@pytest.mark.asyncio
async def test_a_new_attempt_begins_with_a_snapshot_and_its_ids() -> None:
    live = running("Old text")
    reader = Reader()
    following = asyncio.create_task(reader.follow(live.uid))
    await turns()
    live.begin(2, "a/b", "Old", "")
    await turns()
    assert reader.id == "2.3.0"
    finish(live)
    await following
    assert reader.tracks["text"] == "Old"
    assert reader.id == "2.3.0.end"


@pytest.mark.asyncio
async def test_text_that_was_replaced_leaves_no_id_that_nobody_can_read() -> None:
    """Within an attempt, after its process was lost: followers stand nowhere for a moment."""
    live = running("Some words")
    reader = Reader()
    following = asyncio.create_task(reader.follow(live.uid))
    await turns()
    finish(live, "Other words")
    await following
    assert reader.tracks["text"] == "Other words"
    assert read_position(reader.id, "from") == (Position(1, 11, 0), True)


@pytest.mark.asyncio
async def test_a_slow_reader_gets_fewer_and_larger_frames() -> None:
    live = running()
    stream = ReplyStream(ALICE, "sse")
    reader = Reader()
    async with aclosing(stream.frames(live.uid)) as frames:
        reader.take(await anext(frames), stream.id)  # "running"
        for number in range(100):
            live.append(f"{number} ", "")
        finish(live)
        async for frame in frames:
            reader.take(frame, stream.id)
    assert reader.types == ["status", "snapshot", "end"]
    assert reader.tracks["text"] == live.text.whole()


@pytest.mark.asyncio
async def test_a_reply_that_is_deleted_ends_its_streams_with_not_found() -> None:
    live = running("Some words")
    reader = Reader()
    following = asyncio.create_task(reader.follow(live.uid))
    await turns()
    live.vanish()
    await following
    assert reader.types[-1] == "error"
    assert reader.id == "1.10.0"


# --- silence -------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_something_is_said_at_once_even_where_there_is_nothing_new() -> None:
    live = running("Some words")
    stream = ReplyStream(ALICE, "ndjson")
    async with aclosing(stream.frames(live.uid, Position(1, 10, 0))) as frames:
        assert json.loads(await asyncio.wait_for(anext(frames), 5))["type"] == "ping"
        assert stream.id is None


@pytest.mark.asyncio
async def test_silence_is_broken_by_a_ping_without_an_id(settings: Settings) -> None:
    live = running("Some words")
    response = respond(ALICE, "sse", live.uid)
    chunks: AsyncIterator[bytes] = response.streaming_content  # type: ignore[assignment]
    async with aclosing(chunks) as said:  # type: ignore[type-var]
        assert (await anext(said)).startswith(b"retry: ")
        assert (await anext(said)).startswith(b"id: 1.10.0\ndata: ")
        (stream,) = process.connections[ALICE.user_id]
        waiting = asyncio.ensure_future(anext(said))
        await turns()
        stream.tick(7)
        await turns()
        assert not waiting.done()
        settings.SILENCE_SECONDS = 1  # is over: a tick comes every few seconds
        stream.tick(9)
        assert await waiting == b'data: {"type":"ping","seq":9}\n\n'


@pytest.mark.asyncio
async def test_a_reply_that_does_not_start_lets_its_streams_go(settings: Settings) -> None:
    live = running(status="queued", attempt=0)
    reader = Reader()
    following = asyncio.create_task(reader.follow(live.uid))
    await turns()
    (stream,) = process.connections[ALICE.user_id]
    stream.tick(1)
    await turns()
    assert not following.done()
    settings.QUEUED_STREAM_SECONDS = 0
    stream.tick(1)
    await asyncio.wait_for(following, 5)
    assert (reader.types, reader.id) == (["status"], "0.0.0")


@pytest.mark.asyncio
async def test_a_reply_that_runs_without_a_word_keeps_its_streams(settings: Settings) -> None:
    live = running()
    settings.QUEUED_STREAM_SECONDS = 0
    reader = Reader()
    following = asyncio.create_task(reader.follow(live.uid))
    await turns()
    (stream,) = process.connections[ALICE.user_id]
    stream.tick(1)
    await turns()
    assert not following.done()
    finish(live)
    await following
    assert reader.types[-1] == "end"


# --- coming and leaving --------------------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.parametrize("code", [4401, 4412])
async def test_closing_ends_a_stream_without_another_frame(code: int) -> None:
    live = running("Some words")
    reader = Reader()
    following = asyncio.create_task(reader.follow(live.uid))
    await turns()
    (stream,) = process.connections[ALICE.user_id]
    said = list(reader.types)
    live.append(" more", "")
    await stream.close(code)
    await asyncio.wait_for(following, 5)
    assert reader.types == said
    assert not live.followers
    assert live.produced


@pytest.mark.asyncio
async def test_leaving_forgets_the_stream_and_not_the_reply() -> None:
    live = running("Some words")
    chunks = asyncio.create_task(content(respond(ALICE, "ndjson", live.uid)))
    await turns()
    assert len(process.connections[ALICE.user_id]) == len(live.followers) == 1
    chunks.cancel()
    with pytest.raises(asyncio.CancelledError):
        await chunks
    assert not process.connections
    assert not live.followers
    assert process.following.lives() == [live]
    process.following.release(live)
    assert process.following.lives() == []


@pytest.mark.asyncio
async def test_a_stream_that_a_drain_has_closed_ends_in_order_although_it_is_cancelled() -> None:
    """daphne cancels every request at once when it is told to end."""
    live = running("Some words")
    chunks = asyncio.create_task(content(respond(ALICE, "ndjson", live.uid)))
    await turns()
    (stream,) = process.connections[ALICE.user_id]
    await stream.close(4412)
    chunks.cancel()
    assert len(await chunks) == 1
    assert not live.followers


@pytest.mark.asyncio
async def test_a_response_that_is_never_sent_was_never_open() -> None:
    live = running("Some words")
    response = respond(ALICE, "sse", live.uid)
    response.close()
    del response
    assert not process.connections
    assert not live.followers


@pytest.mark.asyncio
async def test_streams_count_with_the_sockets_of_their_user() -> None:
    live = running("Some words")
    most = django_settings.SOCKETS_PER_USER
    readers = [Reader() for _ in range(most)]
    following = [asyncio.create_task(one.follow(live.uid)) for one in readers]
    await turns()
    admission.admit(replace(ALICE, user_id=2))
    with pytest.raises(BadFrame) as refused:
        admission.admit(ALICE)
    assert refused.value.code == "too_many"
    # Also one that was admitted while there was room.
    assert (await asyncio.wait_for(Reader().follow(live.uid), 5)).types == []
    finish(live)
    await asyncio.gather(*following)
    assert {one.tracks["text"] for one in readers} == {"Some words"}
    admission.admit(ALICE)


@pytest.mark.asyncio
async def test_streams_of_a_token_have_places_of_their_own() -> None:
    live = running("Some words")
    program = replace(ALICE, session_key="", auth_hash="", token=7, places=2)
    other = replace(program, token=8)
    for _ in range(django_settings.SOCKETS_PER_USER):
        admission.admit(ALICE)
    readers = [Reader() for _ in range(2)]
    following = [asyncio.create_task(one.follow(live.uid, login=program)) for one in readers]
    await turns()
    with pytest.raises(BadFrame, match="2 streams of a token") as refused:
        admission.admit(program)
    assert refused.value.code == "too_many"
    admission.admit(other)
    finish(live)
    await asyncio.gather(*following)
    for _ in range(django_settings.SOCKETS_PER_USER):
        admission.give_back(ALICE)
    assert process.places_taken(ALICE) == 0


@pytest.mark.asyncio
async def test_of_those_who_ask_at_once_no_more_are_admitted_than_find_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    live = running("Some words")
    most = django_settings.SOCKETS_PER_USER
    for _ in range(most):
        admission.admit(ALICE)
    with pytest.raises(BadFrame, match="At most"):
        admission.admit(ALICE)
    readers = [Reader() for _ in range(most)]
    following = [asyncio.create_task(one.follow(live.uid)) for one in readers]
    await turns()
    finish(live)
    await asyncio.gather(*following)
    assert {one.tracks["text"] for one in readers} == {"Some words"}
    # All places are free again: given back, or not taken for a while.
    for _ in range(2 * most):
        admission.admit(ALICE)
        admission.give_back(ALICE)
    monkeypatch.setattr(admission, "PLACE_SECONDS", 0)
    for _ in range(2 * most):
        admission.admit(ALICE)


@pytest.mark.asyncio
async def test_while_it_drains_a_process_opens_no_stream() -> None:
    live = running("Some words")
    process.dispatch.draining = True
    with pytest.raises(BadFrame) as refused:
        admission.admit(ALICE)
    assert refused.value.code == "draining"
    assert (await asyncio.wait_for(Reader().follow(live.uid), 5)).types == []


# --- forms ---------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_both_forms_carry_the_same_frames() -> None:
    live = running("Line one\r\nline two\n\n\u2028\x85\u2029\x0b\x1c", "Hm")
    following = [
        asyncio.create_task(content(respond(ALICE, form, live.uid))) for form in ("sse", "ndjson")
    ]
    await turns()
    live.append("\n\ndata: more\r", "")
    await turns()
    finish(live)
    events, lines = [b"".join(chunks).decode() for chunks in await asyncio.gather(*following)]
    head, *blocks = events.removesuffix("\n\n").split("\n\n")
    assert head.startswith("retry: ")
    frames = []
    for block in blocks:
        line, data = block.split("\n")
        assert line.startswith("id: 1.")
        frames.append(data.removeprefix("data: "))
    # As httpx reads lines, to which more characters end one.
    assert frames == lines.splitlines()
    assert frames == [line[6:] for line in events.splitlines() if line.startswith("data: ")]
    assert [json.loads(frame)["type"] for frame in frames] == ["snapshot", "delta", "end"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("form", "type"),
    [("sse", "text/event-stream; charset=utf-8"), ("ndjson", "application/x-ndjson")],
)
async def test_headers_forbid_to_hold_back_or_keep_anything(form: str, type: str) -> None:
    response = respond(ALICE, form, uuid4())
    assert response["Content-Type"] == type
    told = {word.strip() for word in response["Cache-Control"].split(",")}
    assert {"no-cache", "no-transform", "private", "no-store"} == told
    assert response["X-Accel-Buffering"] == "no"
    assert "Content-Length" not in response
    response.close()


@pytest.mark.asyncio
async def test_who_is_told_to_come_back_hears_when_and_nothing_else() -> None:
    assert await content(streams.come_back(2500)) == [b"retry: 2500\n\n"]


# --- rations -------------------------------------------------------------------------------


def test_requests_are_rationed_by_user(settings: Settings) -> None:
    settings.FRAMES_PER_MINUTE = 2
    for user_id in (9001, 9002):
        admission.ration(user_id)
        admission.ration(user_id)
        with pytest.raises(BadFrame) as refused:
            admission.ration(user_id)
        assert refused.value.code == "rate_limited"
        assert 1 <= refused.value.facts["retry_after"] <= 60
