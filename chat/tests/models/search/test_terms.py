"""Terms of a query: words, phrases, beginnings, and what the databases are asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.database.words import words
from chat.models.search.terms import MOST, Term, fts5_query, terms_of, title_parts, tsquery


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("Größe und", [Term(("grosse",), False), Term(("und",), True)]),
        ("und ", [Term(("und",), False)]),
        ('"Das ist" mein', [Term(("das", "ist"), False), Term(("mein",), True)]),
        ('mein "das is', [Term(("mein",), False), Term(("das", "is"), True)]),
        ('"das is"', [Term(("das", "is"), False)]),
        ("„das ist“", [Term(("das", "ist"), False)]),
        ("foo-bar", [Term(("foo", "bar"), True)]),
        ("a", [Term(("a",), False)]),
        ("手", [Term(("手",), True)]),
        ("手机壳", [Term(("手机", "机壳"), False)]),
        ("手 x", [Term(("手",), True), Term(("x",), False)]),
        ("salt salt ", [Term(("salt",), False)]),
        ('% "" " \\', []),
        ("", []),
    ],
)
def test_terms(q: str, expected: list[Term]) -> None:
    assert terms_of(q) == expected


def test_only_so_many_count() -> None:
    assert len(terms_of(" ".join(f"word{number}" for number in range(20)))) == MOST


def test_what_the_databases_are_asked() -> None:
    terms = terms_of('"das ist" mei')
    assert fts5_query(terms, "u7") == 'owner : "u7" AND words : "das ist" AND words : "mei" *'
    assert tsquery(terms) == "('das' <-> 'ist') & ('mei':*)"
    assert title_parts(terms) == [" das ist ", " mei"]


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_term_is_found_in_a_text_that_has_it(before: str, term: str) -> None:
    found = terms_of(f'"{term.replace(chr(34), "")}"')
    text = words(f"{before} {term}")
    for one in found:
        assert any(one.ends_at(text, at) for at in range(len(text)))


def test_repr_does_not_tell_the_words() -> None:
    assert "secret" not in repr(terms_of("secret plan"))
