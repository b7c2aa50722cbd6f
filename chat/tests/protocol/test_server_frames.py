"""Frames of the server, as the text of a message."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Literal, get_args
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import protocol
from chat.protocol.server_frames import (
    DeltaFrame,
    PingFrame,
    ServerFrame,
    SnapshotFrame,
    encode,
    end,
    error,
    gone_frame,
    on_one_line,
)
from chat.tests.protocol.test_objects import NOW, row


@given(st.text(), st.integers(min_value=4, max_value=50))
def test_chunks_are_the_text_in_pieces_within_the_limit(text: str, limit: int) -> None:
    text = protocol.clean(text)
    pieces = list(protocol.chunks(text, limit))
    assert "".join(pieces) == text
    assert all(0 < len(piece.encode()) <= limit for piece in pieces)


def test_each_frame_names_its_type_first() -> None:
    """A reader may tell frames apart by their first bytes."""
    uid = uuid4()
    for frame, kind in (
        (PingFrame(3), "ping"),
        (DeltaFrame(uid, 1, "text", 0, "x"), "delta"),
        (SnapshotFrame(uid, 1, "running", "", ""), "snapshot"),
    ):
        assert encode(frame).startswith(f'{{"type":"{kind}"')
    names = [frame.__struct_config__.tag for frame in get_args(ServerFrame)]
    assert set(names) >= {"ready", "accepted", "status", "end", "error", "pong"}


def test_an_error_has_only_known_facts() -> None:
    bare = json.loads(error("too_many", "Wait.", field=None, retry_after=None))
    assert bare == {"type": "error", "code": "too_many", "message": "Wait."}
    full = json.loads(error("bad_field", "No.", field="text", id=str(UUID(int=1))))
    assert (full["field"], full["id"]) == ("text", "00000000-0000-0000-0000-000000000001")


@pytest.mark.parametrize("kind", ["conversation", "message", "folder"])
def test_a_deleted_object_has_nothing_but_its_id(kind: Literal["conversation"]) -> None:
    uid = uuid4()
    frame = json.loads(gone_frame(kind, 7, uid))
    assert frame == {"type": kind, "event": "deleted", "seq": 7, kind: {"id": str(uid)}}


def test_an_end_tells_how_to_check_the_text_and_never_repeats_it() -> None:
    ended = row(status="complete", ended=NOW, total_ms=9, length=8, reasoning_length=2)
    frame = json.loads(end(ended))
    assert (frame["type"], frame["status"], frame["attempt"]) == ("end", "complete", 2)
    assert (frame["length"], frame["reasoning_length"], frame["timing"]["total_ms"]) == (8, 2, 9)
    assert not {"text", "reasoning"} & frame.keys()


def test_an_end_with_an_error_says_when_to_try_again() -> None:
    later = NOW + timedelta(seconds=30.25)
    ended = row(status="failed", ended=NOW, retry_at=later, error_code="rate_limited")
    assert json.loads(end(ended))["error"]["retry_after"] == 30.25
    assert "retry_after" not in json.loads(end(row(ended=NOW, error_code="x")))["error"]
    assert json.loads(end(row(ended=NOW, retry_at=later)))["error"] is None


@given(st.text())
def test_a_frame_is_one_line_for_any_reader(text: str) -> None:
    json_text = encode(DeltaFrame(uuid4(), 1, "text", 0, protocol.clean(text)))
    line = on_one_line(json_text)
    assert len(line.splitlines()) == 1
    assert json.loads(line) == json.loads(json_text)
