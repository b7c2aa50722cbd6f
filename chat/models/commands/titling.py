"""Titles of new conversations by a model: which ones are to have one, and storing it.

A conversation is titled after the end of its first complete reply, while its title is still made of
the first words. A try that comes to nothing is made again after the next reply, in a young
conversation only, so that no endpoint is asked for long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Left

from chat.models.changes import Counter, listener
from chat.models.conversations import Conversation, Source, TitleOrigin
from chat.models.messages import Message
from chat.models.reading.catalogue import EMBEDDED, Choice, choose
from chat.models.values.model_titles import EXCERPT
from chat.models.values.states import Role, Status
from chat.models.values.titles import UNTITLED, title_of

YOUNG = 6
"""Messages of a conversation that may still be titled: three exchanges, or tries at the first."""

TEXTS = ("text", "reasoning", "error_detail", "parent__text", "parent__reasoning",
         "parent__error_detail")  # fmt: skip
"""Columns that may be large."""


@dataclass(frozen=True)
class Untitled:
    """A conversation that is to have a title, with the exchange that says what it is about."""

    conversation: int
    user: int
    title: str = field(repr=False)
    """The title that is replaced."""
    choice: Choice = field(repr=False)
    """The model to be asked."""
    question: str = field(repr=False)
    answer: str = field(repr=False)


def ask_for_title(chat: Conversation, reply: Message) -> None:
    """Have a title made after the current transaction, if this reply's end calls for one.

    With Postgres by a job that this transaction stores, with SQLite by a call in this process.
    """
    if reply.status != Status.COMPLETE or not reply.text or not _may_have_one(chat, reply.endpoint):
        return
    if not settings.SQLITE:
        leave_titles([reply.pk])
    elif listener.untitled is not None:
        transaction.on_commit(partial(listener.untitled, reply.pk))


def leave_titles(replies: Sequence[int]) -> None:
    """Have these titles made by whichever process comes to it; Postgres only."""
    from chat.models.attempting.jobs import defer_titles

    defer_titles(replies)


def _may_have_one(chat: Conversation, endpoint: str) -> bool:
    """True while its title is of first words, and a model may be asked. No query.

    The embedded model makes no good titles, and nothing of its conversations leaves the machine.
    """
    return (
        settings.TITLES == "model"
        and endpoint != EMBEDDED
        and chat.title_origin == TitleOrigin.WORDS
        and chat.source == Source.CHAT
        and chat.message_count <= YOUNG
        and not chat.temporary
        and chat.deleted_at is None
    )


def untitled(reply: int) -> Untitled | None:
    """The conversation of this reply, if it is still to have a title."""
    rows = Message.objects.filter(pk=reply, role=Role.ASSISTANT, status=Status.COMPLETE)
    rows = rows.exclude(text="").select_related("conversation", "parent").defer(*TEXTS)
    said = {"question": Left("parent__text", EXCERPT), "answer": Left("text", EXCERPT)}
    row: Any = rows.annotate(**said).first()
    if row is None or row.parent is None or not _may_have_one(row.conversation, row.endpoint):
        return None
    chat = row.conversation
    # Names that were given before their origin was stored are the owner's.
    first = row.question if row.parent.parent_id is None else _first_words(chat)
    if chat.title not in (title_of(first), UNTITLED):
        return None
    model = settings.TITLE_MODEL
    choice = choose(model, None) if model else choose(row.model, row.user_id)
    return Untitled(chat.pk, row.user_id, chat.title, choice, row.question, row.answer)


def _first_words(chat: Conversation) -> str:
    rows = chat.messages.filter(parent=None).order_by("pk")
    return rows.annotate(begin=Left("text", EXCERPT)).values_list("begin", flat=True)[0]


def store_title(wanted: Untitled, title: str) -> bool | None:
    """Give the conversation this title, unless it has another one by now; True if it was stored.

    None where others have the owner's lock: a title waits for nobody, and can be stored later.
    """
    with Counter.objects.held_if_free(wanted.user) as counter:
        if counter is None:
            return None
        rows = Conversation.objects.for_user(wanted.user).listed().with_leaf()
        chat = rows.filter(
            pk=wanted.conversation, title=wanted.title, title_origin=TitleOrigin.WORDS
        ).first()
        if chat is None:
            return False
        chat.title, chat.title_origin = title, TitleOrigin.MODEL
        chat.touch(counter, "title", "title_words", "title_origin")
        return True
