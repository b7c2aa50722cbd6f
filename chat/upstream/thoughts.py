"""Separation of thoughts and answer in one text, by the marks around them. No I/O.

The meaning of a mark may be clear only later: a tag that closes what nothing has opened makes all
before it thoughts. Then `wrong` says how the text has to be read from its start.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import StringIO
from typing import NamedTuple

from chat.upstream import marks
from chat.upstream.channels import Channels
from chat.upstream.quoting import Quoting

QUOTED = 100
"""Tags in code marks after which none is taken for quoted any more."""

SLICE = 4096
"""Code points taken in at once: each mark costs as much as is held, and there may be many."""

_LONE_OR_INNER = re.compile(
    f"(?P<lone>{marks.LONE.pattern})|(?P<inner>{marks.INNER.pattern})", marks.LONE.flags
)
_INNER_OR_ANSWERED = re.compile(
    f"(?P<inner>{marks.INNER.pattern})|(?P<answered>{marks.ANSWERED.pattern})", marks.INNER.flags
)


@dataclass(frozen=True)
class Reading:
    """The state in which a text is read."""

    began: bool = False
    """It begins in its thoughts, without a mark."""
    closes_at: tuple[int, int] | None = None
    """Its thoughts end at a mark that lies between these code points."""
    blocks: int = 1000
    """The most passages of thoughts that marks open."""
    plain: bool = False
    """All of it is answer."""
    beside: bool = False
    """Thoughts have come beside it: a mark that ends them at its start is left over."""


AS_IT_COMES = Reading()

BLANKS = string.whitespace + "\N{NO-BREAK SPACE}\N{IDEOGRAPHIC SPACE}\N{ZERO WIDTH SPACE}\N{BOM}"
"""Characters that may stand before the first mark."""


class Routed(NamedTuple):
    """Text and thoughts, separated."""

    text: str = ""
    thoughts: str = ""


class Router:
    """Separates the pieces of a text into answer and thoughts.

    Only a possible beginning of a mark is held back, so an answer without one goes through
    at once. The blanks around the marks belong to neither text.
    """

    def __init__(self, reading: Reading = AS_IT_COMES) -> None:
        self.wrong: Reading | None = None
        """The reading to use instead, once this one has proved wrong."""
        self._reading = reading
        self._blocks = reading.blocks
        self._held = ""
        self._at = 0
        """Index in the text of the start of `_held`."""
        self._ended = False
        self._state = self._plain if reading.plain else self._start
        self._quick = False
        """True if text that begins no mark is answer, as it comes."""
        self._pair = marks.BEGAN
        self._thought = False
        """True once the current thoughts have begun."""
        self._passages = 0
        self._channels = Channels()
        self._quoting = Quoting()
        self._unread = StringIO()
        self._read = 0
        """Length of the part of `_held` that was read for code marks."""
        self._quoted = 0
        self._loose: tuple[int, int] | None = None
        """The last mark that was taken for one in a block of code."""
        self._other: tuple[int, int] | None = None
        """The first tag of another name that closes thoughts."""
        self._text: list[str] = []
        self._thoughts: list[str] = []

    @property
    def plain(self) -> bool:
        """True if everything from here on is text."""
        return self._state == self._plain

    @property
    def starts(self) -> bool:
        """True while more text is needed to see how it begins."""
        return self._state == self._start

    @property
    def opened(self) -> bool:
        """True once a mark has opened thoughts."""
        return self._blocks < self._reading.blocks

    @property
    def flows(self) -> bool:
        """True if a piece that begins no mark is answer as it is."""
        return self._quick and not self._held

    def flow(self, piece: str) -> None:
        """Take in a piece that begins no mark, where it `flows`."""
        self._at += len(piece)
        self._unread.write(piece)

    def feed(self, piece: str) -> Routed:
        """Split a piece into text and thoughts."""
        if self.flows and not marks.may_mark(piece):
            # Nearly every piece: nothing in it begins a mark.
            self.flow(piece)
            return Routed(piece)
        text, thoughts = "", ""
        for at in range(0, len(piece), SLICE):
            self._held += piece[at : at + SLICE]
            said = self._run()
            text += said.text
            thoughts += said.thoughts
            if self.wrong is not None:
                break  # all of it is read again
        return Routed(text, thoughts)

    def finish(self, *, orderly: bool) -> Routed:
        """Return the text held back when the stream ended.

        After an `orderly` end, thoughts that are still open may prove to be something else.
        """
        self._ended = True
        said = self._run()
        if orderly and self.wrong is None and self._state == self._think:
            self.wrong = self._unclosed()
        return said

    def _run(self) -> Routed:
        while self.wrong is None and self._state():
            pass
        said = Routed("".join(self._text), "".join(self._thoughts))
        self._text.clear()
        self._thoughts.clear()
        return said

    # --- states: each takes from `_held`; True where the next one can go on --------------

    def _start(self) -> bool:
        start = self._held.lstrip(BLANKS)
        if not start and not self._ended:
            return False
        blanks = len(self._held) - len(start)
        if self._reading.closes_at is not None:
            found = marks.opener(start)
            self._take(blanks + (found[1] if found else 0))
            return self._enter(self._think_until)
        if marks.CHANNEL.match(start):
            self._take(blanks)
            return self._enter(self._in_channels)
        if self._open():
            return True
        if self._reading.beside and (left := marks.LONE.match(start)):
            self._take(blanks + left.end())
            return self._enter(self._after)
        if not self._ended and marks.may_open(start):
            return False
        return self._enter(self._think if self._reading.began else self._watch)

    def _open(self) -> bool:
        """Begin to think where the text, after blanks, begins with a mark that opens thoughts."""
        start = self._held.lstrip(BLANKS)
        found = marks.opener(start) if self._blocks else None
        if found is None:
            return False
        self._pair, size = found
        self._take(len(self._held) - len(start) + size)
        self._blocks -= 1
        self._thought = False
        return self._enter(self._after if self._pair.empty else self._think)

    def _think(self) -> bool:
        """Read thoughts, up to the mark that closes them."""
        if not self._skip_blanks():
            return False
        if not self._thought and self._pair.name:
            # The template has opened them, and the model opens them once more.
            again = marks.opener(self._held)
            if again is not None and again[0] == self._pair:
                self._take(again[1])
                return True
            if not self._ended and again is None and marks.may_open(self._held):
                return False
        found, verdict = self._find(self._pair.closer)
        if found is not None and verdict == "meant" and self._closes_another(found):
            self._other = self._other or (self._at + found.start(), self._at + found.end())
            verdict = "quoted"
        if found is None:
            keep = len(self._held) if self._ended else marks.hold(self._held, self._pair.words)
            self._think_on(keep)
        elif verdict == "meant":
            end = found.end()
            before = len(self._held[: found.start()].rstrip())
            self._think_on(before)
            self._take(end - before)
            return self._enter(self._after)
        elif verdict == "quoted":
            self._think_on(found.end(), blanks=True)
            return True
        else:
            self._think_on(found.start())
        return False

    def _closes_another(self, found: re.Match[str]) -> bool:
        return bool(self._pair.name) and found["closed"].lower() != self._pair.name

    def _think_until(self) -> bool:
        """Thoughts, up to a place that is known."""
        assert self._reading.closes_at is not None
        if not self._skip_blanks():
            return False
        start, end = (max(place - self._at, 0) for place in self._reading.closes_at)
        if len(self._held) < end and not self._ended:
            self._think_on(min(len(self._held), start))
            return False
        before = len(self._held[:start].rstrip())
        self._think_on(before)
        self._take(end - before)
        return self._enter(self._after)

    def _after(self) -> bool:
        """Read between thoughts and answer: blanks, more thoughts, marks that open the answer."""
        start = self._held.lstrip()
        if not start:
            return False
        if self._open():
            return True
        blanks = self._held[: len(self._held) - len(start)]
        if found := marks.ANSWER.match(start):
            self._take(len(blanks) + found.end())
            return True
        if left := marks.LONE.match(start):
            self._take(len(blanks) + left.end())  # they were opened twice
            return True
        if not self._ended and marks.may_open(start):
            return False
        # Blanks before the first letter of a line mean something in Markdown.
        indent = len(blanks.rpartition("\n")[2]) if "\n" in blanks else 0
        self._take(len(blanks) - indent)
        return self._enter(self._answer)

    def _answer(self) -> bool:
        """The answer after thoughts, in which a line may open more of them."""
        found, verdict = self._find(_INNER_OR_ANSWERED, mentioned=True)
        if found is None:
            if self._ended and self._held.rstrip().endswith(marks.LAST):
                self._say(self._held.rindex(marks.LAST))
                self._held = ""
            self._say(len(self._held) if self._ended else marks.hold(self._held))
            return False
        if verdict == "waits":
            self._say(found.start())
            return False
        if verdict == "meant" and found["inner"] and self._quoting.at_line_start:
            self._say(found.start())
            if self._open():
                return True
            self._say(1)
            return True
        start, end = found.span()
        self._say(end if verdict == "quoted" or found["inner"] else start)
        if verdict == "meant" and not found["inner"]:
            self._take(end - start)
        return True

    def _watch(self) -> bool:
        """Read text that may be the answer, or thoughts that the chat template has opened."""
        found, verdict = self._find(_LONE_OR_INNER, mentioned=True)
        if found is None:
            self._say(len(self._held) if self._ended else marks.hold(self._held))
        elif verdict == "waits":
            self._say(found.start())
        elif verdict == "quoted":
            self._say(found.end())
            return True
        elif found["inner"] or self._quoted > QUOTED:
            # A text with marks of its own: their closers close no thoughts.
            return self._enter(self._plain)
        else:
            place = self._at + found.start(), self._at + found.end()
            self.wrong = Reading(began=True, closes_at=place)
        return False

    def _in_channels(self) -> bool:
        said = self._channels.feed(self._take(len(self._held)), ended=self._ended)
        self._text.append(said[0])
        self._thoughts.append(said[1])
        return False

    def _plain(self) -> bool:
        self._text.append(self._held)
        self._held = ""
        return False

    # --- steps ----------------------------------------------------------------------------

    def _enter(self, state: Callable[[], bool]) -> bool:
        self._state = state
        self._quick = state in (self._watch, self._answer, self._plain)
        # Thoughts and answer have their code marks each for themselves.
        self._quoting, self._read, self._quoted = Quoting(), 0, 0
        self._unread = StringIO()
        return True

    def _find(
        self, mark: re.Pattern[str], *, mentioned: bool = False
    ) -> tuple[re.Match[str] | None, str]:
        """Return the next mark, and `meant`, `quoted`, or `waits` if more text has to decide.

        With `mentioned` one that opens nothing may also be a word of a sentence.
        """
        if not self._pair.words and not marks.may_mark(self._held):
            return None, ""
        found = mark.search(self._held)
        if found is None:
            return None, ""
        self._unread.write(self._held[self._read : found.start()])
        self._read_on()
        self._read = found.start()
        after = self._held[found.end() :]
        quoted = self._quoted <= QUOTED and self._quoting.quotes(after, ended=self._ended)
        if quoted is False and mentioned and not found.groupdict().get("inner"):
            quoted = self._quoting.mentions(after, ended=self._ended)
        if quoted is None:
            return found, "waits"
        if quoted:
            self._quoted += 1
            if self._quoting.in_block:
                self._loose = (self._at + found.start(), self._at + found.end())
        return found, "quoted" if quoted else "meant"

    def _read_on(self) -> None:
        """Read the text taken since the last call for code marks."""
        self._quoting.read(self._unread.getvalue())
        self._unread = StringIO()

    def _take(self, size: int) -> str:
        piece, self._held = self._held[:size], self._held[size:]
        self._at += len(piece)
        if unread := piece[self._read :]:
            self._unread.write(unread)
        self._read = max(self._read - len(piece), 0)
        return piece

    def _say(self, size: int) -> None:
        self._text.append(self._take(size))

    def _think_on(self, size: int, *, blanks: bool = False) -> None:
        """Take thoughts, without blanks at their end unless the stream goes on after them."""
        if not (blanks or self._ended):
            size = len(self._held[:size].rstrip())
        if not size:
            return
        if not self._thought:
            self._thought = True
            self._passages += 1
            if self._passages > 1:
                self._thoughts.append("\n\n")
        self._thoughts.append(self._take(size))

    def _skip_blanks(self) -> bool:
        """Leave out blanks before the first thought; False where there is nothing else."""
        if not self._thought:
            self._take(len(self._held) - len(self._held.lstrip()))
        return bool(self._held)

    def _unclosed(self) -> Reading | None:
        """Return another reading for thoughts that were never closed, or None to keep this one."""
        self._read_on()
        if self._loose is not None and self._quoting.in_block:
            # The block of code was never closed either.
            return replace(self._reading, closes_at=self._loose)
        if self._other is not None and self._passages == 1:
            return replace(self._reading, closes_at=self._other)
        used = self._reading.blocks - self._blocks
        if self._passages > 1 and used:
            return replace(self._reading, blocks=used - 1)
        return None if self._pair.certain else Reading(plain=True)
