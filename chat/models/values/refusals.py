"""Refusals of the models: a request that cannot be carried out, and why."""

from __future__ import annotations


class IdReused(Exception):
    """The same client id came with another body."""


class NotAllowed(Exception):
    """The state of the object does not allow it; the text says why."""


class TooMany(Exception):
    """The user has as many of them as one may; the text says how many."""


class NoModel(Exception):
    """No such model is offered; the text has the remedy."""
