"""Texts as they are compared in a search: without case, accents and ways to write one letter."""

from __future__ import annotations

import re
import unicodedata

ACCENTS = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u064b-\u065f\u0670]"
)
"""Marks that people leave out: of Latin, Greek and Cyrillic, of Hebrew and Arabic vowels."""

UNMARKED = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ı": "i", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe"}
)
"""Letters with a stroke or a ligature, which Unicode does not take apart."""


def contains(text: str | None, words: str) -> bool:
    """True if all these folded words, with blanks between them, occur in a text."""
    folded = fold(text) or ""
    return all(word in folded for word in words.split(" "))


def fold(text: str | None) -> str | None:
    """The same for `GRÖSSE` and `Größe`, for `Café` composed and decomposed, and for `cafe`."""
    if text is None or text.isascii():
        return text and text.lower()
    bare = ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    # Composed again: Korean syllables, and Japanese letters with their voicing marks.
    return unicodedata.normalize("NFC", bare.casefold()).translate(UNMARKED)
