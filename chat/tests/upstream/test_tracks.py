"""Cleaning of a text, for every way the pieces can be cut."""

from hypothesis import given
from hypothesis import strategies as st

from chat.upstream.tracks import Track, clean

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
