"""A continuation is joined to its text with nothing repeated and nothing lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.tests.counting import Counted
from chat.upstream.overlap import (
    LEAST,
    WINDOW,
    SpaceOverlap,
    TextOverlap,
    overlap,
    shared_prefix,
    split_space,
)

KEPT = "Once upon a time there was a dragon who lived by the sea"


def joined(kept: str, pieces: list[str]) -> str:
    filtered = TextOverlap(kept)
    return kept + "".join([*map(filtered.remove, pieces), filtered.rest()])


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        (" and slept.", KEPT + " and slept."),
        ("a dragon who lived by the sea and slept.", KEPT + " and slept."),
        (KEPT + " and slept.", KEPT + " and slept."),
        (KEPT, KEPT),
        ("the sea and slept.", KEPT + "the sea and slept."),  # too short to be sure
        ("there was a dragon in a cave.", KEPT + "there was a dragon in a cave."),
        ("\n\na dragon who lived by the sea and slept.", KEPT + " and slept."),
        (" lived by the sea and slept.", KEPT + " and slept."),
        ("\n\nAnd slept.", KEPT + "\n\nAnd slept."),
        ("", KEPT),
        ("  ", KEPT + "  "),
    ],
)
def test_what_is_repeated_is_left_out(answer: str, whole: str) -> None:
    assert joined(KEPT, [answer]) == whole
    assert joined(KEPT, list(answer)) == whole


@pytest.mark.parametrize(
    ("kept", "answer", "whole"),
    [
        ("The capi", "capital is Rome.", "The capital is Rome."),
        ("The capi", "tal is Rome.", "The capital is Rome."),
        ("It was the", " then", "It was the then"),
        ("It was so", "some day", "It was sosome day"),  # too short to tell
        ("haha", "haha", "hahahaha"),  # a word of its own, not the same word begun again
        ("x1 = foo", "foo2()", "x1 = foofoo2()"),
    ],
)
def test_a_word_that_is_begun_again_is_there_once(kept: str, answer: str, whole: str) -> None:
    assert joined(kept, [answer]) == whole
    assert joined(kept, list(answer)) == whole


def test_a_long_text_said_again_from_its_start_is_there_once() -> None:
    kept = " ".join(str(number) for number in range(1500))
    assert joined(kept, [kept[at : at + 50] for at in range(0, len(kept), 50)] + [" end"]) == (
        f"{kept} end"
    )


def test_nothing_is_held_back_once_it_cannot_be_a_repetition() -> None:
    filtered = TextOverlap(KEPT)
    assert filtered.remove("Zebras") == "Zebras"
    assert filtered.remove("Once upon a time") == "Once upon a time"


@given(st.text(alphabet="ab ", max_size=60), st.text(alphabet="ab ", max_size=60), st.data())
def test_however_it_is_split_the_text_is_the_same(
    kept: str, answer: str, data: st.DataObject
) -> None:
    pieces, rest = [], answer
    while rest:
        cut = data.draw(st.integers(1, len(rest)))
        pieces.append(rest[:cut])
        rest = rest[cut:]
    assert joined(kept, pieces) == joined(kept, [answer])


@given(st.text(min_size=LEAST, max_size=WINDOW), st.integers(LEAST, WINDOW), st.text())
def test_a_repetition_of_the_end_is_never_shown_twice(kept: str, size: int, new: str) -> None:
    whole = joined(kept, [kept[-size:] + new])
    assert whole.startswith(kept)
    assert len(whole) <= len(kept) + len(new)


@given(st.text("ab", max_size=30), st.text("ab", max_size=30))
def test_the_overlap_is_the_longest_end_that_is_a_beginning(before: str, after: str) -> None:
    sizes = [n for n in range(len(after) + 1) if before.endswith(after[:n])]
    # What is too short to count as a repetition is not looked for.
    assert overlap(before, after) in {max(sizes), 0}
    if max(sizes) >= LEAST:
        assert overlap(before, after) == max(sizes)


def test_a_repetition_is_looked_for_in_one_pass() -> None:
    for pattern in ("a", "ab", "ab" * 50 + "c"):
        text = (pattern * WINDOW)[:WINDOW]
        before, after = Counted(text), Counted("x" + text[:-1])
        overlap(before, after)
        assert before.total + after.total < 10 * WINDOW


def test_an_answer_of_blanks_is_not_held_back_for_ever() -> None:
    filtered = TextOverlap(KEPT)
    shown = "".join(filtered.remove(" " * 100) for _ in range(WINDOW // 100 + 2))
    assert len(shown) > WINDOW


# --- white space that is not sent --------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sent", "space"),
    [
        ("is ", "is", " "),
        ("foo\n\n", "foo", "\n\n"),
        ("a \t\r\n", "a", " \t\r\n"),
        ("a", "a", ""),
        ("", "", ""),
        (" \n", " \n", ""),
        ("a\u00a0", "a\u00a0", ""),
    ],
)
def test_white_space_at_the_end_is_parted(text: str, sent: str, space: str) -> None:
    assert split_space(text) == (sent, space)


def without_space(space: str, pieces: list[str]) -> str:
    filtered = SpaceOverlap(space)
    return "".join(filtered.remove(piece) for piece in pieces)


@pytest.mark.parametrize(
    ("kept", "answer", "new"),
    [
        ("foo\n\n", "\n\nbar", "bar"),
        ("foo\n\n", "\nbar", "bar"),
        ("foo\n\n", "\n\n\nbar", "\nbar"),
        ("foo\n\n", " bar", " bar"),
        ("foo\n\n", "\n bar", " bar"),
        ("is ", " a", "a"),
        ("is ", "a", "a"),
        ("is ", "  a", " a"),
        ("is", " a", " a"),
        ("is ", "", ""),
        ("foo\n\n", "\n\n", ""),
    ],
)
def test_what_repeats_the_space_is_left_out(kept: str, answer: str, new: str) -> None:
    _, space = split_space(kept)
    assert without_space(space, [answer]) == new
    assert without_space(space, list(answer)) == new
    for cut in range(len(answer)):
        assert without_space(space, [answer[:cut], "", answer[cut:]]) == new


SPACES = st.text(" \n\t", max_size=4)


@given(st.text("ab \n\t", max_size=6), st.lists(st.text("ab \n\t", max_size=3), max_size=6))
def test_every_cut_joins_alike(kept: str, pieces: list[str]) -> None:
    sent, space = split_space(kept)
    assert sent + space == kept
    assert without_space(space, pieces) == without_space(space, ["".join(pieces)])


@given(st.text("ab \n", min_size=1, max_size=20), st.data())
def test_an_endpoint_that_goes_on_exactly_gives_the_whole_text(
    text: str, data: st.DataObject
) -> None:
    kept = text[: data.draw(st.integers(0, len(text)))]
    sent, space = split_space(kept)
    assert kept + without_space(space, list(text[len(sent) :])) == text


@given(SPACES, st.text("ab \n", max_size=9))
def test_nothing_but_the_space_is_ever_left_out(space: str, answer: str) -> None:
    new = without_space(space, [answer])
    assert answer.endswith(new)
    assert space.startswith(answer[: len(answer) - len(new)])


@given(st.text("ab", max_size=9), st.text("ab", max_size=9))
def test_the_shared_prefix_is_the_longest(one: str, other: str) -> None:
    size = shared_prefix(one, other)
    assert one[:size] == other[:size]
    assert size == min(len(one), len(other)) or one[size] != other[size]


def test_space_that_comes_in_single_characters_is_read_once() -> None:
    space = Counted(" " * 10_000)
    filtered = SpaceOverlap(space)
    assert not any(filtered.remove(" ") for _ in range(10_000))
    assert filtered.remove(" ") == " "
    assert space.total <= 10_000
