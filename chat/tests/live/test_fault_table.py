"""Every fault and oddity of an endpoint, on the stored row, the frames and the endpoint's side."""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import datetime
from pathlib import Path

import pytest

from chat.tests.live.faults import FAULTS, Fault, Seen, endpoints, play_all
from chat.tests.live.server import Server, Upstream


@pytest.fixture(scope="module")
def seen(
    tmp_path_factory: pytest.TempPathFactory, template: Path, upstream: Upstream
) -> dict[str, Seen]:
    """All rows played on one server."""
    with endpoints(upstream.url) as settings:
        server = Server(tmp_path_factory.mktemp("faults"), template, upstream.url, **settings)
        try:
            server.start()
            return asyncio.run(play_all(server, upstream))
        finally:
            server.kill()
            assert "Traceback" not in server.log, server.log


def test_no_two_rows_are_the_same() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert len({(fault.endpoint, fault.model) for fault in FAULTS}) == len(FAULTS)


@pytest.fixture
def one(seen: dict[str, Seen], fault: Fault) -> Seen:
    found = seen[fault.name]
    assert not found.problem
    return found


every_fault = pytest.mark.parametrize("fault", FAULTS, ids=str)


def _after(fault: Fault) -> list[float]:
    return [] if fault.after is None else [fault.after]


@every_fault
def test_row_has_the_right_end_and_all_text(fault: Fault, one: Seen) -> None:
    row = one.row
    assert (row["status"], row["error_code"]) == (fault.status, fault.code)
    assert row["text"] == fault.text or (fault.goes_on and row["text"].startswith(fault.text))
    assert row["reasoning"] == fault.reasoning
    assert row["finish_reason"] == fault.finish_reason
    assert row["length"] == len(row["text"])
    assert row["reasoning_length"] == len(fault.reasoning)
    assert row["sha256"] == hashlib.sha256(row["text"].encode()).hexdigest()
    assert (row["ended"] is not None, row["owner_id"], one.parts) == (True, None, 0)
    assert (row["reason"], row["faults"]) == ("", 0)
    times = [datetime.fromisoformat(row[name]) for name in ("ended", "retry_at") if row[name]]
    assert [(then - times[0]).total_seconds() for then in times[1:]] == _after(fault)


@pytest.mark.parametrize("fault", [one for one in FAULTS if one.usage is not None], ids=str)
def test_usage_is_what_the_endpoint_told_else_estimated(fault: Fault, one: Seen) -> None:
    usage = json.loads(one.row["usage"])
    assert usage["estimated"] == (not fault.usage)
    assert usage["prompt_tokens"] > 0
    assert usage["completion_tokens"] > 0
    if fault.usage:
        names = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens")
        assert tuple(usage[name] for name in names) == fault.usage
    assert one.end["usage"] == usage


@every_fault
def test_error_is_one_sentence_that_quotes_nothing(fault: Fault, one: Seen) -> None:
    message = one.row["error_message"]
    if not fault.code:
        assert message == one.row["error_detail"] == ""
        return
    assert message[0].isupper()
    assert message.endswith(".")
    assert not set("\n<>{}") & set(message)
    assert "Tell me" not in message
    # A time to try again is a second, short one.
    assert message.count(". ") == ("Try again" in message)
    assert fault.says in message
    assert one.row["error_detail"], "staff are told nothing"


@every_fault
def test_frames_tell_the_same_and_end_once(fault: Fault, one: Seen) -> None:
    own = [frame for frame in one.frames if frame["type"] != "accepted"]
    assert [frame["type"] for frame in own].count("end") == 1
    assert own[-1]["type"] == "end"
    assert own[-1]["attempt"] == one.row["attempt"] == 1
    assert {frame["attempt"] for frame in own} <= {0, 1}
    error = {"code": fault.code, "message": one.row["error_message"]} if fault.code else None
    if error and fault.after is not None:
        error["retry_after"] = fault.after
    assert (one.end["status"], one.end["error"]) == (fault.status, error)
    assert one.end["finish_reason"] == (fault.finish_reason or None)
    assert (one.text, one.reasoning) == (one.row["text"], one.row["reasoning"])
    assert one.later == (one.end, one.text, one.reasoning)


@every_fault
def test_waits_are_told_with_their_time_and_taken_back(fault: Fault, one: Seen) -> None:
    waits = [frame for frame in one.frames if frame.get("retry_at")]
    assert len(waits) == fault.waits
    assert all((frame["status"], frame["reason"]) == ("running", "retry") for frame in waits)
    times = [datetime.fromisoformat(frame["retry_at"]) for frame in waits]
    assert times == sorted(set(times))
    # A reply that has text already when it is followed is told by its snapshot alone.
    for last in [frame for frame in one.frames if frame["type"] == "status"][-1:]:
        assert last["retry_at"] is None
        assert last["reason"] is None


@every_fault
def test_endpoint_was_asked_so_often_and_let_go(fault: Fault, one: Seen) -> None:
    assert len(one.requests) == fault.requests
    assert not any(request["open"] for request in one.requests)
    if fault.closed_by_us:
        assert all(request["closed_by_client"] is not None for request in one.requests)
        assert all(request["ended"] is None for request in one.requests)


@every_fault
def test_all_tries_are_recorded_with_the_one_attempt(fault: Fault, one: Seen) -> None:
    (attempt,) = one.attempts
    assert (attempt["number"], attempt["status"]) == (1, fault.status)
    assert (attempt["endpoint"], attempt["model"]) == (fault.endpoint, fault.model)
    assert attempt["ended"] is not None
    for same in ("finish_reason", "error_code", "error_message", "error_detail", "answered_by"):
        assert attempt[same] == one.row[same]
    tries = json.loads(attempt["tries"])
    assert sum(said["wait"] is not None for said in tries) == fault.waits
    assert all(said["at"] and said["code"] for said in tries)
    if fault.code not in ("", "early_end"):
        assert (tries[-1]["code"], tries[-1]["wait"]) == (fault.code, None)
        assert len(tries) == fault.waits + 1
