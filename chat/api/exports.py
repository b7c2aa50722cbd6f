"""A conversation as a file: JSON with all there is, or Markdown to read."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import msgspec
from asgiref.sync import sync_to_async
from django.db import close_old_connections, connection
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.http import content_disposition_header
from ninja import Router

from chat import protocol
from chat.api.answers import answers
from chat.api.auth import Access, caller_of
from chat.api.quoting import quotation
from chat.marking import marked_text
from chat.models import Conversation
from chat.models.messages import Message
from chat.models.reading.exports import pieces, read_piece
from chat.protocol import ConversationObject, MessageObject, Moment, Shape

router = Router(tags=["conversations"])

TYPES = {"json": "application/json", "markdown": "text/markdown"}
ENDINGS = {"json": "json", "markdown": "md"}

_encode = msgspec.json.Encoder().encode


class Export(Shape, frozen=True):
    """All of a conversation. A reply that has not ended comes without its text."""

    format: Literal["parley.conversation"]
    version: Literal[1]
    exported: Moment
    conversation: ConversationObject
    messages: list[MessageObject]


MARKDOWN = {"text/markdown": {"schema": {"type": "string"}}}


@router.get(
    "/conversations/{uid}/export",
    auth=Access("export", answers=tuple(TYPES.values())),
    response=answers(Export, 404, 422),
    openapi_extra={"responses": {200: {"content": MARKDOWN}}},
)
def export_conversation(
    request: HttpRequest,
    uid: UUID,
    format: Literal["json", "markdown"] = "json",
    branches: Literal["shown", "all"] = "shown",
) -> StreamingHttpResponse:
    """JSON has the whole tree; Markdown the shown path, or with `branches=all` every message."""
    user_id = caller_of(request).user_id
    row = Conversation.objects.for_user(user_id).select_related("leaf").get(uid=uid)
    cut = pieces(row, shown=format == "markdown" and branches == "shown")
    write = _json if format == "json" else _tree if branches == "all" else _markdown
    name = f"{_file_name(row.title)}.{ENDINGS[format]}"
    return StreamingHttpResponse(
        write(row, cut),
        content_type=f"{TYPES[format]}; charset=utf-8",
        headers={"Content-Disposition": content_disposition_header(True, name) or "attachment"},
    )


@sync_to_async
def _written(keys: list[int], write: Callable[[list[Message]], bytes]) -> bytes:
    """The next messages as they are written, once the client has taken those before.

    Written in the thread that read them: quoting a text of 1 MiB may take most of a second. No
    connection waits for the client.
    """
    try:
        return write(read_piece(keys))
    finally:
        if not connection.in_atomic_block:
            close_old_connections()


async def _json(row: Conversation, cut: list[list[int]]) -> AsyncIterator[bytes]:
    now = protocol.moment(datetime.now(UTC))
    head = Export("parley.conversation", 1, now, protocol.conversation_object(row), messages=[])
    yield _encode(head).removesuffix(b"]}")
    comma = b""

    def write(messages: list[Message]) -> bytes:
        rows = [protocol.message_object(one, conversation=row.uid, full=True) for one in messages]
        return _encode(rows)[1:-1]

    for keys in cut:
        if piece := await _written(keys, write):
            yield comma + piece
            comma = b","
    yield b"]}\n"


async def _markdown(row: Conversation, cut: list[list[int]]) -> AsyncIterator[bytes]:
    def write(messages: list[Message]) -> bytes:
        text = [f"\n---\n\n{_heading(one)}\n\n{_said(one)}\n" for one in messages]
        return "".join(text).encode()

    yield f"# {_plain(row.title)}\n".encode()
    for keys in cut:
        yield await _written(keys, write)


async def _tree(row: Conversation, cut: list[list[int]]) -> AsyncIterator[bytes]:
    """Write messages, oldest first, with their numbers and, if not the one above, their parents."""
    numbers = {key: at for at, key in enumerate((key for keys in cut for key in keys), start=1)}

    def place(message: Message) -> str:
        number = numbers[message.pk]
        above = numbers.get(message.parent_id or 0, 0)
        if above == number - 1:
            return f"no. {number}"
        return f"no. {number}, follows no. {above}" if above else f"no. {number}, a new beginning"

    def write(messages: list[Message]) -> bytes:
        text = [f"\n---\n\n{_heading(one)}, {place(one)}\n\n{_said(one)}\n" for one in messages]
        return "".join(text).encode()

    yield f"# {_plain(row.title)}\n".encode()
    for keys in cut:
        yield await _written(keys, write)


def _heading(message: Message) -> str:
    author = "You" if message.role == "user" else _plain(message.model or "Model")
    return f"**{author}**, {message.created.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _said(message: Message) -> str:
    if message.status and message.ended is None:
        return "*This reply has not ended yet.*"
    note = f"*{_plain(message.error_message)}*" if message.error_message else ""
    return "\n\n".join(part for part in (quotation(message.text), note) if part)


def _plain(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no second line."""
    words = marked_text(" ".join(text.split()))
    return re.sub(r"([\\`*_{}\[\]<>()#+\-.!|~&$])", r"\\\1", words)


def _file_name(title: str) -> str:
    """The words of a title, in any script; nothing that means something to a file system."""
    words = re.sub(r"[^\w\- ]+", " ", title).split()
    return " ".join(words)[:60].strip(" -_") or "conversation"
