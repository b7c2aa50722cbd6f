"""Parts of a long conversation, each read at a cost that does not grow with the whole.

The shown path is followed upwards from its end by the messages' own keys; a transcript goes through
all messages by age.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Case, Q, Sum, When
from django.db.models.functions import Coalesce, Length

from chat.models.conversations import Conversation
from chat.models.messages import Message
from chat.models.reading.paths import newest_below, path_keys
from chat.models.reading.trees import FIELDS, Parent, Row, tree
from chat.models.values.states import Role

PAGE_LENGTH = 1_000_000
"""Code points of text after which a page ends, though there would be more messages in it."""
VERSIONS = 500
"""The most messages beside those of a page, the newest."""

VERSION_FIELDS = ("uid", "parent__uid", "role", "created", "seq", "status")


@dataclass
class Page:
    """Messages of one path, oldest first, with those beside them."""

    messages: list[Row]
    versions: list[dict[str, Any]] = field(default_factory=list)
    """Other messages with the same parents, and those that follow on the last: without texts."""
    earlier: UUID | None = None
    """The first of the page, where the path goes on above it."""
    last: UUID | None = None
    """The end of the page's path."""
    complete: bool = False
    """True if these are all messages of the conversation, on any path."""


def newest_page(conversation: Conversation, limit: int, through: UUID | None = None) -> Page:
    """The end of the shown path, or of the path through a message to the newest one below.

    A conversation that fits into one page is read whole. Raises `Message.DoesNotExist`.
    """
    at = conversation.leaf_id
    if through is not None:
        at = newest_below(conversation.messages.values_list("pk", flat=True).get(uid=through))
    if at is None:
        at = conversation.messages.order_by("-pk").values_list("pk", flat=True).first()
    if through is None and conversation.message_count <= limit and _fits(conversation):
        rows = tree(conversation)
        last = next((row.uid for row in rows if row.id == at), None)
        return Page(rows, last=last, complete=True)
    page = _page(conversation, at, limit, below=True)
    page.last = page.messages[-1].uid if page.messages else None
    return page


def earlier_page(conversation: Conversation, limit: int, before: UUID) -> Page:
    """The page before a message on its path. Raises `Message.DoesNotExist`."""
    message = conversation.messages.values_list("parent").get(uid=before)
    return _page(conversation, message[0], limit)


def _page(conversation: Conversation, leaf: int | None, limit: int, *, below: bool = False) -> Page:
    path = path_keys(leaf, limit)
    keys: list[int] = []
    room = PAGE_LENGTH
    for pk, _, size in path:
        if keys and size > room:
            break
        room -= size
        keys.append(pk)
    path = path[: len(keys)]
    rows = {row.id: row for row in _rows(keys)}
    messages = [rows[pk] for pk in reversed(keys) if pk in rows]
    return Page(
        messages,
        versions=_versions(conversation, path, below=below),
        earlier=messages[0].uid if messages and messages[0].parent_id else None,
    )


def _rows(keys: list[int]) -> list[Row]:
    found = []
    for values in Message.objects.filter(pk__in=keys).values(*FIELDS, "parent__uid"):
        row = Row(**values)
        row.parent = Parent(values["parent__uid"]) if values["parent__uid"] else None
        found.append(row)
    return found


def _versions(
    conversation: Conversation, path: list[tuple[int, int | None, int]], *, below: bool
) -> list[dict[str, Any]]:
    if not path:
        return []
    parents = {parent for _, parent, _ in path if parent is not None}
    if below:
        parents.add(path[0][0])
    beside = Q(parent__in=parents)
    if path[-1][1] is None:
        beside |= Q(conversation=conversation, parent=None)
    rows = Message.objects.filter(beside).exclude(pk__in=[pk for pk, _, _ in path])
    found = list(rows.order_by("-pk").values(*VERSION_FIELDS)[:VERSIONS])
    return found[::-1]


def _fits(conversation: Conversation) -> bool:
    """True if the texts of all messages fit into a page, too."""
    size = Case(
        When(role=Role.ASSISTANT, then=Coalesce("length", 0) + Coalesce("reasoning_length", 0)),
        default=Length("text"),
    )
    return (conversation.messages.aggregate(size=Sum(size))["size"] or 0) <= PAGE_LENGTH
