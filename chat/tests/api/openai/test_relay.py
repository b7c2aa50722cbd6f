"""Sent text is never taken back: a further attempt goes on from it, or fails."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.api.openai.relay import Diverged, Piece, Relay, Whole

WORDS = st.text("ab👍", max_size=6)
PIECES = st.lists(WORDS, max_size=4)


def frames_of(kept: str, pieces: list[str]) -> list[dict[str, Any]]:
    """An attempt as its follower hears of it."""
    found: list[dict[str, Any]] = [{"type": "snapshot", "text": kept, "reasoning": ""}]
    at = len(kept)
    for piece in filter(None, pieces):
        found.append({"type": "delta", "track": "text", "at": at, "text": piece})
        at += len(piece)
    return found


def end(length: int | None) -> dict[str, Any]:
    return {"type": "end", "length": length}


def take_all(relay: Relay, frames: list[dict[str, Any]], track: str = "text") -> str:
    return "".join(text for frame in frames for name, text in relay.take(frame) if name == track)


@given(st.lists(st.tuples(WORDS, PIECES), min_size=1, max_size=4))
def test_what_is_sent_is_the_last_attempt_or_the_client_is_told(
    attempts: list[tuple[str, list[str]]],
) -> None:
    relay, sent = Relay(), ""
    fits = True
    text = ""
    try:
        for kept, pieces in attempts:
            text = kept + "".join(pieces)
            fits = fits and text[: len(sent)] == sent[: len(text)]
            sent += take_all(relay, frames_of(kept, pieces))
        relay.take(end(len(text)))
    except Diverged:
        assert not fits or len(text) < len(sent)
    else:
        assert sent == text


@given(WORDS.filter(len), st.data())
def test_an_attempt_that_begins_with_what_was_sent_goes_on(whole: str, data: st.DataObject) -> None:
    relay, sent = Relay(), ""
    for _ in range(3):
        kept = data.draw(st.integers(0, len(whole)))
        upto = data.draw(st.integers(kept, len(whole)))
        sent += take_all(relay, frames_of(whole[:kept], list(whole[kept:upto])))
    sent += take_all(relay, frames_of("", [whole]))
    assert relay.take(end(len(whole))) == []
    assert sent == whole


def test_an_attempt_that_says_something_else_is_told_at_its_first_word() -> None:
    relay = Relay()
    assert take_all(relay, frames_of("", ["Once upon"])) == "Once upon"
    assert take_all(relay, frames_of("", ["Once "])) == ""
    with pytest.raises(Diverged):
        relay.take({"type": "delta", "track": "text", "at": 5, "text": "more"})


def test_an_attempt_that_ends_before_what_was_sent_is_told_at_its_end() -> None:
    relay = Relay()
    take_all(relay, [*frames_of("", ["Once upon"]), *frames_of("", ["Once"])])
    with pytest.raises(Diverged):
        relay.take(end(4))


def test_a_failed_reply_without_a_length_is_not_compared() -> None:
    relay = Relay()
    take_all(relay, frames_of("", ["Once"]))
    assert relay.take(end(None)) == []


def test_other_thoughts_follow_on_the_ones_before() -> None:
    relay = Relay()
    first: list[dict[str, Any]] = [
        {"type": "snapshot", "text": "", "reasoning": "Let me "},
        {"type": "delta", "track": "reasoning", "at": 7, "text": "see"},
    ]
    second: list[dict[str, Any]] = [
        {"type": "snapshot", "text": "", "reasoning": "Let us"},
        {"type": "delta", "track": "reasoning", "at": 6, "text": " look"},
        {"type": "delta", "track": "text", "at": 0, "text": "42"},
    ]
    assert take_all(relay, first, "reasoning") == "Let me see"
    assert relay.take(second[0]) == [Piece("reasoning", "\n\nLet us")]
    assert relay.take(second[1]) == [Piece("reasoning", " look")]
    assert relay.take(second[2]) == [Piece("text", "42")]


def test_frames_without_text_send_nothing() -> None:
    relay = Relay()
    for kind in ("status", "ping", "accepted"):
        assert relay.take({"type": kind}) == []


def test_a_whole_answer_is_the_last_attempt() -> None:
    whole = Whole()
    for frame in (*frames_of("", ["Once"]), *frames_of("Twice ", ["upon", " a"]), end(12)):
        whole.take(frame)
    assert (whole.text, whole.reasoning) == ("Twice upon a", "")


@pytest.mark.parametrize("cut", range(1, 14))
def test_text_that_proves_to_be_thoughts_is_closed_and_the_answer_goes_on(cut: int) -> None:
    thoughts, answer = "I greet back.", "Hello! And more."
    relay = Relay()
    frames = frames_of("", [thoughts[:cut]])
    frames.append({"type": "snapshot", "text": answer[:6], "reasoning": thoughts})
    frames += [
        {"type": "delta", "track": "text", "at": at, "text": answer[at : at + 5]}
        for at in range(6, len(answer), 5)
    ]
    pieces = [piece for frame in frames for piece in relay.take(frame)]
    told = {track: "".join(p.text for p in pieces if p.track == track) for track, _ in pieces}
    assert told["text"] == f"{thoughts[:cut]}\n</think>\n\n{answer}"
    assert told.get("reasoning", "").strip() == thoughts[cut:].strip()
    assert relay.take(end(len(answer))) == []


def test_thoughts_in_their_own_field_before_moved_ones_come_once() -> None:
    relay = Relay()
    relay.take({"type": "snapshot", "text": "", "reasoning": "Hm. "})
    relay.take({"type": "delta", "track": "text", "at": 0, "text": "So.\n"})
    found = relay.take({"type": "snapshot", "text": "", "reasoning": "Hm. So."})
    assert found == [Piece("text", "\n</think>\n\n")]
    assert relay.take({"type": "delta", "track": "text", "at": 0, "text": "Hi"}) == [("text", "Hi")]
