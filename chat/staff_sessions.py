"""Sessions in the database, of which those of staff end `STAFF_SESSION_HOURS` after the log-in.

An ordinary session lasts longer with each use. One of staff opens the admin, so it has an end that
no use moves. This is the `SESSION_ENGINE`; its rows are Django's, and so whatever looks at their
`expire_date` (pages, sockets, streams) sees the same end.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.http import HttpRequest
from django.utils import timezone

END = "_staff_session_ends"


class SessionStore(DatabaseSessionStore):
    """Django's, with the end that was set at the log-in."""

    def get_expiry_age(self, **kwargs: Any) -> int:
        return self._at_most(int(super().get_expiry_age(**kwargs)), self.get(END), **kwargs)

    async def aget_expiry_age(self, **kwargs: Any) -> int:
        age = int(await super().aget_expiry_age(**kwargs))
        return self._at_most(age, await self.aget(END), **kwargs)

    def get_expiry_date(self, **kwargs: Any) -> datetime:
        return self._not_after(super().get_expiry_date(**kwargs), self.get(END))

    async def aget_expiry_date(self, **kwargs: Any) -> datetime:
        return self._not_after(await super().aget_expiry_date(**kwargs), await self.aget(END))

    def _at_most(self, age: int, end: float | None, **kwargs: Any) -> int:
        if end is None:
            return age
        now: datetime = kwargs.get("modification") or timezone.now()
        return min(age, max(0, int(end - now.timestamp())))

    def _not_after(self, date: datetime, end: float | None) -> datetime:
        return date if end is None else min(date, datetime.fromtimestamp(end, UTC))


def limit_session(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    """Receiver of `user_logged_in`: sets the end of a session of staff."""
    if user.is_staff:
        hours = timedelta(hours=settings.STAFF_SESSION_HOURS)
        request.session[END] = (timezone.now() + hours).timestamp()
    else:
        request.session.pop(END, None)


def end_sessions(users: Iterable[Any]) -> None:
    """Log these users out wherever they are logged in."""
    from allauth.usersessions.models import UserSession
    from django.contrib.sessions.models import Session

    found = UserSession.objects.filter(user__in=[user.pk for user in users])
    keys = list(found.values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    found.delete()
