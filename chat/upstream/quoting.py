"""Quotation of tags: one in code or quotation marks is mentioned, not meant. No I/O."""

from __future__ import annotations

import re

LINE = 400
"""Code points after a tag within which the end of code marks is looked for."""

_KEPT = 2000
"""Code points of a line that are looked at for code marks before a tag."""

_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})(.*)", re.DOTALL)
_RUN = re.compile("`+")
_OPENING, _CLOSING = "\"'“‘«„(", "\"'”’»“)"
_SENTENCE_ENDS = ".!?…:;。！？*_`~>"


class Quoting:
    """Reads a text up to a tag, and decides if the tag is quoted there."""

    def __init__(self) -> None:
        self._fence = ""
        self._line: list[str] = []

    @property
    def in_block(self) -> bool:
        """True if the text read so far ends in a block of code."""
        return bool(self._fence or _FENCE.match(self._current()))

    @property
    def at_line_start(self) -> bool:
        """True if the line read so far has only blanks."""
        return not self._current().strip()

    def read(self, text: str) -> None:
        """Read the next piece of the text."""
        *lines, rest = text.split("\n")
        for line in lines:
            self._line.append(line)
            self._end_line(self._current())
            self._line.clear()
        self._line.append(rest)

    def quotes(self, after: str, *, ended: bool) -> bool | None:
        """True if a tag between the text read and `after` is in code or quotation marks.

        None while more text is needed.
        """
        line = self._current()
        if self._fence or _FENCE.match(line):
            return True
        if line and line[-1] in _OPENING:
            if not after and not ended:
                return None
            if after[:1] and _CLOSING[_OPENING.index(line[-1])] == after[0]:
                return True
        size = _open_run(line)
        if not size:
            return False
        rest, broken, _ = after[:LINE].partition("\n")
        for run in _RUN.finditer(rest):
            if run.end() == len(rest) and not (broken or ended) and len(after) < LINE:
                return None  # the run may grow
            if len(run[0]) == size and (run.start() == 0 or not rest[run.start() - 1].isspace()):
                return True
        return False if broken or ended or len(after) >= LINE else None

    def mentions(self, after: str, *, ended: bool) -> bool | None:
        """True if a tag between the text read and `after` is a word of a sentence.

        None while more text is needed.
        """
        line = self._current()
        if not line.strip() or not line[-1].isspace() or line.rstrip()[-1] in _SENTENCE_ENDS:
            return False
        if len(after) < 2 and not ended:
            return None
        if after[:1] in tuple(".,;:!?)"):
            return True
        return after[:1] == " " and (after[1:2].islower() or after[1:2].isdigit())

    def _current(self) -> str:
        if len(self._line) > 1:
            self._line = ["".join(self._line)]
        line = self._line[0] if self._line else ""
        if len(line) > _KEPT:
            # The start shows a block of code, the end the text before a tag.
            line = line[:80] + line[80 - _KEPT :]
            self._line = [line]
        return line

    def _end_line(self, line: str) -> None:
        found = _FENCE.match(line)
        if found is None:
            return
        if not self._fence:
            if "`" not in found[2] or found[1][0] == "~":
                self._fence = found[1]
        elif found[1].startswith(self._fence) and not found[2].strip():
            self._fence = ""


def _open_run(line: str) -> int:
    """Number of code marks that open the code in which this line ends; 0 if it ends in none."""
    size = 0
    for run in _RUN.finditer(line):
        end = run.end()
        if not size:
            # Marks before a blank open nothing that anybody has meant.
            size = len(run[0]) if end == len(line) or not line[end].isspace() else 0
        elif len(run[0]) == size and not line[run.start() - 1].isspace():
            size = 0
    return size
