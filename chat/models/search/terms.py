"""Terms of a search: words and "phrases in quotes", the last word as the beginning of one. Pure.

Each term is a sequence of words as `chat/database/words.py` makes them of texts, too, so that both
databases are asked for just what the index has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chat.database.words import is_unspaced, words

MOST = 8
"""Terms that count."""

QUOTES = '"“”„«»'
TERM = re.compile(f"[{QUOTES}]([^{QUOTES}]*)([{QUOTES}]?)|([^\\s{QUOTES}]+)")


@dataclass(frozen=True)
class Term:
    """Words that follow on each other; with `is_prefix`, the last one may go on."""

    words: tuple[str, ...]
    is_prefix: bool

    def __repr__(self) -> str:
        return f"<Term of {len(self.words)} words>"  # what people look for is nothing for a log

    def ends_at(self, text: Sequence[str], at: int) -> bool:
        """True if this term is found in these words, ending with the one at `at`."""
        first = at - len(self.words) + 1
        if first < 0:
            return False
        last = text[at]
        fits = last.startswith(self.words[-1]) if self.is_prefix else last == self.words[-1]
        return fits and all(
            text[first + number] == word for number, word in enumerate(self.words[:-1])
        )


def terms_of(q: str) -> list[Term]:
    """The terms of a query; none where it has no letters or digits."""
    found: dict[Term, None] = {}
    matches = list(TERM.finditer(q))
    for match in matches:
        phrase, closing, bare = match.groups()
        is_open = match is matches[-1] and not closing and q[-1:].strip() != ""
        term = _term(bare if bare is not None else phrase, is_open=is_open)
        if term is not None:
            found[term] = None
    return list(found)[:MOST]


def _term(text: str, *, is_open: bool) -> Term | None:
    parts = words(text)
    if not parts:
        return None
    if len(parts) > 1 and _ends_run(parts):
        parts.pop()  # it is in the pair before, and in longer texts no pair begins with it
    last = parts[-1]
    # One character of a script with blanks is the beginning of too much.
    is_prefix = len(last) == 1 if is_unspaced(last) else is_open and len(last) > 1
    return Term(tuple(parts), is_prefix)


def _ends_run(parts: list[str]) -> bool:
    before, last = parts[-2:]
    return len(last) == 1 and is_unspaced(last) and len(before) == 2 and before[1] == last


# --- for the databases --------------------------------------------------------------------


def fts5_query(terms: Iterable[Term], owner: str) -> str:
    """For `MATCH` on SQLite: all terms, in the texts of this owner."""
    wanted = [f'owner : "{owner}"']
    for term in terms:
        wanted.append(f'words : "{" ".join(term.words)}"{" *" if term.is_prefix else ""}')
    return " AND ".join(wanted)


def tsquery(terms: Iterable[Term]) -> str:
    """For Postgres, as the text of a `tsquery`."""
    wanted = []
    for term in terms:
        phrase = " <-> ".join(f"'{word}'" for word in term.words)
        wanted.append(f"({phrase}{':*' if term.is_prefix else ''})")
    return " & ".join(wanted)


def title_parts(terms: Iterable[Term]) -> list[str]:
    """Texts that are all in a title's words (`title_words.py`) where it has all terms."""
    return [f" {' '.join(term.words)}{'' if term.is_prefix else ' '}" for term in terms]
