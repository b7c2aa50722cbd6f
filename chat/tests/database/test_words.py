"""Words of the search index: the same for each way to write them, and with their places."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.database.words import INDEXED, LONGEST, is_unspaced, spans, words

SAME = [
    ("GRÖSSE", "größe", "Grösse", "grosse", "GROSSE"),
    ("Café", "Cafe\u0301", "CAFE", "cafe"),
    ("Győr", "gyor", "GYŐR", "GYO\u030bR"),
    ("İstanbul", "istanbul", "ISTANBUL"),
    ("ΟΔΟΣ", "οδος", "οδός"),
    ("Łódź", "lodz"),
    ("Æsir", "aesir"),
    ("ｶﾞｷﾞ", "ガギ"),
    ("한국어", unicodedata.normalize("NFD", "한국어")),
    ("كِتَاب", "كتاب"),
    ("ﬁn", "fin"),
    ("co\u00adop", "coop"),
    ("می\u200cخواهم", "میخواهم"),
]


@pytest.mark.parametrize("texts", SAME)
def test_ways_to_write_a_word_are_one(texts: tuple[str, ...]) -> None:
    assert len({tuple(words(text)) for text in texts}) == 1


def test_runs_without_blanks_are_pairs_and_their_last_character() -> None:
    assert words("東京都") == ["東京", "京都", "都"]
    assert words("iPhone手机!") == ["iphone", "手机", "机"]
    assert words("手") == ["手"]
    assert words("ไทย") == ["ไท", "ทย", "ย"]
    assert words("हिन्दी में") == ["हिन्दी", "में"]  # marks belong to their word
    assert is_unspaced("手机")
    assert not is_unspaced("iphone")


def test_signs_are_between_words() -> None:
    assert words("foo-bar a_b 0.5 don't, C++!") == [
        "foo",
        "bar",
        "a",
        "b",
        "0",
        "5",
        "don",
        "t",
        "c",
    ]
    assert words("%&/ \u2019 \U0001f600") == []


def test_long_words_and_texts_are_cut() -> None:
    assert [len(word) for word in words("a" * 1000 + " ж" + "ж" * 1000)] == [LONGEST, LONGEST]
    assert len(words("a " * INDEXED)) == INDEXED // 2
    assert len(words("ж " * INDEXED)) == INDEXED // 2


@given(st.text(max_size=200))
def test_spans_are_the_same_words_with_their_places(text: str) -> None:
    found = list(spans(text))
    assert [span.word for span in found] == words(text)
    for span in found:
        assert 0 <= span.start < span.end <= len(text)
        assert not set(span.word) & set(" '\"\\:&|!()*<>")


@given(st.text(max_size=100))
def test_words_stay_what_they_are(text: str) -> None:
    for word in words(text):
        if not is_unspaced(word):
            assert words(word) == [word]
