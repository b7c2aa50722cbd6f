"""Titles of plain text, made of the answers of a model, or none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.models.values.model_titles import EXCERPT, READ, prompt, title_in
from chat.models.values.titles import LONGEST


@pytest.mark.parametrize(
    ("answer", "title"),
    [
        ("Haiku about ponds", "Haiku about ponds"),
        ('  "Haiku about ponds."\n', "Haiku about ponds"),
        ("**Haiku about ponds**", "Haiku about ponds"),
        ('**"Haiku about ponds"**', "Haiku about ponds"),
        ("# Haiku about ponds", "Haiku about ponds"),
        ("```\nHaiku about ponds\n```", "Haiku about ponds"),
        ("Title: Haiku about ponds", "Haiku about ponds"),
        ("**Titel:** Haikus über Teiche", "Haikus über Teiche"),
        ("标题：池塘俳句。", "池塘俳句"),
        ("《池塘俳句》", "池塘俳句"),
        ("„Haikuk a tavakról”", "Haikuk a tavakról"),
        ("Here is a title:\n\n**Haiku about ponds**", "Haiku about ponds"),
        ("Haiku about ponds\n\nIt names the topic.", "Haiku about ponds"),
        ("<think>A pond, a frog.</think>\nHaiku about ponds", "Haiku about ponds"),
        ("<think>A pond, a frog, and no end", ""),
        ('"Hamlet" and "Macbeth"', '"Hamlet" and "Macbeth"'),
        ("Wait for it...", "Wait for it..."),
        ("What is 2.5 in binary?", "What is 2.5 in binary?"),
        ("Invoice \u202egpj.exe", "Invoice gpj.exe"),
        ("Ponds\U000e0041\U000e0042\u200b and\tfrogs\x07", "Ponds and frogs"),
        ("ताजा ख़बर", "ताजा ख़बर"),
        ("می‌خواهم", "می‌خواهم"),
        ("👨‍👩‍👧 Family plans", "👨‍👩‍👧 Family plans"),
        ("", ""),
        (" \n ", ""),
        ("...", ""),
        ('""', ""),
        ("---", ""),
        ("I'm sorry, but I can't help with that.", ""),
        ("I’m sorry, but I can’t help with that.", ""),
        ("The pond in the poem is old, and the frog that jumps into it makes a sound which the "
         "reader hears long after the water is still again.", ""),
        ("word " * 1000, ""),
    ],
)  # fmt: skip
def test_an_answer_is_tidied_or_refused(answer: str, title: str) -> None:
    assert title_in(answer) == title


def test_a_long_title_in_quotation_marks_has_none_of_them() -> None:
    title = title_in('"**Haiku über einen springenden Frosch am alten Teich im Frühling 2026**"')
    assert title == "Haiku über einen springenden Frosch am alten Teich im…"


def test_a_long_title_is_cut_at_a_whole_character() -> None:
    title = title_in("Family " + "👩‍👩‍👧" * 20)
    assert title == "Family " + "👩‍👩‍👧" * 10 + "…"
    assert len(title) <= LONGEST


@given(st.text(max_size=300))
def test_a_title_is_one_short_line_that_turns_nothing(answer: str) -> None:
    title = title_in(answer)
    assert len(title) <= LONGEST
    assert title == title.strip()
    assert not set(title) & set("\r\n\0\u202e\u2066\u200b")
    assert title == "" or any(char.isalnum() for char in title)


def test_the_model_is_shown_the_beginning_of_both_messages() -> None:
    system, asked = prompt("q" * 3000, "a" * 3000)
    assert system["role"] == "system"
    assert asked["content"].count("q") == EXCERPT == 2000
    assert asked["content"].count("a" * EXCERPT) == 1
    assert len(asked["content"]) < 2 * EXCERPT + 200
    assert title_in("x" * (READ + 1)) == ""
