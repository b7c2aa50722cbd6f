"""Filling of the search index from the rows: in the background, or at once by `rebuild_search`.

Goes from the newest message back, a few at a time; the state says how far. Each step can be
repeated, in any process, while messages are sent and deleted.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import BooleanField, Case, Exists, Max, OuterRef, Q, Value, When
from django.db.models.functions import Length

from chat.models.changes import Counter
from chat.models.conversations import Conversation, Source
from chat.models.messages import Message
from chat.models.search_index import MessageWords, entry, remove, write
from chat.models.search_state import ERASES_AT_ONCE, ONLY, SearchState
from chat.models.values.states import Role
from chat.models.values.title_words import title_words

MESSAGES = 200
TITLES = 500
LENGTH = 500_000
"""Code points of text that a step reads; one message more, where it is larger."""

PAGES = 100
"""Pages of SQLite's file that a step of erasing writes."""

DONE = 0


def state() -> SearchState:
    """The state as it is stored now."""
    row, _ = SearchState._base_manager.get_or_create(pk=ONLY)
    assert isinstance(row, SearchState)
    return row


def is_filled() -> bool:
    """True if all messages and titles are in the index."""
    return state().below == DONE


def begin_again() -> None:
    """Fill anew, from the newest message on; what is there is replaced."""
    SearchState._base_manager.update_or_create(pk=ONLY, defaults={"below": None})


def fill(messages: int = MESSAGES) -> bool:
    """One step; False if the index is filled, or somebody else is at it."""
    below = state().below
    if below == DONE:
        return False
    if below is None:
        if fill_titles():
            return True
        newest = Message.objects.aggregate(newest=Max("pk"))["newest"] or DONE
        return _advance(None, newest + 1)
    found = _messages(below, messages)
    if not found:
        return _advance(below, DONE)
    lowest = found[-1][0]
    wanted = [pk for pk, _, answered in found if answered]
    rows = Message.objects.filter(pk__in=wanted).order_by("pk")
    values = list(rows.values_list("pk", "user_id", "seq", "text"))
    entries = [entry(pk, user, text) for pk, user, _, text in values]  # before others wait for it
    seqs = {pk: seq for pk, _, seq, _ in values}
    with transaction.atomic():
        if not _locked(below, {user for _, user, _, _ in values}):
            return False
        # One that was changed meanwhile is indexed by that change.
        known = dict(rows.values_list("pk", "seq"))
        write(one for one in entries if known.get(one.message) == seqs[one.message])
        _remove_strangers(lowest, below, {pk for pk, *_ in found})
        SearchState._base_manager.filter(pk=ONLY).update(below=lowest)
    return True


def forget_titles() -> None:
    """Have the words of all titles made anew."""
    at = 2**62
    while keys := list(
        Conversation.objects.filter(pk__lt=at).order_by("-pk").values_list("pk", flat=True)[:TITLES]
    ):
        at = keys[-1]
        Conversation.objects.filter(pk__in=keys).update(title_words="")


def fill_titles() -> bool:
    """Make the words of some titles that have none; False if all have them."""
    rows = Conversation.objects.filter(title_words="").order_by("-pk")
    found = list(rows.values_list("pk", "title")[:TITLES])
    with transaction.atomic():
        for pk, title in found:
            Conversation.objects.filter(pk=pk, title=title).update(title_words=title_words(title))
    return len(found) == TITLES


def _messages(below: int, most: int) -> list[tuple[int, int, bool]]:
    """Key, length and whether it belongs into the index, of the next messages: newest first."""
    ended = Message.objects.filter(parent=OuterRef("pk"), ended__isnull=False)
    belongs = Q(role=Role.ASSISTANT, ended__isnull=False) | Q(Q(role=Role.USER), Exists(ended))
    belongs |= Q(copied=True)
    rows = Message.objects.filter(pk__lt=below).order_by("-pk")
    answered: Any = Case(
        When(Q(conversation__source=Source.PASSING), then=Value(False)),
        When(belongs, then=Value(True)),
        default=Value(False),
        output_field=BooleanField(),
    )
    room = LENGTH
    found: list[tuple[int, int, bool]] = []
    for pk, size, does in rows.values_list("pk", Length("text"), answered)[:most]:
        if found and size > room:
            break
        room -= size
        found.append((pk, size, does))
    return found


def _advance(before: int | None, to: int) -> bool:
    with transaction.atomic():
        if not _locked(before, set()):
            return False
        SearchState._base_manager.filter(pk=ONLY).update(below=to)
    return to != DONE


def _locked(below: int | None, users: set[int]) -> bool:
    """Lock the state, if it is as it was, and then these users' rows; False where it cannot be.

    Nobody deletes messages without the lock of their user's counter.
    """
    rows = SearchState._base_manager.select_for_update(skip_locked=True)
    if rows.filter(pk=ONLY, below=below).first() is None:
        return False
    if settings.SQLITE:
        return True
    counters = Counter.objects.filter(user__in=users).order_by("user_id")
    locked = counters.select_for_update(no_key=True, skip_locked=True)
    return len(locked.values_list("pk")) == len(counters.values_list("pk"))


def _remove_strangers(first: int, below: int, messages: set[int]) -> None:
    """Delete words between these keys that belong to no message."""
    known = MessageWords._base_manager.filter(pk__gte=first, pk__lt=below)
    remove([pk for pk in known.values_list("pk", flat=True) if pk not in messages])


# --- erasing ------------------------------------------------------------------------------


def prepare_file() -> None:
    """Have FTS5 erase deleted words, where it can; mend an index that it cannot read any more.

    An index that was written with this option cannot be read by FTS5 before 3.42.
    """
    if not settings.SQLITE:
        return
    if ERASES_AT_ONCE:
        _order("secure-delete", 1)
        return
    with transaction.atomic(), connection.cursor() as cursor:
        try:
            cursor.execute("SELECT rowid FROM chat_messagewords WHERE chat_messagewords MATCH 'x'")
        except DatabaseError as problem:
            if "file format" not in str(problem):
                raise
            cursor.execute("UPDATE chat_messagewords_config SET v = 4 WHERE k = 'version'")
            cursor.execute("INSERT INTO chat_messagewords (chat_messagewords) VALUES ('rebuild')")


class Erasing:
    """Merges the index of an older FTS5 until no deleted word is in it, step by step."""

    def __init__(self) -> None:
        self._upto: int | None = None
        """Deletions when it was begun; None before."""

    def step(self) -> bool:
        """False if there is nothing to do any more."""
        if not settings.SQLITE or ERASES_AT_ONCE:
            return False
        if self._upto is None:
            row = state()
            if row.deletions == row.erased:
                return False
            self._upto = row.deletions
            _order("merge", -PAGES)  # of all segments, one
            return True
        if _order("merge", PAGES):
            return True
        SearchState._base_manager.filter(pk=ONLY).update(erased=self._upto)
        self._upto = None
        return False


def _order(command: str, value: int) -> bool:
    """One of FTS5's commands; True if it has changed something."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT total_changes()")
        (before,) = cursor.fetchone()
        cursor.execute(
            "INSERT INTO chat_messagewords (chat_messagewords, rank) VALUES (%s, %s)",
            [command, value],
        )
        cursor.execute("SELECT total_changes()")
        (after,) = cursor.fetchone()
    return bool(after - before >= 2)  # FTS5's own sign that there was something to merge
