"""Trimming a prompt to the context: properties that hold for every conversation."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.models.attempting.context import MESSAGE_TOKENS, PromptMessages, alternating, tokens, trim

TEXT = st.text(max_size=200)
TURN = st.tuples(TEXT, st.lists(TEXT, max_size=2))
CONTEXT = st.integers(256, 4000)
ANSWER = st.one_of(st.none(), st.integers(1, 5000))


@st.composite
def prompts(draw: Any) -> PromptMessages:
    """Perhaps a system prompt, turns of a question and its answers, the last without one."""
    prompt = [{"role": "system", "content": draw(TEXT)}] if draw(st.booleans()) else []
    for question, answers in draw(st.lists(TURN, min_size=1, max_size=12)):
        prompt.append({"role": "user", "content": question})
        prompt += [{"role": "assistant", "content": answer} for answer in answers]
    return [*prompt, {"role": "user", "content": draw(TEXT)}]


def weight(prompt: PromptMessages) -> int:
    return sum(tokens(message["content"]) + MESSAGE_TOKENS for message in prompt)


@given(prompts(), CONTEXT, ANSWER, TEXT)
def test_only_the_oldest_turns_are_left_out(
    prompt: PromptMessages, context: int, answer: int | None, kept: str
) -> None:
    messages, left_out = trim(prompt, context, answer=answer, kept=kept)
    system = [message for message in prompt if message["role"] == "system"]
    rest = prompt[len(system) :]
    assert left_out == len(prompt) - len(messages)
    assert messages == system + rest[left_out:]
    assert messages[-1] is prompt[-1]
    assert messages[len(system)]["role"] == "user"


@given(prompts(), CONTEXT, ANSWER, TEXT)
def test_it_fits_or_only_the_last_turn_is_left(
    prompt: PromptMessages, context: int, answer: int | None, kept: str
) -> None:
    messages, _ = trim(prompt, context, answer=answer, kept=kept)
    if answer is None or answer >= context:
        answer = min(context // 4, 4096)
    room = context - answer - tokens(kept)
    users = sum(message["role"] == "user" for message in messages)
    assert weight(messages) <= room or users == 1


@given(prompts(), CONTEXT, ANSWER, TEXT)
def test_no_more_is_left_out_than_needed(
    prompt: PromptMessages, context: int, answer: int | None, kept: str
) -> None:
    messages, left_out = trim(prompt, context, answer=answer, kept=kept)
    if answer is None or answer >= context:
        answer = min(context // 4, 4096)
    room = context - answer - tokens(kept)
    if not left_out:
        return
    start = 1 if prompt[0]["role"] == "system" else 0
    dropped = prompt[start : start + left_out]
    last_turn = max(at for at, one in enumerate(dropped) if one["role"] == "user")
    assert weight(messages) + weight(dropped[last_turn:]) > room


@pytest.mark.parametrize("answer", [1000, 200_000])
def test_a_longest_answer_above_the_context_takes_no_turns_away(answer: int) -> None:
    said = [{"role": role, "content": "x" * 40} for role in ("user", "assistant", "user")]
    assert trim(said, 1000, answer=answer) == (said, 0)
    assert trim(said, 1000, answer=999).left_out == 2


@given(prompts(), CONTEXT, CONTEXT)
def test_a_larger_context_keeps_no_less(prompt: PromptMessages, one: int, other: int) -> None:
    small, large = sorted((one, other))
    assert trim(prompt, small, answer=None).left_out >= trim(prompt, large, answer=None).left_out


@given(prompts(), ANSWER, TEXT)
def test_nothing_is_left_out_of_an_unknown_context(
    prompt: PromptMessages, answer: int | None, kept: str
) -> None:
    assert trim(prompt, None, answer=answer, kept=kept) == (prompt, 0)


@given(prompts(), CONTEXT)
def test_the_prompt_given_is_not_changed(prompt: PromptMessages, context: int) -> None:
    before = [dict(message) for message in prompt]
    trim(prompt, context, answer=None)
    assert prompt == before


@pytest.mark.parametrize("prompt", [[], [{"role": "system", "content": "x" * 9000}]])
def test_a_prompt_without_turns_stays(prompt: PromptMessages) -> None:
    assert trim(prompt, 256, answer=None) == (prompt, 0)


@given(TEXT)
def test_tokens_are_bytes_by_four(text: str) -> None:
    size = len(text.encode(errors="replace"))
    assert tokens(text) * 4 >= size > (tokens(text) - 1) * 4


def test_a_lone_surrogate_is_counted() -> None:
    assert tokens("\ud83d") == 1


# --- roles in turn ------------------------------------------------------------------------

MESSAGES = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["system", "user", "assistant"]),
            "content": st.sampled_from(["", "a", "b\n", "c d"]),
        },
        optional={"name": st.just("Alice")},
    ),
    max_size=8,
)


@given(MESSAGES)
def test_no_two_neighbours_have_one_role_and_no_word_is_lost(messages: PromptMessages) -> None:
    said = alternating(messages)
    for one, other in pairwise(said):
        assert one["role"] != other["role"] or "name" in one or "name" in other
    assert alternating(said) == said
    words = [part for one in said for part in one["content"].split("\n\n") if part]
    expected = [one["content"] for one in messages if one["content"]]
    assert "".join(words) == "".join(expected)
    assert not any(one == {"role": "assistant", "content": ""} for one in said)


def test_neighbours_are_joined_by_a_blank_line() -> None:
    asked = [{"role": "user", "content": text} for text in ("One", "Two", "", "Three")]
    assert alternating(asked) == [{"role": "user", "content": "One\n\nTwo\n\nThree"}]
    assert asked[0]["content"] == "One"


def test_a_message_with_a_name_is_nobody_elses() -> None:
    asked: PromptMessages = [
        {"role": "user", "content": "One", "name": "Alice"},
        {"role": "user", "content": "Two", "name": "Bob"},
        {"role": "user", "content": "Three"},
    ]
    assert alternating(asked) == asked
