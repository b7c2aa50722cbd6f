"""The tags and channel marks by which models separate thoughts from their answer. No I/O.

Tags: `<think>` (DeepSeek, Qwen, GLM, MiniMax, Phi, Granite), `<thinking>`, `<thought>` (EXAONE,
Gemini, Marco), `<reasoning>`, `<seed:think>` (Seed), `<longcat_think>`, `<scratchpad>`; in any
case of letters, with attributes. Marks: `[THINK]` (Mistral), `◁think▷` (Kimi),
`<|begin_of_thought|>` (OpenThinker), `<|START_THINKING|>` (Cohere), `<|inner_prefix|>` (Apertus),
`<|think|>` (Solar), `<|channel>thought` (Gemma), `<unused94>thought` (MedGemma),
`<|channel|>analysis<|message|>` (gpt-oss), and Granite's sentences. Marks around an answer:
Cohere's, OpenThinker's, Solar's, and `<|begin_of_box|>` (GLM).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_FLAGS = re.IGNORECASE | re.ASCII
_WORD = r"(?:think(?:ing)?|thoughts?|reason(?:ing)?)"
_NAME = rf"(?:[a-z][\w.-]{{0,24}}?[:_]|ant)?(?:{_WORD}|scratchpad|monologue)"
_ATTRIBUTES = r"(?:\s[^<>\[◁]{0,160}?)?"
_BAR = "[|\N{FULLWIDTH VERTICAL LINE}]"
_GAP = "[_\N{LOWER ONE EIGHTH BLOCK}]"
_SPECIAL_OPEN = (
    rf"<{_BAR}(?:(?:begin|start){_GAP}(?:of{_GAP})?)?{_WORD}(?:{_GAP}(?:start|begin))?{_BAR}>"
    rf"|<{_BAR}inner_prefix{_BAR}>"
)
_SPECIAL_CLOSE = (
    rf"<{_BAR}(?:/|end{_GAP}(?:of{_GAP})?){_WORD}{_BAR}>|<{_BAR}{_WORD}{_GAP}end{_BAR}>"
    rf"|<{_BAR}inner_suffix{_BAR}>"
)
_FINAL = (
    r"(?:<\|end\|>\s{0,8})?(?:<\|start\|>\s{0,8}assistant\s{0,8})?"
    r"<\|channel\|>\s{0,4}final\s{0,4}<\|message\|>"
)

_OPENERS = re.compile(
    rf"<(?P<name>{_NAME}){_ATTRIBUTES}(?P<empty>/)?>|(?P<square>\[{_WORD}\])|(?P<kimi>◁{_WORD}▷)"
    rf"|(?P<special>{_SPECIAL_OPEN})"
    r"|(?P<unused><unused94>\s{0,4}thought\b)|(?P<gemma><\|channel>\s*(?:thought|analysis)\b)"
    r"|(?P<granite>(?:Here's|Here\ is)\ my\ thought\ process:)"
    r"|(?P<bare>(?-i:analysis(?=[A-Z\"'])))",
    _FLAGS,
)
_CLOSERS = {
    "square": rf"\[/{_WORD}\]",
    "kimi": rf"◁/{_WORD}▷",
    "special": rf"{_SPECIAL_CLOSE}|<\|end\|>",
    "gemma": r"<channel\|>",
    "unused": "<unused95>",
    "granite": r"(?:Here's|Here is) my response:",
    "bare": r"(?-i:assistant(?:commentary)?(?:assistant)?final)",
}
_WORDS = {
    "granite": ("Here's my response:", "Here is my response:"),
    "bare": ("assistantfinal", "assistantcommentaryassistantfinal"),
}
_ANY_TAG = rf"</\s?{_NAME}\s{{0,4}}>"
_TAG = re.compile(rf"</\s?(?P<closed>{_NAME})\s{{0,4}}>", _FLAGS)

CHANNEL = re.compile(r"<\|(?:start|channel)\|>")
"""The beginning of an answer in gpt-oss' channels."""

LONE = re.compile(
    "|".join(
        [
            _ANY_TAG,
            _SPECIAL_CLOSE,
            *(_CLOSERS[kind] for kind in ("square", "kimi", "gemma", "unused")),
            _FINAL,
        ]
    ),
    _FLAGS,
)
"""The ends of thoughts that are recognised even where nothing has opened them."""

