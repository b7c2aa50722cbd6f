"""Removal of thoughts that came before, by another way. No I/O.

Some servers send thoughts in a field of their own and leave them between marks in the text, too.
Repetitions of the other way are left out, whichever is ahead; differences stay. Blanks do
not count, as servers trim them differently.
"""

from __future__ import annotations

from io import StringIO

from chat.upstream.overlap import shared_prefix


class _Way:
    """A way in which thoughts come."""

    __slots__ = ("at", "gap", "said")

    def __init__(self) -> None:
        self.said: list[str] = []
        self.at = 0
        """Number of letters that it has in common with the letters passed on."""
        self.gap = ""
        """The blanks at its end."""

    def take(self, words: str) -> None:
        self.said.append(words)
        letters = words.rstrip()
        self.gap = words[len(letters) :] if letters else self.gap + words


class Deduplicator:
    """Passes on the words of each way that are new."""

    def __init__(self) -> None:
        self._ways: dict[str, _Way] = {}
        self._leads = ""
        """The way whose words were new last."""
        self._passed = StringIO()
        """The letters passed on so far, without blanks, once there are two ways."""
        self._size = 0
        self._ends_blank = True
        self._apart = False
        """True once the ways have proved to be different thoughts."""

    def add(self, name: str, words: str) -> str:
        """Return the part of these words that is new."""
        if self._apart or not words:
            return words
        way = self._ways.setdefault(name, _Way())
        if len(self._ways) == 1:
            # Nearly always: there is no other way, and nothing to compare with.
            self._leads = name
            way.said.append(words)
            return words
        if not self._size and not way.said:
            self._begin()
        new = self._compare(name, way, words)
        if new:
            self._ends_blank = new[-1].isspace()
        return new

    def _begin(self) -> None:
        """Begin to compare, as a second way has come: read the words of the first."""
        first = self._ways[self._leads]
        said = "".join(first.said)
        first.said.clear()
        first.take(said)
        letters = "".join(said.split())
        self._passed.write(letters)
        self._size = first.at = len(letters)
        self._ends_blank = said[-1:].isspace()

    def _compare(self, name: str, way: _Way, words: str) -> str:
        letters = "".join(words.split())
        known = min(self._size - way.at, len(letters))
        self._passed.seek(way.at)
        if self._passed.read(known) != letters[:known]:
            return self._part(way, words)
        gap = way.gap
        way.take(words)
        way.at += len(letters)
        leads, fresh = self._leads == name, letters[known:]
        if not fresh:
            return words if leads and not letters else ""
        self._passed.seek(self._size)
        self._passed.write(fresh)
        self._size += len(fresh)
        self._leads = name
        if leads:
            return words
        rest = words[_after(words, known) :]
        return rest.lstrip() if self._ends_blank else (rest if known else gap + rest)

    def _part(self, way: _Way, words: str) -> str:
        """Pass on other thoughts from the start of the paragraph that differs."""
        self._apart = True
        said = "".join([*way.said, words])
        letters = "".join(words.split())
        self._passed.seek(way.at)
        same = shared_prefix(letters, self._passed.read(len(letters)))
        paragraph = said.rfind("\n\n", 0, _after(said, way.at + same))
        fresh = said[paragraph + 2 :] if paragraph >= 0 else said
        return f"\n\n{fresh.lstrip()}"


def _after(words: str, count: int) -> int:
    """Return the index after this number of letters, blanks not counted."""
    if not count:
        return 0
    for at, letter in enumerate(words):
        count -= not letter.isspace()
        if not count:
            return at + 1
    return len(words)
