"""Sentences of errors that several parts give."""

BROKEN = "Something went wrong on this server."
NOTHING_HERE = "This does not exist, or you have no access to it."
"""The same for an unknown id and for somebody else's."""
NO_REPLY = "There is no such reply."
NOT_JSON = "This is not valid JSON."
NOT_TEXT = "This is not valid text."
