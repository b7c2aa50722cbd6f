"""Quotation in a Markdown file: a quoted text cannot pass for a part of the file itself.

Each line is quoted, so that no heading, rule, name or block of code left open reaches the rest.
HTML would, where a reader lets it through: outside of code its brackets are escaped.
"""

from __future__ import annotations

import re

from chat.marking import marked_text

_FENCE = re.compile(r"(`{3,}|~{3,})(.*)")
_INDENTED_FENCE = re.compile(r"^(?:[ \t]+|[>*+\-\d.)][>*+\-\d.) \t]*)(?:`{3}|~{3})", re.MULTILINE)
_HTML = re.compile(r"<(?=[A-Za-z/!?])")
_CODE = re.compile(r"(?<!`)(`+)(?!`)([^`\n]+)(?<!`)\1(?!`)")
_ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s<>]+>", re.IGNORECASE)


def quotation(text: str) -> str:
    """The text as a quotation in Markdown; "" for none."""
    # Any end of a line in some reader is one here, too.
    lines = re.split(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", marked_text(text).strip("\n"))
    if lines == [""]:
        return ""
    # In doubt nothing is code: a backslash too many is better than a tag.
    fenced = _fenced(lines) if not _INDENTED_FENCE.search(text) else [False] * len(lines)
    words = [line for line, is_code in zip(lines, fenced, strict=True) if not is_code]
    is_certain = all(_has_pairs(line) for line in words)
    quoted = []
    for line, is_code in zip(lines, fenced, strict=True):
        if not is_code:
            line = _escaped(line, is_certain=is_certain)
        quoted.append(f"> {line}" if line else ">")
    return "\n".join(quoted)


def _fenced(lines: list[str]) -> list[bool]:
    """For each line, True if it is in a block of code, fences included."""
    fence = ""
    fenced = []
    for line in lines:
        found = _FENCE.match(line) if line.startswith(("```", "~~~")) else None
        is_code = bool(fence)
        if fence and found and found[1].startswith(fence) and not found[2].strip():
            fence = ""
        elif not fence and found and not (found[1][0] == "`" and "`" in found[2]):
            fence = found[1]
            is_code = True
        fenced.append(is_code)
    return fenced


def _has_pairs(line: str) -> bool:
    """True if each mark of code has its counterpart in the line."""
    if "`" not in line:
        return True
    return "\\" not in line and "`" not in _CODE.sub("", line)


def _escaped(line: str, *, is_certain: bool) -> str:
    """A line in which no HTML begins, but for code within it and addresses in brackets."""
    if "<" not in line:
        return line
    parts = []
    at = 0
    for code in _CODE.finditer(line) if is_certain else ():
        parts += [_without_html(line[at : code.start()]), code[0]]
        at = code.end()
    return "".join([*parts, _without_html(line[at:])])


def _without_html(text: str) -> str:
    return _HTML.sub(lambda found: "<" if _ADDRESS.match(text, found.end()) else "\\<", text)
