"""Streams that are odd and not broken: no text is lost, none is doubled, no thought is answer."""

from __future__ import annotations

from typing import Any

import pytest

from chat.tests.upstream.conftest import Connect
from chat.tests.upstream.conftest import read as read_all
from chat.tests.upstream.playing import DONE, END, both, event, read, said, thought, whole
from chat.upstream import Client
from chat.upstream.habits import MOST, Models
from fake_endpoint import FakeEndpoint

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (said("Par") + said("Parley") + said("Parley says") + said("Parley says hi."),
         "Parley says hi."),
        (said("ha") + said("ha") + said("ha!"), "hahaha!"),
        (said("a") + said("ab") + said("b"), "aabb"),
        (said("Par") + b"data:\n\ndata: \n\n" + said("ley."), "Parley."),
        (b"data: : WORKING\n\n" + said("Parley."), "Parley."),
        (b"data: ping\n\n" + said("Parley.") + b"data: null\n\ndata: 42\n\n", "Parley."),
        (b'event: ping\ndata: {"type":"ping"}\n\n' + said("Parley."), "Parley."),
        (b": comment\n\n" + said("Parley."), "Parley."),
        (said("w0 ", "stop") + said("w1 ", "stop") + said("w2", "stop"), "w0 w1 w2"),
        (said("", "stop") + said("w0 ") + said("w1"), "w0 w1"),
    ],
)  # fmt: skip
async def test_text_comes_once_and_whole(body: bytes, text: str) -> None:
    result = await both(body + END + DONE)
    assert (result.text, result.complete, result.code) == (text, True, None)


@pytest.mark.parametrize("last", [said("Parley.", "stop"), whole("Parley.")])
async def test_the_whole_once_more_at_the_end_is_left_out(last: bytes) -> None:
    result = await both(said("Par") + said("ley.") + last + DONE)
    assert (result.text, result.complete) == ("Parley.", True)


async def test_the_whole_once_more_after_the_finish_reason_is_left_out() -> None:
    result = await both(said("Par") + said("ley.") + END + said("Parley.") + DONE)
    assert (result.text, result.complete) == ("Parley.", True)
    result = await both(said("Par") + said("ley.") + END + said("Parley.") + said(" Yes.") + DONE)
    assert result.text == "Parley.Parley. Yes."


async def test_a_cut_object_is_a_fault() -> None:
    result = await both(said("Par") + b'data: {"choices":[{"index":0,"de\n\n' + said("x"))
    assert (result.text, result.complete, result.code) == ("Par", False, "bad_response")


async def test_done_is_an_orderly_end_and_silence_is_none() -> None:
    assert (await both(said("Parley.") + DONE)).complete
    camel = event({"delta": {}, "finish_reason": None, "finishReason": "stop"})
    assert (await both(said("Parley.") + camel)).complete
    assert not (await both(said("Parley."))).complete


async def test_text_after_thoughts_with_a_finish_reason_is_answer() -> None:
    result = await both(thought("Hm.", reason="stop") + said("Answer.") + END + DONE)
    assert result[:3] == ("Answer.", "Hm.", True)


@pytest.mark.parametrize(
    "choice",
    [
        {
            "delta": {"content": ""},
            "finish_reason": "stop",
            "native_finish_reason": "network_error",
        },
        {"delta": {"content": ""}, "finish_reason": "stop", "native_finish_reason": "error"},
        {"delta": {"content": ""}, "finish_reason": "error"},
        {"delta": {"content": ""}, "error": {"code": 502, "message": "Provider gave up"}},
    ],
)
async def test_a_failure_of_the_endpoint_is_no_end(choice: dict[str, Any]) -> None:
    for before in (b"", said("Par")):
        result = await both(before + event(choice) + DONE)
        assert (result.complete, result.code) == (False, "upstream_error")


