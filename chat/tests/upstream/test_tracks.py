"""Cleaning and the thoughts at the start of a text, for every way the pieces can be cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.upstream.tracks import ThinkRouter, Track, clean

LETTERS = st.characters(codec="utf-8") | st.sampled_from("\0\ud83d\ude00é👍")
PIECES = st.lists(st.text(LETTERS, max_size=6))


def joined(pieces: list[str]) -> str:
    track = Track()
    parts = []
    for piece in pieces:
        track.add(piece)
        parts.append(track.take())
    return "".join(parts) + track.take(last=True)


@given(PIECES)
def test_every_split_gives_the_same_clean_text(pieces: list[str]) -> None:
    text = joined(pieces)
    assert text == clean("".join(pieces))
    assert "\0" not in text
    assert text.encode().decode() == text


def test_a_pair_cut_over_two_pieces_is_joined() -> None:
    assert joined(["a\ud83d", "\ude00b"]) == "a😀b"
    assert joined(["a\ud83d", "b"]) == "a\ufffdb"
    assert joined(["\ud83d"]) == "\ufffd"
    assert joined(["\ude00", "x\0y"]) == "\ufffdxy"


def test_half_a_pair_waits_for_its_other_half() -> None:
    track = Track()
    track.add("a\ud83d")
    assert track.take() == "a"
    assert track.take() == ""
    track.add("\ude00")
    assert track.take() == "😀"


def routed(pieces: list[str]) -> tuple[str, str]:
    router = ThinkRouter()
    parts = [router.feed(piece) for piece in pieces] + [router.finish()]
    return "".join(text for text, _ in parts), "".join(thought for _, thought in parts)


@pytest.mark.parametrize(
    ("said", "text", "reasoning"),
    [
        ("plain", "plain", ""),
        ("<think>a</think>b", "b", "a"),
        ("\n<think>\na\nb\n</think>\n\nc\n", "c\n", "a\nb"),
        ("<think></think>b", "b", ""),
        ("<think>never closed", "", "never closed"),
        ("<think>a < b </thin> c</think>d", "d", "a < b </thin> c"),
        ("say <think>no</think>", "say <think>no</think>", ""),
        ("<thinking>x", "<thinking>x", ""),
        ("<thi", "<thi", ""),
        ("  ", "  ", ""),
        ("<think>a</think>b<think>c</think>", "b<think>c</think>", "a"),
    ],
)
def test_thoughts_are_told_from_text(said: str, text: str, reasoning: str) -> None:
    assert routed([said]) == (text, reasoning)
    assert routed(list(said)) == (text, reasoning)
    for cut in range(len(said)):
        assert routed([said[:cut], said[cut:]]) == (text, reasoning)


@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "</th", "\n", "a", " "]), max_size=12))
def test_every_cut_routes_alike(parts: list[str]) -> None:
    said = "".join(parts)
    assert routed(parts) == routed([said]) == routed(list(said))


def test_a_first_word_is_not_held_back() -> None:
    assert ThinkRouter().feed("Hello") == ("Hello", "")
