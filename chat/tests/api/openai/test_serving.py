"""One accepted call, from its reply's frames to its answer."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError

from chat.api.openai import answers, serving
from chat.api.openai.calls import Call
from chat.api.openai.errors import OpenAIProblem
from chat.api.openai.serving import ENDED, RESTARTING, Serving
from chat.models import Accepted
from chat.replies import process
from chat.sessions import Login

pytestmark = pytest.mark.asyncio

ALICE = Login(1, "alice", "", "", token=1)


class Frames:
    """A reader whose frames a test gives."""

    def __init__(self, frames: list[dict[str, Any]], code: int | None, trouble: str) -> None:
        self._frames = frames
        self.code, self.trouble = code, trouble
        self.closed = False

    async def frames(self, uid: Any, row: Any = None) -> AsyncGenerator[str]:
        try:
            for frame in self._frames:
                yield json.dumps(frame)
        finally:
            self.closed = True


type Serve = Callable[..., Serving]


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, bool]]:
    """The ways in which calls were left."""
    found: list[dict[str, bool]] = []
    monkeypatch.setattr(serving, "leave", lambda user, accepted, **how: found.append(how))
    return found


@pytest.fixture
def serve(left: list[dict[str, bool]]) -> Serve:
    def serve(
        *frames: dict[str, Any], code: int | None = None, trouble: str = "", **call: Any
    ) -> Serving:
        accepted = Accepted(uuid4(), uuid4(), uuid4(), uuid4())
        served = Serving(ALICE, Call("own/one", [], {}, **call), accepted)
        served._reader = Frames(frames, code, trouble)  # type: ignore[assignment,arg-type]
        return served

    return serve


@pytest.fixture
def _draining() -> Iterator[None]:
    process.dispatch.draining = True
    yield
    process.dispatch.draining = False


def snapshot(text: str = "", attempt: int = 1) -> dict[str, Any]:
    return {"type": "snapshot", "attempt": attempt, "text": text, "reasoning": ""}


def delta(at: int, text: str) -> dict[str, Any]:
    return {"type": "delta", "attempt": 1, "track": "text", "at": at, "text": text}


def end(status: str = "complete", **fields: Any) -> dict[str, Any]:
    known: dict[str, Any] = {"finish_reason": "stop", "usage": None, "error": None}
    known |= {"length": 0, "reasoning_length": 0}
    return {"type": "end", "attempt": 1, "status": status} | known | fields


async def events(served: Serving) -> list[Any]:
    found: list[Any] = []
    async for chunk in served.stream():
        for block in chunk.decode().split("\n\n")[:-1]:
            data = block.removeprefix("data: ")
            found.append(json.loads(data) if data.startswith("{") else data)
    return found


async def refused(served: Serving) -> OpenAIProblem:
    with pytest.raises(OpenAIProblem) as caught:
        await served.whole()
    return caught.value


async def test_frames_become_one_completion_and_nothing_is_stopped(
    serve: Serve, left: list[dict[str, bool]]
) -> None:
    answer = await serve(snapshot(), delta(0, "Hel"), delta(3, "lo."), end()).whole()
    assert answer["choices"][0]["message"]["content"] == "Hello."
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert left == []


async def test_a_reply_that_its_user_stopped_is_an_answer(serve: Serve) -> None:
    answer = await serve(snapshot("Half"), end("stopped", finish_reason=None)).whole()
    assert answer["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("status", ["failed", "interrupted"])
async def test_another_end_is_an_error_that_need_not_be_repeated(
    serve: Serve, left: list[dict[str, bool]], status: str
) -> None:
    error = {"code": "rate_limited", "message": "Busy."}
    problem = await refused(serve(snapshot("Half"), end(status, error=error)))
    assert (problem.status, problem.error["code"]) == (429, "rate_limit_exceeded")
    assert problem.headers["x-should-retry"] == "false"
    assert left == [], "it has ended: there is nothing to stop"


async def test_a_stream_begins_at_once_and_ends_with_done(serve: Serve) -> None:
    served = serve(snapshot(), {"type": "ping", "seq": 1}, delta(0, "Hello."), end(length=6))
    first, comment, words, last, done = await events(served)
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert comment == answers.PING.decode().strip()
    assert words["choices"][0]["delta"] == {"content": "Hello."}
    assert (last["choices"][0]["finish_reason"], done) == ("stop", "[DONE]")


async def test_a_stream_that_ends_badly_has_an_error_and_no_done(serve: Serve) -> None:
    *_, last = await events(serve(snapshot("Half"), end("failed", length=4)))
    assert last["error"]["code"] == "interrupted"


async def test_another_text_than_was_sent_is_an_error_and_the_new_one_is_kept(
    serve: Serve, left: list[dict[str, bool]]
) -> None:
    *_, last = await events(serve(snapshot("One"), snapshot("Two", attempt=2), end()))
    assert last["error"]["code"] == "reply_began_anew"
    assert left == [], "somebody may want to read it"


@pytest.mark.parametrize(
    ("how", "code", "stops"),
    [
        ({}, "unavailable", True),
        ({"code": ENDED}, "invalid_api_key", True),
        ({"code": RESTARTING}, "draining", False),
        ({"trouble": "storage_full"}, "unavailable", False),
    ],
)
async def test_frames_without_an_end_say_why_and_whether_the_reply_goes_on(
    serve: Serve, left: list[dict[str, bool]], how: dict[str, Any], code: str, stops: bool
) -> None:
    problem = await refused(serve(snapshot("Half"), **how))
    assert problem.error["code"] == code
    assert left == ([{"stop": True, "store": True}] if stops else [])


async def test_a_deleted_reply_is_said_to_be_so(serve: Serve, left: list[dict[str, bool]]) -> None:
    problem = await refused(serve({"type": "error", "code": "not_found"}))
    assert (problem.status, problem.error["code"], left) == (404, "deleted", [])


async def test_leaving_a_stream_is_stop(serve: Serve, left: list[dict[str, bool]]) -> None:
    stream = serve(snapshot(), delta(0, "Hel"), delta(3, "lo."), end()).stream()
    await anext(stream)
    await anext(stream)
    await stream.aclose()
    assert left == [{"stop": True, "store": True}]


@pytest.mark.usefixtures("_draining")
async def test_in_a_drain_nobody_has_left(serve: Serve, left: list[dict[str, bool]]) -> None:
    stream = serve(snapshot(), delta(0, "Hel"), end()).stream()
    await anext(stream)
    await stream.aclose()
    assert left == []


async def test_a_call_that_is_not_to_be_stored_is_deleted_when_it_is_over(
    serve: Serve, left: list[dict[str, bool]]
) -> None:
    await serve(snapshot("Hello."), end(), store=False).whole()
    assert left == [{"stop": False, "store": False}]


async def test_a_database_that_is_away_costs_a_line_in_the_log_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args: Any, **how: Any) -> None:
        raise DatabaseError("postgres://secret@host")

    monkeypatch.setattr(serving, "leave_call", fail)
    await serving._leave(1, uuid4(), stop=True, store=True)
