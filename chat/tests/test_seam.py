"""A continuation joins the kept text without saying anything twice, and without losing anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.replies.seam import LEAST, WINDOW, Seam

KEPT = "Once upon a time there was a dragon who lived by the sea"


def joined(kept: str, pieces: list[str]) -> str:
    seam = Seam(kept)
    return kept + "".join([*map(seam.join, pieces), seam.rest()])


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
    seam = Seam(KEPT)
    assert seam.join("Zebras") == "Zebras"
    assert seam.join("Once upon a time") == "Once upon a time"


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
