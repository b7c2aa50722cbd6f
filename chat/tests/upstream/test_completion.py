"""A completion, assembled from events without a connection."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from chat.endpoint import EndpointConfig
from chat.upstream import ChatRequest
from chat.upstream.completion import Completion
from chat.upstream.errors import UpstreamError
from chat.upstream.habits import Habits
from chat.upstream.patience import Patience

pytestmark = pytest.mark.asyncio

KEY = "sk-canary-completion-1234567890"


class Answer:
    """A completion with its time limits, fed by a test."""

    def __init__(self, *, kept: str = "", habits: Habits | None = None, **fields: Any) -> None:
        endpoint = EndpointConfig("own", "Own", "http://own.example/v1", KEY, **fields)
        messages = [{"role": "user", "content": "Hello"}]
        if kept:
            messages.append({"role": "assistant", "content": kept})
        self.request = ChatRequest("model", messages, prefix=bool(kept))
        self.patience = Patience(endpoint, lambda: None)
        self.habits = habits or Habits()
        self.completion = Completion(endpoint, self.request, self.habits, self.patience)
        self.text = self.reasoning = ""

    def say(self, text: str | None = None, reason: str | None = None, **delta: Any) -> None:
        if text is not None:
            delta["content"] = text
        self.event(choices=[{"index": 0, "delta": delta, "finish_reason": reason}])

    def event(self, name: bytes = b"", **fields: Any) -> None:
        self.take(json.dumps(fields).encode(), name)

    def take(self, data: bytes, name: bytes = b"") -> None:
        self.completion.take(name, data)
        self.read()

    def read(self) -> None:
        while (batch := self.completion.batch()) is not None:
            if batch.replaces:
                self.text = self.reasoning = ""
            self.text += batch.text
            self.reasoning += batch.reasoning

    def finish(self) -> Completion:
        self.completion.finish()
        self.read()
        return self.completion

    @property
    def code(self) -> str | None:
        failure = self.completion.failure
        return failure.code if failure is not None else None


async def test_words_become_text_and_the_end_mark_completes_it() -> None:
    answer = Answer()
    answer.say("Hel")
    answer.say("lo.")
    assert answer.text == "Hello."
    assert not answer.completion.ended
    answer.take(b"[DONE]")
    assert (answer.completion.ended, answer.completion.complete, answer.code) == (True, True, None)


async def test_a_connection_that_ends_in_between_is_no_complete_answer() -> None:
    answer = Answer()
    answer.say("Hel")
    ended = answer.finish()
    assert (ended.complete, ended.failure) == (False, None)
    assert ended.detail == "The stream ended without a finish reason."


async def test_a_finish_reason_completes_it_and_more_words_take_that_back() -> None:
    answer = Answer()
    answer.say("w0", "stop")
    assert answer.completion.finish_reason == "stop"
    answer.say(" w1")
    assert answer.completion.finish_reason is None
    assert not answer.finish().complete

    once = Answer()
    once.say("w0", "stop")
    assert once.finish().complete


async def test_the_first_finish_reason_of_two_without_words_counts() -> None:
    answer = Answer()
    answer.say("Half", "length")
    answer.say(None, "stop")
    assert answer.completion.finish_reason == "length"


async def test_a_loss_after_the_finish_reason_takes_nothing_away() -> None:
    for words, whole in (("Hello.", True), ("", False)):
        answer = Answer()
        answer.say(words, "stop")
        answer.completion.fail(UpstreamError("connection_lost", "Own"))
        assert answer.completion.complete is whole
        assert answer.code == (None if whole else "connection_lost")


async def test_thoughts_alone_are_complete_only_where_the_connection_ends_badly() -> None:
    for code, whole in (("timeout_idle", True), ("upstream_error", False)):
        answer = Answer()
        answer.say(None, "length", reasoning_content="Hm.")
        answer.completion.fail(UpstreamError(code, "Own"))
        assert (answer.completion.complete, answer.reasoning) == (whole, "Hm.")


async def test_nothing_after_the_end_changes_it() -> None:
    answer = Answer()
    answer.say("Hello.", "stop")
    answer.take(b"[DONE]")
    answer.completion.fail_with("upstream_error", "Later.")
    assert (answer.code, answer.completion.complete, answer.text) == (None, True, "Hello.")


async def test_an_answer_without_anything_in_it_says_so() -> None:
    silent = Answer()
    silent.finish()
    assert silent.code == "empty_response"
    page = Answer()
    page.take(b"Service is being upgraded")
    page.finish()
    assert page.code == "bad_response"
    assert page.completion.failure is not None
    assert "Service is being upgraded" in page.completion.failure.detail


async def test_an_error_beside_the_words_is_for_staff_and_has_no_secret() -> None:
    answer = Answer()
    answer.say("Hel")
    answer.take(f"worker with {KEY} went away".encode())
    ended = answer.finish()
    assert not ended.complete
    assert "went away" in ended.detail
    assert KEY not in ended.detail


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        (b"error", b'{"message": "overloaded", "code": 529}', "upstream_error"),
        (b"error", b"no words of JSON", "upstream_error"),
        (b"", b'{"error": {"message": "maximum context length is 8"}}', "too_large_context"),
        (b"", b'{"choices": [{"index": 0, "de', "bad_response"),
    ],
)
async def test_a_failure_keeps_the_text_so_far(name: bytes, data: bytes, code: str) -> None:
    answer = Answer()
    answer.say("Half ")
    answer.take(data, name)
    assert (answer.code, answer.text, answer.completion.ended) == (code, "Half ", True)


async def test_a_call_of_a_tool_is_refused_as_none_was_offered() -> None:
    answer = Answer()
    answer.say("Let me look.", "tool_calls")
    assert answer.code == "tool_calls"


@pytest.mark.parametrize(
    ("prefix", "text"), [("flag", " lazy dog."), ("plain", "The quick lazy dog.")]
)
async def test_only_endpoints_that_repeat_the_kept_text_have_it_left_out(
    prefix: str, text: str
) -> None:
    """Elsewhere an answer that begins alike is one that says it again."""
    answer = Answer(kept="The quick", prefix=prefix)
    answer.say("The quick")
    answer.say(" lazy dog.")
    answer.finish()
    assert answer.text == text


async def test_an_answer_at_once_may_repeat_the_kept_text_anywhere() -> None:
    answer = Answer(kept="The quick", prefix="plain")
    body = {"choices": [{"index": 0, "message": {"content": "The quick fox"},
                         "finish_reason": "stop"}]}  # fmt: skip
    answer.completion.take_whole(json.dumps(body).encode())
    assert (answer.finish().complete, answer.text) == (True, " fox")


async def test_space_that_ends_the_kept_text_is_there_once() -> None:
    for first in (" dog", "dog"):
        answer = Answer(kept="lazy ", prefix="plain")
        answer.say(first)
        answer.finish()
        assert answer.text == "dog"


async def test_a_model_that_begins_in_its_thoughts_is_known_the_next_time() -> None:
    habits = Habits()
    first = Answer(habits=habits)
    for words in ("I think.", "</think>", "Yes."):
        first.say(words)
    first.finish()
    assert (first.text.strip(), "model" in habits.begin_in_thoughts) == ("Yes.", True)
    second = Answer(habits=habits)
    second.say("I think.")
    assert second.text == ""


async def test_the_time_limits_learn_of_words_and_of_the_end() -> None:
    answer = Answer(idle_timeout=60, first_token_timeout=300)
    assert answer.patience.code == "timeout_first_token"
    answer.event(choices=[])
    assert answer.patience.code == "timeout_first_token", "no content, no token"
    answer.say("Hello.")
    assert answer.patience.code == "timeout_idle"
    now = asyncio.get_running_loop().time()
    assert answer.patience.deadline > now + 30
    answer.say(None, "stop")
    assert answer.patience.deadline < now + 30


async def test_several_events_in_one_are_taken_apart() -> None:
    answer = Answer()
    lines = [json.dumps({"choices": [{"index": 0, "delta": {"content": word}}]}) for word in "ab"]
    answer.take("\n".join([*lines, "[DONE]"]).encode())
    assert (answer.text, answer.completion.complete) == ("ab", True)
