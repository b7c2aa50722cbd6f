"""Texts as they are compared in a search: without case, accents and ways to write one letter."""

from __future__ import annotations

import re
import unicodedata

ACCENTS = re.compile("[\u0300-\u036f]")


def contains(text: str | None, words: str) -> bool:
    """True if all these folded words, with blanks between them, occur in a text."""
    folded = fold(text) or ""
    return all(word in folded for word in words.split(" "))


def fold(text: str | None) -> str | None:
    """The same for `GRÖSSE` and `Größe`, for `Café` composed and decomposed, and for `cafe`."""
    if text is None or text.isascii():
        return text and text.lower()
    return ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold())).casefold()
