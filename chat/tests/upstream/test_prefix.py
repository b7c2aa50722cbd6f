"""A text and what continues it join exactly, however the answer is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.upstream.prefix import Joint, part_end


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
    assert part_end(text) == (sent, space)


def joined(space: str, pieces: list[str]) -> str:
    joint = Joint(space)
    return "".join(joint.join(piece) for piece in pieces)


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
    _, space = part_end(kept)
    assert joined(space, [answer]) == new
    assert joined(space, list(answer)) == new
    for cut in range(len(answer)):
        assert joined(space, [answer[:cut], "", answer[cut:]]) == new


SPACES = st.text(" \n\t", max_size=4)


@given(st.text("ab \n\t", max_size=6), st.lists(st.text("ab \n\t", max_size=3), max_size=6))
def test_every_cut_joins_alike(kept: str, pieces: list[str]) -> None:
    sent, space = part_end(kept)
    assert sent + space == kept
    assert joined(space, pieces) == joined(space, ["".join(pieces)])


@given(st.text("ab \n", min_size=1, max_size=20), st.data())
def test_an_endpoint_that_goes_on_exactly_gives_the_whole_text(
    text: str, data: st.DataObject
) -> None:
    kept = text[: data.draw(st.integers(0, len(text)))]
    sent, space = part_end(kept)
    assert kept + joined(space, list(text[len(sent) :])) == text


@given(SPACES, st.text("ab \n", max_size=9))
def test_nothing_but_the_space_is_ever_left_out(space: str, answer: str) -> None:
    new = joined(space, [answer])
    assert answer.endswith(new)
    assert space.startswith(answer[: len(answer) - len(new)])
