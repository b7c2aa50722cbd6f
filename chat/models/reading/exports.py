"""A conversation read whole, piece by piece, within bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Value
from django.db.models.functions import Coalesce, Length

from chat.models.conversations import Conversation
from chat.models.messages import Message

PIECE = 500_000
"""Code points of text that are read at once; one message more, where it is larger."""
PIECE_MESSAGES = 500


def pieces(conversation: Conversation, *, shown: bool) -> list[list[int]]:
    """The primary keys of all its messages, oldest first, or of the shown path; in pieces."""
    sizes = conversation.messages.order_by("pk").values_list(
        "pk", "parent", Length("text") + Coalesce(Length("reasoning"), Value(0))
    )
    found = {pk: (parent, size) for pk, parent, size in sizes}
    keys = list(_path(found, conversation.leaf_id)) if shown else list(found)
    cut: list[list[int]] = []
    room = 0
    for key in keys:
        size = found[key][1]
        if not cut or size > room or len(cut[-1]) == PIECE_MESSAGES:
            cut.append([])
            room = PIECE
        cut[-1].append(key)
        room -= size
    return cut


def _path(found: dict[int, tuple[int | None, int]], leaf: int | None) -> Iterator[int]:
    above = []
    while leaf in found:
        above.append(leaf)
        leaf = found[leaf][0]
    return reversed(above)


def read_piece(keys: list[int]) -> list[Message]:
    """These messages, in this order; without those that were deleted meanwhile."""
    rows = Message.objects.select_related("parent").filter(pk__in=keys)
    rows = rows.defer("error_detail", "parent__text", "parent__reasoning", "parent__error_detail")
    known = {row.pk: row for row in rows}
    return [known[key] for key in keys if key in known]
