"""Excerpts: the right place, marks on what was found, and nothing of the text changed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chat.models.search.excerpts import LENGTH, excerpt
from chat.models.search.terms import terms_of
from chat.tests.counting import Counted


def shown(text: str, q: str) -> str:
    """Marked words in brackets."""
    return "".join(
        f"[{one.text}]" if one.is_marked else one.text for one in excerpt(text, terms_of(q))
    )


def test_words_are_marked_as_they_are_written() -> None:
    assert shown("Die GRÖSSE zählt", "größe") == "Die [GRÖSSE] zählt"
    assert shown("Cafe\u0301 au lait", "café") == "[Cafe\u0301] au lait"
    assert shown("peppermint", "pep") == "[peppermint]"
    assert shown("Das ist es. Das war es.", '"das ist"') == "[Das ist] es. Das war es."
    assert shown("ich mag 東京都が好き", "東京都") == "ich mag [東京都]が好き"
    assert shown("東京", "東") == "[東京]"


def test_excerpt_is_where_most_terms_are() -> None:
    text = f"salt {'x ' * 300} salt and pepper {'y ' * 300}"
    found = shown(text, "salt pepper")
    assert "[salt] and [pepper]" in found
    assert found.startswith("… ")
    assert found.endswith(" …")
    assert len(found) < LENGTH + 40


def test_beginning_is_shown_where_nothing_is_found() -> None:
    assert shown("Nothing of it\n\n  here", "pepper") == "Nothing of it here"


def test_long_text_is_read_up_to_its_matches() -> None:
    text = Counted("pepper " * 1000 + "x" * 3_000_000)
    assert "[pepper]" in shown(text, "pepper")
    assert text.total < 10_000


@given(st.text(max_size=400), st.text(max_size=20))
def test_pieces_are_the_text(text: str, q: str) -> None:
    found = excerpt(text, terms_of(q))
    whole = "".join(one.text for one in found).removeprefix("… ").removesuffix(" …")
    assert " ".join(whole.split()) in " ".join(text.split())
    assert all(one.text for one in found)
