"""Sentences of errors that several parts give."""

from chat.sentence import Sentence

BROKEN = Sentence("Something went wrong on this server.")
NOTHING_HERE = Sentence("This does not exist, or you have no access to it.")
"""The same for an unknown id and for somebody else's."""
NO_REPLY = Sentence("There is no such reply.")
NOT_JSON = Sentence("This is not valid JSON.")
NOT_TEXT = Sentence("This is not valid text.")
