"""Titles and names as clients give them, tidied in one way."""

from __future__ import annotations

from chat import protocol
from chat.api.problems import ApiProblem
from chat.sentence import Sentence

EMPTY = {
    "title": Sentence("The title is empty."),
    "name": Sentence("The name is empty."),
}


def on_one_line(text: str, field: str) -> str:
    """The text on one line, and nothing in it that a database refuses; it must not be empty."""
    tidy = " ".join(protocol.clean(text).split())
    if not tidy:
        raise ApiProblem(422, "bad_field", EMPTY[field], field=field)
    return tidy
