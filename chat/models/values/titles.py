"""Makes the first title of a conversation out of its first message. Pure.

`frontend/src/state/titles.js` does the same in the page, until it hears of the title. The cases of
both are in `frontend/tests/titles.json`.
"""

from __future__ import annotations

import re

from chat.models.values.graphemes import cut

UNTITLED = "New chat"

LONGEST = 60
"""Code points of a first title."""

READ = 1000
"""Code points that are looked at: a title needs no more, and a message may have a megabyte."""

FENCE = re.compile(r"[ \t]*(?:`{3,}[^`]*|~{3,}.*)")
ONLY_MARKS = re.compile(r"[\s=_*#>+|:-]*")
"""A rule, the underline of a heading, an empty item."""
MARKS = re.compile(r"[ \t]*(?:(?:>|#{1,6}|[-*+])[ \t]+(?:\[[ xX]\][ \t]+)?)+")
CLOSING = re.compile(r"[ \t]+#+[ \t]*$", re.MULTILINE)

CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(
    r"(?<![A-Za-z0-9_)\]])!?\[([^\[\]]+)\]"
    r"(?:\((?:[^()\s]|\([^()\s]*\))*(?:\s+\"[^\"]*\")?(?:\)|$)|\[[^\[\]]*\])"
)
ADDRESS = re.compile(r"<(https?://[^\s<>]+)>")
# Marks beside a blank or within a word are none: 2 * 3, 2**3, snake_case, *args; nor is __init__.
STRONG = (
    re.compile(
        r"(?<![A-Za-z0-9*])(\*{2,3})(?=[^\s*])(.+?)(?<=[^\s*])\1(?![A-Za-z0-9*])", re.DOTALL
    ),
    re.compile(
        r"(?<![A-Za-z0-9_])(?!__[A-Za-z0-9_]+__)"
        r"(_{2,3})(?=[^\s_])(.+?)(?<=[^\s_])\1(?![A-Za-z0-9_])",
        re.DOTALL,
    ),
    re.compile(r"(?<!~)(~~)(?=[^\s~])(.+?)(?<=[^\s~])\1(?!~)", re.DOTALL),
)
SLANTED = re.compile(
    r"(?<![A-Za-z0-9*_])([*_])(?=[^\s*_])(.+?)(?<=[^\s*_])\1(?![A-Za-z0-9*_])", re.DOTALL
)

KEPT = 0xFDD0
"""The first of 32 code points that stand for no character: they hold the places of code."""


def title_of(text: str) -> str:
    """The first line that says something, without Markdown, cut at a word or a character."""
    return first_line(text) or UNTITLED


def first_line(text: str, longest: int = LONGEST) -> str:
    """The same with at most so many code points, or "" where no line says anything."""
    said = _beginning(text)
    line = _joined(said)
    # A single star or underline may be meant. It stays, unless half of a pair would.
    plain = _joined(SLANTED.sub(r"\2", said))
    if len(line) <= longest and SLANTED.sub(r"\2", line) == plain:
        return line
    said = plain
    if len(said) <= longest:
        return said
    head, _, _ = said[:longest].rpartition(" ")
    return (head if len(head) > longest / 2 else cut(said, longest - 1)) + "…"


def _joined(paragraph: str) -> str:
    return " ".join(paragraph.split("\n", 1)[0].split())


def _beginning(text: str) -> str:
    """The paragraph, or the line of code, that the title begins; no mark at its beginning."""
    lines = re.split(r"\r\n?|\n", text.lstrip()[:READ])
    is_code = False
    for at, line in enumerate(lines):
        if FENCE.fullmatch(line):
            is_code = not is_code
        elif is_code:
            if line.strip():
                return line
        elif not ONLY_MARKS.fullmatch(line):
            end = next((i for i in range(at, len(lines)) if not lines[i].strip()), len(lines))
            # Code that begins in this line may end in one of the next.
            said = _without_marks("\n".join(lines[at:end])).lstrip()
            if _joined(said):
                return said
    return ""


def _without_marks(paragraph: str) -> str:
    """The text of a paragraph as it is read: marks that make it a heading or bold are gone."""
    code: list[str] = []

    def keep(found: re.Match[str]) -> str:
        if len(code) == 32:
            return found[0]
        code.append(found[2])
        return chr(KEPT + len(code) - 1)

    text = MARKS.sub("", paragraph, count=1) if MARKS.match(paragraph) else paragraph
    text = CODE.sub(keep, CLOSING.sub("", text))
    text = ADDRESS.sub(r"\1", LINK.sub(r"\1", text))
    for strong in STRONG:
        text = strong.sub(r"\2", text)
    for at, said in enumerate(code):
        text = text.replace(chr(KEPT + at), said)
    return text
