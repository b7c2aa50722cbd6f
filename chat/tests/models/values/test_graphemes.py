"""Cuts between characters as people see them; `regex` knows the standard."""

from __future__ import annotations

import regex  # type: ignore[import-untyped]  # comes with djlint
from hypothesis import given
from hypothesis import strategies as st

from chat.models.values.graphemes import cut, first

WORDS = (
    "a é e\u0301\u0323 שׁ ยำ กำ ﾊﾟ \u0600١ 가 \u1112\u1161\u11ab \u1112\uac00 क्षि त्र्य ক্ষ ക്ഷ தமி "
    "👩\u200d👩\u200d👧\u200d👦 👍🏽 🇩🇪 🇫 ❤\ufe0f\u200d🔥 1\ufe0f\u20e3 "
    "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
)
PARTS = [*WORDS.split(), " "]
ALONE = ["\u200d", "\u200c", "\u094d"]


@given(
    st.lists(st.sampled_from(PARTS + ALONE), min_size=1, max_size=12).map("".join),
    st.integers(1, 40),
)
def test_cut_is_a_beginning_that_ends_where_a_character_ends(text: str, most: int) -> None:
    found = cut(text, most)
    assert text.startswith(found)
    assert len(found) <= most
    ends = {end.end() for end in regex.finditer(r"\X", text)}
    longest_cluster = max(map(len, regex.findall(r"\X", text)))
    if most >= longest_cluster + 8:  # more is kept together than has to be
        assert len(found) in ends


@given(st.sampled_from(PARTS))
def test_first_is_one_character_with_all_that_belongs_to_it(char: str) -> None:
    assert first(char + "x") == regex.match(r"\X", char)[0]


def test_character_that_is_longer_than_all_there_may_be_is_cut() -> None:
    assert cut("e" + "\u0301" * 100, 60) == "e" + "\u0301" * 59
    assert first("") == ""
