"""Reasons for which somebody other than the upstream ends an attempt."""

from enum import Enum


class Cut(Enum):
    """The reason for which somebody other than the upstream ends an attempt."""

    STOP = "stop"
    DRAIN = "drain"
    """Hand it over: put back to `queued` by the drain."""
    LOST = "lost"
    """The row belongs to somebody else, or is gone: write and publish nothing more."""
