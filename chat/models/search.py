"""Searching one's own conversations: every word in the title, or in one message.

Only the user's own rows are read, the newest of them, each once; the database ends it after two
seconds. An index of its own would find more and sooner: this reads all texts.
"""

from __future__ import annotations

import re
import string
import unicodedata
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import BooleanField, F, Func, Q, Value

from chat.database import waiting
from chat.database.folding import fold
from chat.models.conversations import ConversationQuerySet

WORDS = 8
NEWEST = 20_000
"""Up to so many messages and titles are read through, those that changed last."""
SECONDS = 2.0

LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

FOUND = """
SELECT conversation_id FROM (
    SELECT conversation_id, {said} AS said FROM (
        SELECT conversation_id, text FROM chat_message
        WHERE user_id = %s ORDER BY seq DESC LIMIT {newest}
    ) AS newest OFFSET 0
) AS message WHERE {matches}
UNION
SELECT id FROM (
    SELECT id, {titled} AS said FROM (
        SELECT id, title FROM chat_conversation
        WHERE owner_id = %s ORDER BY updated DESC, id DESC LIMIT {newest}
    ) AS newest OFFSET 0
) AS conversation WHERE {matches}
LIMIT {newest}
"""


def search(rows: ConversationQuerySet, user_id: int, text: str) -> ConversationQuerySet:
    """This user's conversations in which all words of `text` occur.

    Without case, and within longer words, too; on SQLite also without accents. Raises
    `OperationalError` where it takes too long.
    """
    words = text.split()[:WORDS]
    return rows.filter(pk__in=_found(user_id, words)) if words else rows


def contains(field: str, word: str) -> Q:
    """A word in a field of any rows, for searches in the admin.

    SQLite knows the case of ASCII only, and does that quicker than we do the rest.
    """
    if not settings.SQLITE or word.isascii():
        return Q(**{f"{field}__icontains": word})
    found = Func(F(field), Value(fold(word)), function="CONTAINS", output_field=BooleanField())
    return Q(found)


def _found(user_id: int, words: list[str]) -> list[int]:
    """The conversations, in no order."""
    if settings.SQLITE:
        said, titled, matches = "text", "title", "CONTAINS(said, %s)"
        wanted: list[Any] = [" ".join(str(fold(word)) for word in words)]
        query = FOUND.replace("OFFSET 0", "LIMIT -1 OFFSET 0")
    else:
        said, titled = "lower(text)", "lower(title)"
        matches = " AND ".join(["said LIKE ANY(%s)"] * len(words))
        wanted = [[f"%{_escaped(one)}%" for one in spellings(word)] for word in words]
        query = FOUND
    query = query.format(said=said, titled=titled, matches=matches, newest=NEWEST)
    values = [user_id, *wanted, user_id, *wanted]
    if settings.SQLITE:
        return _ids(query, values)
    with transaction.atomic():
        with connection.cursor() as cursor:
            limit = str(int(_seconds() * 1000))
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [limit])
        return _ids(query, values)


def _seconds() -> float:
    work = waiting.current()
    return min(SECONDS, work.left()) if work is not None else SECONDS


def _ids(query: str, values: list[Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return [pk for (pk,) in cursor.fetchall()]


def spellings(word: str) -> list[str]:
    """Forms of this word after Postgres' `lower`, which may know ASCII alone."""
    if word.isascii():
        return [word.lower()]
    cases = {word, word.lower(), word.upper(), word.capitalize(), word.casefold()}
    cases |= {one.replace("ss", "ß") for one in cases}
    forms = {unicodedata.normalize(form, one) for one in cases for form in ("NFC", "NFD")}
    return sorted({one.translate(LOWER) for one in forms})


def _escaped(word: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", word)
