"""Marks for invisible characters that change a text, by name, in admin and exports.

They are those that turn the direction of text (U+202A–E, U+2066–9), and tags (U+E0000–E007F),
which can hide sentences. The page does the same in `frontend/src/lib/bidi.js`; the
cases of both are in `frontend/tests/unseen.json`.
"""

from __future__ import annotations

import re

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

FLAG = (
    "\U0001f3f4(?:\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067"
    "|\U000e0073\U000e0063\U000e0074|\U000e0077\U000e006c\U000e0073)\U000e007f)"
)
"""The flags of England, Scotland and Wales are written with tags, and stay."""
HIDDEN = re.compile(f"({FLAG})|[\u202a-\u202e\u2066-\u2069]|[\U000e0000-\U000e007f]+")
NAMES = {
    "\u202a": "LRE", "\u202b": "RLE", "\u202c": "PDF", "\u202d": "LRO", "\u202e": "RLO",
    "\u2066": "LRI", "\u2067": "RLI", "\u2068": "FSI", "\u2069": "PDI",
}  # fmt: skip


def marked_text(text: str) -> str:
    """The text with the marks in it, for where there is only text."""
    return HIDDEN.sub(lambda found: found[0] if found[1] else f"[{_name(found[0])}]", text)


RTL = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
"""Letters of the scripts that are written from right to left."""


def quoted(text: str) -> str:
    """The text for a sentence of plain text, marked: it does not turn the text around it."""
    safe = marked_text(text)
    return f"\u2068{safe}\u2069" if RTL.search(safe) else safe


def isolated(text: str) -> SafeString:
    """The text as HTML, marked and in a direction of its own: it turns nothing around it."""
    return mark_safe(f"<bdi>{marked(escape(text))}</bdi>")  # noqa: S308  escaped here


def marked(html: str) -> str:
    """Escaped text, with the marks in it as elements."""

    def mark(found: re.Match[str]) -> str:
        return found[0] if found[1] else f'<span class="unseen">{escape(_name(found[0]))}</span>'

    return HIDDEN.sub(mark, html)


def _name(raw: str) -> str:
    if raw in NAMES:
        return NAMES[raw]
    said = "".join(chr(ord(tag) - 0xE0000) for tag in raw if 0xE0020 <= ord(tag) < 0xE007F)
    return f"tags: {said}" if said else "tags"