@pytest.mark.parametrize(
    "pieces",
    [
        ["I greet back.\n</th", "ink>\n\n", "Hello!"],
        ["[THI", "NK]I greet back.", "[/THINK]", "Hello!"],
        ["<thinking>I greet back.</thinking>Hello!"],
        ["\n<THINK>\nI greet back.\n</THINK>\nHello!"],
        ["<|channel|>analysis<|message|>I greet back.<|end|><|start|>assistant",
         "<|channel|>final<|message|>Hello!<|return|>"],
        ["◁think▷I greet back.◁/think▷Hello!"],
        ["<reasoning>I greet back.</reasoning>\n\nHello!"],
        ["<thought>I greet back.</thought>Hello!"],
        ["<seed:think>I greet back.</seed:think>Hello!"],
    ],
)  # fmt: skip
async def test_thoughts_between_marks_are_no_answer(pieces: list[str]) -> None:
    """However the marks are cut: by letters, too."""
    for cut in (pieces, list("".join(pieces))):
        result = await read(b"".join(map(said, cut)) + END + DONE, at_once=len(cut) > 9)
        assert result[:3] == ("Hello!", "I greet back.", True)


@pytest.mark.parametrize(
    "field",
    ["reasoning_content", "reasoning", "thinking", "reasoning_text", "thinking_content", "thought"],
)
async def test_thoughts_come_in_a_field_of_any_known_name(field: str) -> None:
    result = await both(thought("Hm.", field) + said("Hello!") + END + DONE)
    assert result[:2] == ("Hello!", "Hm.")


@pytest.mark.parametrize(
    "text",
    [
        "Hello, `</think>` ends it.",
        "Write:\n\n```\n</think>\n```\n\nlike so.",
        "A tag like <think>x</think> in a sentence.",
        "1 < 2 and [THINGS] go on",
        "<p>Hello</p>",
        "ha",
    ],
)
async def test_an_answer_that_speaks_of_marks_stays_whole(text: str) -> None:
    for cut in ([text], list(text)):
        result = await read(b"".join(map(said, cut)) + END + DONE)
        assert result[:3] == (text, "", True)


async def test_a_closing_tag_in_code_marks_ends_no_thoughts() -> None:
    body = said("<think>They ask about `</think>` tags.") + said("</think>") + said("It closes.")
    result = await both(body + END + DONE)
    assert result[:2] == ("It closes.", "They ask about `</think>` tags.")


async def test_what_was_taken_for_the_answer_is_moved() -> None:
    body = said("I greet back.") + said("\n</think>\n\n") + said("Hello!") + END + DONE
    first = await read(body, at_once=False)
    assert first[:2] == ("Hello!", "I greet back.")
    assert first.replaced == 1


async def test_a_model_that_begins_in_its_thoughts_is_remembered(
    upstream: FakeEndpoint, connect: Connect
) -> None:
    client, other = connect(), connect()

    async def ask(client: Client, text: str) -> tuple[list[bool], str, str]:
        upstream.play(text, rate=200)
        outcome = await read_all(client, "any")
        moved = [batch.replaces for batch in outcome.batches]
        start = moved.index(True) if any(moved) else 0
        kept = outcome.batches[start:]
        return moved, "".join(b.text for b in kept), "".join(b.reasoning for b in kept)

    marked = "I greet back.</think>Hello!"
    moved, *first = await ask(client, marked)
    assert (any(moved), first) == (True, ["Hello!", "I greet back."])
    moved, *second = await ask(client, marked)
    assert (any(moved), second) == (False, ["Hello!", "I greet back."])
    moved, *_ = await ask(other, marked)
    assert any(moved)  # another endpoint has to show it itself
    moved, *plain = await ask(client, "Hello once more!")
    assert plain == ["Hello once more!", ""]
    moved, *again = await ask(client, "Hello once more!")
    assert (any(moved), again) == (False, ["Hello once more!", ""])  # and forgotten


async def test_thoughts_that_never_close_are_no_answer() -> None:
    result = await both(said("<think>Let me see, ") + said("this is hard") + END + DONE)
    assert result[:3] == ("", "Let me see, this is hard", True)


async def test_what_follows_a_finish_reason_is_never_cut_off() -> None:
    """A reason in every chunk proves nothing, so that a lost connection is one."""
    cut = said("w0 ", "stop") + said("w1 ", "stop") + b'data: {"choices":[{"del\n\n'
    result = await both(cut)
    assert (result.text, result.complete, result.code) == ("w0 w1 ", False, "bad_response")


async def test_few_models_are_remembered() -> None:
    models = Models()
    for number in range(3 * MOST):
        models.add(str(number))
    assert len(models) == MOST
    assert str(3 * MOST - 1) in models
