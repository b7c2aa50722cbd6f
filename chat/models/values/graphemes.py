"""Cuts a text between characters as people see them, never within one.

A character that is seen may be several code points: a letter with its marks, a flag, a family of
emoji joined by U+200D, an Indic cluster, a Korean syllable (UAX 29). For a cut it is enough never
to part a character; where the standard needs a table, this keeps a little more together.
"""

from __future__ import annotations

import unicodedata

JOINER = "\u200d"
VIRAMA = 9
"""The canonical combining class of the signs that join two consonants."""

PREPENDED = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e")
EXTENDING = frozenset("\u200c\u200d\u0e33\u0eb3\uff9e\uff9f")


def cut(text: str, most: int) -> str:
    """The beginning of the text, of at most so many code points, that ends with a whole character.

    Only a single character that is longer than that is cut.
    """
    if len(text) <= most:
        return text
    at = most
    while at > 0 and _belong_together(text, at):
        at -= 1
    return text[: at or most]


def first(text: str) -> str:
    """The first character of the text, as it is seen."""
    at = 1
    while at < len(text) and _belong_together(text, at):
        at += 1
    return text[:at]


def _belong_together(text: str, at: int) -> bool:
    before, after = text[at - 1], text[at]
    if _extends(after) or before == JOINER or before in PREPENDED:
        return True
    if unicodedata.combining(before) == VIRAMA and unicodedata.category(after) == "Lo":
        return True
    if _is_regional(before) and _is_regional(after):
        run = 1
        while run < at and _is_regional(text[at - 1 - run]):
            run += 1
        return run % 2 == 1  # flags are pairs from the first on
    # Korean: leading consonants go on with more of them, or with a syllable.
    return _is_leading(before) and (_is_leading(after) or "\uac00" <= after <= "\ud7a3")


def _extends(char: str) -> bool:
    """True if it belongs to the character before it."""
    return (
        unicodedata.category(char) in {"Mn", "Me", "Mc"}
        or char in EXTENDING
        or "\U0001f3fb" <= char <= "\U0001f3ff"  # colours of skin
        or "\U000e0020" <= char <= "\U000e007f"  # tags, as in flags
        or "\u1160" <= char <= "\u11ff"  # Korean vowels and final consonants
        or "\ud7b0" <= char <= "\ud7ff"
    )


def _is_regional(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _is_leading(char: str) -> bool:
    return "\u1100" <= char <= "\u115f" or "\ua960" <= char <= "\ua97f"
