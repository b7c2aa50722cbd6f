"""Searching one's own conversations: every word in the title, or in one message."""

from __future__ import annotations

from functools import reduce
from operator import and_

from django.db.models import Q

from chat.models.conversations import ConversationQuerySet
from chat.models.messages import Message

WORDS = 8
NEWEST = 20_000
"""Up to so many messages are read through, those that changed last: that bounds what it takes."""


def search(rows: ConversationQuerySet, user_id: int, text: str) -> ConversationQuerySet:
    """Those of this user's conversations in which all words of `text` occur.

    Without case where the database knows it (SQLite: in ASCII), and within longer words, too.
    """
    words = text.split()[:WORDS]
    if not words:
        return rows
    newest = Message.objects.filter(user_id=user_id).order_by("-seq").values("pk")[:NEWEST]
    said = Message.objects.filter(_all("text", words), pk__in=newest).values("conversation")
    return rows.filter(_all("title", words) | Q(pk__in=said))


def _all(field: str, words: list[str]) -> Q:
    return reduce(and_, (Q(**{f"{field}__icontains": word}) for word in words))