INNER = re.compile(rf"<{_NAME}{_ATTRIBUTES}>|\[{_WORD}\]|◁{_WORD}▷|{_SPECIAL_OPEN}", _FLAGS)
"""Marks that open thoughts, anywhere in a text."""

ANSWER = re.compile(
    rf"<{_BAR}(?:start_response|start_text|begin_of_solution){_BAR}>"
    r"|(?:<\|begin\|>\s{0,4}assistant\s{0,4})?<\|content\|>",
    _FLAGS,
)
ANSWERED = re.compile(
    rf"<{_BAR}(?:end_response|end_text|end_of_solution|return|(?:begin|end)_of_box){_BAR}>", _FLAGS
)
"""Marks of some models after the answer that follows their thoughts, or around its core."""

LAST = "<|end|>"
"""The mark that may be left at the end of such an answer."""

_SENTENCES = ("Here's my thought process:", "Here is my thought process:")
_PARTIAL = re.compile(
    rf"(?:<(?:[a-z][\w.:-]{{0,40}}/?)?|</\s?(?:[a-z][\w.:-]{{0,40}}\s{{0,4}})?"
    rf"|<{_NAME}\s[^<>\[◁]{{0,160}}|<{_BAR}[^\n<]{{0,40}}"
    rf"|<\|begin\|>[^\n]{{0,40}}|<\|end\|>\s{{0,8}}(?:<(?:\|[^\n]{{0,60}})?)?|<\|start\|>[^\n]{{0,60}}|<\|channel\|>[^\n<]{{0,12}}"
    r"(?:<\|?[a-z]{0,8}\|?)?|<\|channel>\s{0,4}[a-z]{0,9}|<channel\|?|<unused94>\s{0,4}[a-z]{0,7}|\[/?[a-z]{0,9}|◁/?[a-z]{0,9})\Z",
    _FLAGS,
)
_WINDOW = 260


@dataclass(frozen=True)
class Pair:
    """A mark that opens thoughts, and the one that closes them."""

    closer: re.Pattern[str]
    words: tuple[str, ...] = ()
    """The closers that are no tags: their beginnings are held back, too, at the end of a piece."""
    certain: bool = True
    """True if they are thoughts even where they are never closed."""
    empty: bool = False
    """True if the opener has closed itself."""
    name: str = ""
    """The name of the tag; others may close it where nothing of this name does."""


@lru_cache(maxsize=64)
def _pair(kind: str, name: str, empty: bool, certain: bool) -> Pair:
    if kind == "name":
        return Pair(_TAG, empty=empty, name=name)
    return Pair(re.compile(_CLOSERS[kind], _FLAGS), _WORDS.get(kind, ()), certain)


BEGAN = Pair(LONE, certain=False)
"""The pair of thoughts that the chat template has opened."""


def opener(text: str) -> tuple[Pair, int] | None:
    """Return the mark that opens thoughts at the start of this text, and its length."""
    found = _OPENERS.match(text)
    if found is None:
        return None
    kind = found.lastgroup if found.lastgroup != "empty" else "name"
    assert kind is not None
    # Words in square brackets may be a stage direction; Mistral's mark has capitals.
    certain = kind not in ("granite", "bare") and (kind != "square" or found[0].isupper())
    name = (found["name"] or "").lower()
    return _pair(kind, name, found["empty"] is not None, certain), found.end()


def may_open(text: str) -> bool:
    """True if more text can make this beginning one that opens thoughts."""
    if any(whole.startswith(text) for whole in (*_SENTENCES, "analysis")):
        return True
    return _PARTIAL.match(text) is not None


_HINT = re.compile(r"<(?:[a-z/|\N{FULLWIDTH VERTICAL LINE}]|\Z)|\[/?(?:[tr]|\Z)|◁", _FLAGS)


def may_mark(text: str) -> bool:
    """True if a tag or mark begins in a text, or its end may become one."""
    if "<" in text or "[" in text or "◁" in text:
        return _HINT.search(text) is not None
    return False


def hold(text: str, words: tuple[str, ...] = ()) -> int:
    """Return the start of the part at the end that the next piece may turn into a mark."""
    start = max(len(text) - _WINDOW, 0)
    at = len(text)
    if may_mark(text[start:]):
        found = _PARTIAL.search(text, start)
        at = found.start() if found else at
    for word in words:
        sizes = range(min(len(word), len(text)), 0, -1)
        size = next((size for size in sizes if text.endswith(word[:size])), 0)
        at = min(at, len(text) - size)
    return at
