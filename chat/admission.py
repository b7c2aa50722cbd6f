"""Limits of requests per minute, and places for sockets and streams."""

from __future__ import annotations

import time
from collections import deque

from django.conf import settings

from chat import sessions
from chat.flow_control import Allowances
from chat.protocol import BadFrame
from chat.replies import process
from chat.sentence import Sentence

LATER_SECONDS = 5
"""After so long a client without a place should ask again."""
PLACE_SECONDS = 5.0
"""Time for which a place is kept for a stream that was admitted."""

_tokens_allowances = Allowances()


def ration(user_id: int, token: int | None = None) -> None:
    """Count one more request that changes something; raises `BadFrame` beyond the allowance.

    Together with the frames on the user's sockets; a token has an allowance of its own.
    """
    if token is None:
        spent, name = process.rations.take(user_id), "FRAMES_PER_MINUTE"
    else:
        name = "CALLS_PER_MINUTE_PER_TOKEN"
        allowance = _tokens_allowances.of(token, settings.CALLS_PER_MINUTE_PER_TOKEN)
        spent = None if allowance.take() else allowance
    if spent:
        raise BadFrame(
            "rate_limited",
            Sentence(
                "More than {per_minute} requests in a minute ({name}).",
                per_minute=spent.per_minute,
                name=name,
            ),
            retry_after=spent.retry_after(),
        )


type Holder = tuple[int, int | None]
"""The holder of places: a user, or one of the user's tokens."""

_kept: dict[Holder, deque[float]] = {}
"""Ends of the places kept for streams that were admitted and have not begun."""


def admit(login: sessions.Login) -> None:
    """Keep a place for one more stream of this login; raises `BadFrame` where there is none.

    A token has as many as replies of it may run and wait; a session shares its user's with
    sockets. The place is taken when the stream begins. A caller that needs no
    stream after all gives it back.
    """
    if process.draining:
        raise BadFrame("draining", Sentence("The server is restarting. Try again."), retry_after=1)
    if is_full(login, kept=_places_kept(_holder(login))):
        message = Sentence(
            "At most {count} sockets and streams at once (SOCKETS_PER_USER).",
            count=settings.SOCKETS_PER_USER,
        )
        if login.token is not None:
            message = Sentence(
                "At most {count} streams of a token at once (RUNNING_REPLIES_PER_TOKEN and "
                "QUEUED_REPLIES_PER_TOKEN).",
                count=login.places,
            )
        raise BadFrame("too_many", message, retry_after=LATER_SECONDS)
    _kept.setdefault(_holder(login), deque()).append(time.monotonic() + PLACE_SECONDS)


def give_back(login: sessions.Login) -> None:
    """Give back a place that was kept."""
    if _places_kept(_holder(login)):
        _kept[_holder(login)].popleft()


def is_full(login: sessions.Login, kept: int = 0) -> bool:
    """True if this login has all its places taken, `kept` ones included."""
    places = settings.SOCKETS_PER_USER if login.token is None else login.places
    return bool(process.places_taken(login) + kept >= places)


def _holder(login: sessions.Login) -> Holder:
    return login.user_id, login.token


def _places_kept(holder: Holder) -> int:
    """Count kept places; those of clients that left before their stream are dropped in time."""
    places = _kept.get(holder)
    while places and places[0] <= time.monotonic():
        places.popleft()
    if not places:
        _kept.pop(holder, None)
    return len(places or ())
