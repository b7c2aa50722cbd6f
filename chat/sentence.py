"""Sentences for people that remember their English wording, so that they can be translated later.

`make messages` finds the literals among the arguments.
"""

from __future__ import annotations

from typing import Any


class Sentence(str):
    """English text for rows and logs; `languages.translated` says it in the reader's language.

    The wording has names in braces for the values. A value may be a sentence, too. Raises
    `KeyError` for a name without a value.
    """

    __slots__ = ("plural", "values", "wording")

    wording: str
    values: dict[str, Any]
    plural: str | None
    """The wording for other counts than 1; the count is the value `count`."""

    def __new__(cls, wording: str, /, **values: Any) -> Sentence:
        return _made(cls, wording, None, values)

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (type(self), self.wording, self.plural, self.values)


def counted(one: str, many: str, count: int, /, **values: Any) -> Sentence:
    """The sentence for a count, which is `{count}` in it."""
    return _made(Sentence, one, many, {"count": count, **values})


def wording(text: str) -> str:
    """Mark a wording that becomes a sentence elsewhere."""
    return text


def _made(
    kind: type[Sentence], wording: str, plural: str | None, values: dict[str, Any]
) -> Sentence:
    chosen = wording if plural is None or values["count"] == 1 else plural
    made = str.__new__(kind, chosen.format(**values) if values else chosen)
    made.wording, made.plural, made.values = wording, plural, values
    return made
