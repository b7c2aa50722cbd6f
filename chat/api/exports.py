"""A conversation as a file: JSON with all there is, or Markdown to read."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import msgspec
from asgiref.sync import sync_to_async
from django.db import close_old_connections, connection
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.http import content_disposition_header
from ninja import Router, Schema

from chat import protocol
from chat.api import objects
from chat.api.answers import answers
from chat.api.auth import Access, caller_of
from chat.models import Conversation
from chat.models.exports import pieces, read_piece
from chat.models.messages import Message

router = Router(tags=["conversations"])

TYPES = {"json": "application/json", "markdown": "text/markdown"}
ENDINGS = {"json": "json", "markdown": "md"}

_encode = msgspec.json.Encoder().encode


class Export(Schema):
    """All of a conversation. A reply that has not ended comes without its text."""

    format: Literal["parley.conversation"]
    version: Literal[1]
    exported: datetime
    conversation: objects.Conversation
    messages: list[objects.Message]


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


def _read(keys: list[int]) -> list[Message]:
    """The next messages, once the client has taken those before; no connection waits for that."""
    try:
        return read_piece(keys)
    finally:
        if not connection.in_atomic_block:
            close_old_connections()


async def _json(row: Conversation, cut: list[list[int]]) -> AsyncIterator[bytes]:
    head = {
        "format": "parley.conversation",
        "version": 1,
        "exported": protocol.time(datetime.now(UTC)),
        "conversation": protocol.conversation_object(row),
    }
    yield _encode(head)[:-1] + b',"messages":['
    comma = b""
    for keys in cut:
        messages = await sync_to_async(_read)(keys)
        told = [protocol.message_object(one, conversation=row.uid, full=True) for one in messages]
        if told:
            yield comma + _encode(told)[1:-1]
            comma = b","
    yield b"]}\n"


async def _markdown(row: Conversation, cut: list[list[int]]) -> AsyncIterator[bytes]:
    yield f"# {_plain(row.title)}\n".encode()
    for keys in cut:
        messages = await sync_to_async(_read)(keys)
        text = [f"\n---\n\n{_heading(one)}\n\n{_said(one)}\n" for one in messages]
        yield "".join(text).encode()


async def _tree(row: Conversation, cut: list[list[int]]) -> AsyncIterator[bytes]:
    """Oldest first, each with its number and, where that is not the one above, what it follows."""
    numbers = {key: at for at, key in enumerate((key for keys in cut for key in keys), start=1)}

    def place(message: Message) -> str:
        number = numbers[message.pk]
        above = numbers.get(message.parent_id or 0, 0)
        if above == number - 1:
            return f"no. {number}"
        return f"no. {number}, follows no. {above}" if above else f"no. {number}, a new beginning"

    yield f"# {_plain(row.title)}\n".encode()
    for keys in cut:
        messages = await sync_to_async(_read)(keys)
        for one in messages:
            yield f"\n---\n\n{_heading(one)}, {place(one)}\n\n{_said(one)}\n".encode()


def _heading(message: Message) -> str:
    who = "You" if message.role == "user" else _plain(message.model or "Model")
    return f"**{who}**, {message.created.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _said(message: Message) -> str:
    if message.status and message.ended is None:
        return "*This reply has not ended yet.*"
    note = f"*{_plain(message.error_message)}*" if message.error_message else ""
    return "\n\n".join(part for part in (_closed(message.text.strip("\n")), note) if part)


def _closed(text: str) -> str:
    """With an end to a block of code that has none, or all that follows would be code as well."""
    fence = ""
    for mark, info in re.findall(r"^ {0,3}(`{3,}|~{3,})(.*)$", text, re.MULTILINE):
        if not fence:
            fence = mark
        elif mark.startswith(fence) and not info.strip():
            fence = ""
    return f"{text}\n{fence}" if fence else text


def _plain(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no second line."""
    return re.sub(r"([\\`*_{}\[\]<>()#+\-.!|~&$])", r"\\\1", " ".join(text.split()))


def _file_name(title: str) -> str:
    """The words of a title, in any script; nothing that means something to a file system."""
    words = re.sub(r"[^\w\- ]+", " ", title).split()
    return " ".join(words)[:60].strip(" -_") or "conversation"
