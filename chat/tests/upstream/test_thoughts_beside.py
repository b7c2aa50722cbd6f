"""Thoughts that a field, a flag or a part tells of, alone or together with marks in the text."""

from __future__ import annotations

from typing import Any

import pytest

from chat.tests.upstream.playing import DONE, END, both, event, read, said, thought
from chat.upstream.content import Content
from chat.upstream.deduplication import Deduplicator
from chat.upstream.thoughts import Router

pytestmark = pytest.mark.asyncio

GOOGLE = {"extra_content": {"google": {"thought": True}}}


def delta(content: Any, **fields: Any) -> bytes:
    return event({"delta": {"content": content, **fields}})


def message(content: Any, **fields: Any) -> bytes:
    return event({"message": {"content": content, **fields}, "finish_reason": "stop"})


@pytest.mark.parametrize(
    "body",
    [
        # Gemini: the tag that ends the thoughts comes with the answer, without the flag.
        delta("<thought>Let me", **GOOGLE) + delta(" see.", **GOOGLE) + said("</thought>Hello!"),
        delta("<thought>Let me", **GOOGLE) + delta(" see.</thought>", **GOOGLE) + said("Hello!"),
        delta("<thou", **GOOGLE) + delta("ght>Let me see.", **GOOGLE) + said("</thought>Hello!"),
        delta("<thought>Let me see.", **GOOGLE) + said("</thou") + said("ght>") + said("Hello!"),
        delta("<thought>Let me", **GOOGLE) + delta(" see.", **GOOGLE) + said("Hello!"),
        delta("Let me", **GOOGLE) + delta(" see.", **GOOGLE) + delta("Hello!", extra_content=None),
        message("<thought>Let me see.</thought>Hello!", **GOOGLE),
        # Flags and words of gateways.
        delta("Let me", thought=True) + delta(" see.", thought=True) + said("Hello!"),
        delta("Let me see.", channel="analysis") + delta("Hello!", channel="final"),
        delta("Let me see.", phase="think") + delta("Hello!", phase="answer"),
        delta("Let me see.", type="thinking") + delta("Hello!", type="text"),
        # Parts.
        delta([{"type": "text", "text": "Let me see.", "thought": True}])
        + delta([{"type": "text", "text": "Hello!"}]),
        delta([{"text": "Let me see.", **GOOGLE}, {"text": "Hello!"}]),
        delta([{"type": "thinking", "thinking": [{"type": "text", "text": "Let me see."}]}])
        + delta("Hello!"),
        delta(None, thinking_blocks=[{"type": "thinking", "thinking": "Let me see."}])
        + delta("Hello!"),
        # One field under two names, and a field of its own.
        delta(None, reasoning="Let me see.", reasoning_details=[{"text": "Let me see."}])
        + delta("Hello!"),
        delta(None, reasoning_content="Let me see.", thinking_blocks=[{"thinking": "Let me see."}])
        + delta("Hello!"),
        delta(None, cot_summary="Let me see.") + delta("Hello!"),
        # In a field and between marks.
        delta("<think>Let", reasoning_content="Let")
        + delta(" me see.", reasoning_content=" me see.")
        + delta("</think>Hello!"),
        thought("Let me see.") + said("<think>\nLet me see.\n</think>\n\nHello!"),
        thought("Let me ") + thought("see.") + said("<think>") + said("Let  me see.</think>Hello!"),
        said("<think>Let me see.</think>") + thought("Let me see.") + said("Hello!"),
        said("<think>Let me") + thought("Let me see.") + said(" see.</think>") + said("Hello!"),
        thought("Let me") + said("<think>Let me see.</think>Hello!"),
        thought("Let me see.") + said("<think>Let me</think>Hello!"),
        thought("Let me see.") + said("Let me see.</think>Hello!"),
        thought("Let me see.") + said("</think>\n\nHello!"),
        message("<think>Let me see.</think>Hello!", reasoning_content="Let me see."),
        said("<think>Let me see.</think>") + said("Hello!")
        + message("Hello!", reasoning_content="Let me see."),
        thought("Let me see.") + said("Hello!") + message("<think>Let me see.</think>Hello!"),
    ],
)  # fmt: skip
async def test_thoughts_are_told_once_and_as_thoughts(body: bytes) -> None:
    result = await both(body + END + DONE)
    assert result[:3] == ("Hello!", "Let me see.", True)


@pytest.mark.parametrize(
    ("body", "text", "thoughts"),
    [
        (thought("A") + said("<think>B</think>C"), "C", "A\n\nB"),
        (
            thought("One.\n\nTwo.") + said("<think>One.\n\nThree.</think>C"),
            "C",
            "One.\n\nTwo.\n\nThree.",
        ),
        (delta("a", thought="b") + said("c"), "ac", "b"),
        (delta("a", thought=False) + delta("b", extra_content={"google": {}}), "ab", ""),
        (delta("a", type="text") + delta("b", channel="final"), "ab", ""),
        (delta("Use </thought> so.", **GOOGLE) + said("a"), "a", "Use </thought> so."),
        (thought("Hm.") + said("A tag like <think>Hm.</think>"), "A tag like <think>Hm.</think>",
         "Hm."),
        (thought("Hm.") + said("`</think>` ends it."), "`</think>` ends it.", "Hm."),
    ],
)  # fmt: skip
async def test_what_differs_stays_and_what_is_answer_is_not_hidden(
    body: bytes, text: str, thoughts: str
) -> None:
    result = await both(body + END + DONE)
    assert result[:2] == (text, thoughts)


async def test_a_tag_that_is_left_over_moves_nothing() -> None:
    gemini = delta("<thought>Hm.", **GOOGLE) + said("</thought>Hello") + said("!") + END
    assert (await read(gemini, at_once=False)).replaced == 0


async def test_words_amid_others_are_looked_at_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search for nothing where nothing can be odd; counted in calls for a piece."""
    calls = []

    def counted(owner: type, name: str) -> None:
        plain = getattr(owner, name)

        def count(*args: Any, **fields: Any) -> Any:
            calls.append(name)
            return plain(*args, **fields)

        monkeypatch.setattr(owner, name, count)

    counted(Content, "add")
    counted(Router, "feed")
    words = [f"w{number} [x] 1 < 2 " for number in range(500)]
    result = await read(b"".join(map(said, words)) + END + DONE)
    assert result.text == "".join(words)
    assert len(calls) < 12
    result = await read(b"".join(map(thought, words)) + said("ok") + END + DONE)
    assert result[:2] == ("ok", "".join(words))
    assert len(calls) < 24


async def test_a_mark_amid_words_that_go_through_is_seen() -> None:
    """By letters, in one packet and in many: the beginning of a mark is never let through."""
    text = "So far it is text.</think>And <b>the</b> answer [1] <|x|>."
    letters = b"".join(map(said, text)) + END + DONE
    for at_once in (True, False):
        result = await read(letters, at_once=at_once)
        assert result[:2] == ("And <b>the</b> answer [1] <|x|>.", "So far it is text.")


async def test_two_ways_of_any_order_give_one_text() -> None:
    said_twice = "Let me see.\n\nIt is so.\n"
    for first in range(len(said_twice)):
        for second in (0, 3, len(said_twice)):
            deduplicator, shown = Deduplicator(), ""
            for name, words in (
                ("field", said_twice[:first]),
                ("marks", said_twice[:second].strip()),
                ("field", said_twice[first:]),
                ("marks", said_twice[second:].strip() if second else said_twice.strip()),
            ):
                shown += deduplicator.add(name, words)
            assert shown.split() == said_twice.split()
