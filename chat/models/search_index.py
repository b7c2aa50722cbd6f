"""The search index: the words of each message that was answered, and of its reply.

On SQLite a table of FTS5, on Postgres one with a `tsvector`; both are keyed by the message, and
written by the code that ends a reply, once for both messages. Words are rows that belong to a
message, so that a deletion of messages takes them along. The words of a title are in the row of its
conversation (`title_words.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import batched
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, models

from chat.database.words import words
from chat.models.conversations import Conversation, Source
from chat.models.messages import Message
from chat.models.search_state import Hidden

ROWS_AT_ONCE = 100

POSITIONS = 16_382
"""Postgres counts places in a text no further: they begin anew, and neighbours stay neighbours."""
PLACES_OF_A_WORD = 255
VECTOR_BYTES = 900_000
"""A `tsvector` has a mebibyte at most; further words of a text are left out."""

WRITE = (
    "INSERT OR REPLACE INTO chat_messagewords (rowid, owner, words) VALUES {rows}"
    if settings.SQLITE
    else "INSERT INTO chat_messagewords (rowid, owner, words) VALUES {rows}"
    " ON CONFLICT (rowid) DO UPDATE SET words = excluded.words"
)
ROW = "(%s, %s, %s)" if settings.SQLITE else "(%s, %s, %s::tsvector)"


class IndexEntry(NamedTuple):
    """The words of one message."""

    message: int
    user: int
    words: str
    """As the database takes them."""


class MessageWords(models.Model):
    """The words of a message. Known to Django by its key alone, for deletions."""

    message = models.OneToOneField(
        Message,
        on_delete=models.CASCADE,
        primary_key=True,
        db_column="rowid",  # FTS5 has no other key
        db_constraint=False,
        related_name="+",
    )

    objects = Hidden()

    def __str__(self) -> str:
        return f"words of message {self.pk}"


def entry(message: int, user: int, text: str) -> IndexEntry:
    """The words of this text; takes a tenth of a second for the longest ones."""
    found = words(text)
    return IndexEntry(message, user, " ".join(found) if settings.SQLITE else vector(found))


def exchange(reply: Message, text: str) -> list[IndexEntry]:
    """The words of a user's message, and of the text with which its reply ends."""
    asked = reply.parent
    answer = entry(reply.pk, reply.user_id, text)
    return [answer] if asked is None else [entry(asked.pk, asked.user_id, asked.text), answer]


def index_exchange(conversation: Conversation, entries: Iterable[IndexEntry]) -> None:
    """Store these, unless the conversation is one that is not to be stored."""
    if conversation.source != Source.PASSING:
        write(entries)


def write(entries: Iterable[IndexEntry]) -> None:
    """Store words in place of earlier ones, in one statement for up to a hundred messages.

    By ascending keys, as FTS5 writes out what it has with each step back.
    """
    with connection.cursor() as cursor:
        for some in batched(entries, ROWS_AT_ONCE, strict=False):
            values = [value for one in some for value in (one.message, owner(one.user), one.words)]
            cursor.execute(WRITE.format(rows=", ".join([ROW] * len(some))), values)


def owner(user: int) -> int | str:
    """The user as the index has them: FTS5 finds them as a word."""
    return f"u{user}" if settings.SQLITE else user


def copy(conversation: int, source: str, values: Sequence[Any]) -> None:
    """Give copied messages the words of those that they were copied from.

    `source` is a query that begins with WITH, for `pairs` of the columns `old` and `new`. Words of
    messages that have none yet are made.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"{source} INSERT INTO chat_messagewords (rowid, owner, words)"  # noqa: S608
            " SELECT pairs.new, w.owner, w.words FROM pairs"
            " CROSS JOIN chat_messagewords w WHERE w.rowid = pairs.old ORDER BY pairs.new",
            values,
        )
    rows = Message.objects.filter(conversation=conversation)
    keys = list(rows.order_by("pk").values_list("pk", flat=True))
    known = MessageWords._base_manager.filter(pk__gte=keys[0], pk__lte=keys[-1])
    missing = set(keys).difference(known.values_list("pk", flat=True))
    if missing:
        texts = rows.order_by("pk").values_list("pk", "user_id", "text").iterator()
        write(entry(*values) for values in texts if values[0] in missing)


def remove(messages: Sequence[int]) -> None:
    """Delete the words of these messages."""
    MessageWords._base_manager.filter(pk__in=messages).delete()


def vector(found: Sequence[str]) -> str:
    """Words as the text of a `tsvector`, with their places."""
    places: dict[str, list[int]] = {}
    room = VECTOR_BYTES
    for number, word in enumerate(found):
        known = places.get(word)
        if known is None:
            room -= len(word.encode()) + 8
            known = places[word] = []
        if len(known) < PLACES_OF_A_WORD:
            known.append(number % POSITIONS + 1)
            room -= 2
        if room < 0:
            break
    return " ".join(f"'{word}':{','.join(map(str, at))}" for word, at in places.items())
