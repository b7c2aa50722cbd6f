"""Frames of committed changes, for the sockets of their user."""

from __future__ import annotations

from chat import protocol
from chat.models import Change, Conversation, Folder


def frame_of(change: Change) -> str:
    """Build the frame. Called in the thread of the commit, where a row may fetch its parent."""
    event = change.event
    if change.row is None or event == "deleted":
        return protocol.gone_frame(change.kind, change.seq, change.uid)
    if isinstance(change.row, Conversation):
        return protocol.conversation_frame(event, change.seq, change.row)
    if isinstance(change.row, Folder):
        return protocol.folder_frame(event, change.seq, change.row)
    return protocol.message_frame(event, change.seq, change.row)
