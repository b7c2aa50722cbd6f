"""The two texts of an answer, made from its chunks: joined, separated, cleaned. No I/O."""

from __future__ import annotations

from typing import NamedTuple

from chat.upstream.chunks import Chunk
from chat.upstream.deduplication import Deduplicator
from chat.upstream.flagged import Flagged
from chat.upstream.marks import may_mark
from chat.upstream.repeats import Repeats
from chat.upstream.thoughts import AS_IT_COMES, Reading, Router
from chat.upstream.tracks import Track


class Batch(NamedTuple):
    """Texts of one step, at least one of them not empty.

    With `replaces` they are all of the answer so far, in place of the texts before: text that was
    given has proved to be thoughts, or a repetition.
    """

    text: str
    reasoning: str
    replaces: bool = False

    def __repr__(self) -> str:
        return f"<Batch of {len(self.text)} and {len(self.reasoning)}>"


class Content:
    """Feed it chunks, take batches.

    With `marked` the text may have its thoughts between marks; with `began` it is taken to begin in
    them, as the same model's answers did before.
    """

    def __init__(self, *, marked: bool, began: bool) -> None:
        self.began: bool | None = None
        """True if the text began in its thoughts without a mark; None while that is unknown."""
        self._answered = self._thought = False
        self._marked, self._expected = marked, began and marked
        self._router: Router | None = None
        self._reading = AS_IT_COMES
        self._joined, self._joined_thoughts = Repeats(), Repeats()
        self._has_text = False
        self._ended = False
        """True after a finish reason without words: the whole text may come once more."""
        self._flagged: Flagged | None = None
        self._deduplicator = Deduplicator()
        self._text, self._reasoning = Track(), Track()
        self._replaces = False
        self._taken = False
        self._in_field = False
        self._ends_with_words = False
        self._flowing: list[str] = []
        self._flowing_thoughts: list[str] = []
        self._flows = self._thoughts_flow = False
        """True if any next piece is new, and can be looked at later."""

    @property
    def answered(self) -> bool:
        """True if there is any text of the answer."""
        self._settle()
        return self._answered

    @property
    def thought(self) -> bool:
        """True if there are any thoughts."""
        self._settle()
        return self._thought

    def flow(self, text: str, thoughts: str) -> bool:
        """Take in a piece amid others, to be looked at with them; False where it must be added."""
        if not thoughts:
            if self._flows:
                self._flowing.append(text)
            return self._flows
        if text or not self._thoughts_flow:
            return False
        self._flowing_thoughts.append(thoughts)
        return True

    def add(self, chunk: Chunk, *, ends: bool) -> bool:
        """Add the words of a chunk; True if it had any.

        `ends` says that the chunk carries a finish reason.
        """
        self._settle()
        text, thoughts = chunk.text, chunk.reasoning
        if thoughts:
            self._in_field = True
        elif chunk.details and not self._in_field:
            thoughts = chunk.details
        any_words = bool(text or thoughts)
        # Where every piece has a finish reason, it says nothing about any of them.
        last = (ends or self._ended) and not self._ends_with_words
        self._ended = ends and not any_words and self._has_text
        self._ends_with_words = self._ends_with_words or (ends and any_words)
        if text and (chunk.flagged or self._flagged is not None):
            text, more = self._take_flagged(text, flagged=chunk.flagged)
            thoughts += more
        if thoughts:
            self._think(self._joined_thoughts.join(thoughts, last=last, summary=chunk.summary))
        if text:
            self._has_text = True
            self._say(self._joined.join(text, last=last, summary=chunk.summary))
        self._look_ahead()
        return any_words

    def take(self, *, last: bool = False) -> Batch:
        """Return the new content since the last call; half a surrogate pair waits for the other."""
        if self._flowing or self._flowing_thoughts:
            self._settle()
        text, thoughts, replaces = self._text.take(last), self._reasoning.take(last), self._replaces
        if text or thoughts or replaces:
            self._taken, self._replaces = True, False
        return Batch(text, thoughts, replaces)

    def finish(self, *, orderly: bool) -> None:
        """End the content; without `orderly` it was cut off."""
        self._settle()
        self._flows = self._thoughts_flow = False
        if self._flagged is not None:
            text, thoughts = self._flagged.rest()
            if thoughts:
                self._think(self._joined_thoughts.join(thoughts))
            if text:
                self._say(self._joined.join(text))
        self._think(self._joined_thoughts.rest())
        self._say(self._joined.rest())
        while self._router is not None:
            router = self._router
            text, thoughts = router.finish(orderly=orderly)
            self._put(text, thoughts)
            if router.wrong is None:
                break
            self._read_again(router.wrong)

    # --- pieces that only go on ---------------------------------------------------------------

    def _look_ahead(self) -> None:
        """Note whether the next pieces will need a look each for itself."""
        routed = not self._marked or (self._router is not None and self._router.flows)
        self._flows = routed and self._joined.flows and self._flagged is None
        self._thoughts_flow = self._joined_thoughts.flows

    def _settle(self) -> None:
        """Look at the pieces that have flowed in since the last time, all together."""
        if thoughts := self._flowing_thoughts:
            words, count = _joined(thoughts)
            self._joined_thoughts.flow(words, count)
            self._put("", words)
        if pieces := self._flowing:
            words, count = _joined(pieces)
            self._joined.flow(words, count)
            if self._router is None:
                self._put(words, "")
            elif may_mark(words):
                self._route(words)
                self._look_ahead()
            else:
                # Nearly always: answer as it comes.
                self._router.flow(words)
                if words:
                    self._answered = True
                    self._text.add(words)

    # --- from here on: joined words --------------------------------------------------------

    def _take_flagged(self, text: str, *, flagged: bool) -> tuple[str, str]:
        """The text and the thoughts, where a flag calls some pieces of the content thoughts."""
        if self._flagged is None:
            self._flagged = Flagged()
        if flagged:
            return self._flagged.feed(text)
        said, thoughts = self._flagged.rest()
        self._flagged = None
        return said + text, thoughts

    def _think(self, words: str) -> None:
        if self._joined_thoughts.replaces:
            self._read_again(self._reading)
        elif words:
            self._put("", words)

    def _say(self, words: str) -> None:
        if self._joined.replaces:
            self._read_again(Reading(began=self._reading.began, beside=self._reading.beside))
        elif words and not self._marked:
            self._put(words, "")
        elif words:
            if self._router is None:
                # Thoughts that come in a field of their own do not begin the text as well.
                began = self._expected and not self._thought
                self._reading = Reading(began=began, beside=self._thought)
                self._router = Router(self._reading)
            self._route(words)

    def _route(self, words: str) -> None:
        assert self._router is not None
        text, thoughts = self._router.feed(words)
        self._put(text, thoughts, "marks")
        if self._router.wrong is not None:
            self._read_again(self._router.wrong)

    def _read_again(self, reading: Reading) -> None:
        """Read the answer again from its start in another way; replace the text already taken."""
        self._text, self._reasoning = Track(), Track()
        self._deduplicator = Deduplicator()
        self._answered = self._thought = False
        self._replaces = self._replaces or self._taken
        self._put("", self._joined_thoughts.whole())
        if not self._marked:
            self._put(self._joined.whole(), "")
            return
        if reading.closes_at is not None and reading.began:
            self.began = True
        elif reading.plain and self._reading.began:
            self.began = False
        self._reading = reading
        self._router = Router(reading)
        self._route(self._joined.whole())

    def _put(self, text: str, thoughts: str, way: str = "field") -> None:
        if text:
            self._answered = True
            self._text.add(text)
        if thoughts:
            self._thought = True
            if new := self._deduplicator.add(way, thoughts):
                self._reasoning.add(new)


def _joined(pieces: list[str]) -> tuple[str, int]:
    """The pieces as one, and how many they were; the list is emptied."""
    count = len(pieces)
    words = pieces[0] if count == 1 else "".join(pieces)
    pieces.clear()
    return words, count
