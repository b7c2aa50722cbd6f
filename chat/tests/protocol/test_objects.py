"""Objects made of stored rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import msgspec

from chat import protocol
from chat.protocol.objects import (
    BranchPoint,
    FeedbackObject,
    conversation_object,
    feedback_object,
)

NOW = datetime(2026, 11, 21, 9, 48, 0, 165_400, UTC)


def row(**changes: Any) -> Any:
    """A stored reply that runs."""
    conversation = SimpleNamespace(uid=uuid4())
    fields: dict[str, Any] = {
        "uid": uuid4(), "conversation": conversation, "parent": None,
        "role": "assistant", "created": NOW, "seq": 3, "status": "running", "reason": "",
        "retry_at": None, "attempt": 2, "model": "a/b", "finish_reason": "", "error_code": "",
        "error_message": "", "error_detail": "for staff only", "length": None,
        "reasoning_length": None, "sha256": "", "usage": None, "first_token_ms": None,
        "reasoning_ms": None, "total_ms": None, "shown_cost": None, "left_out": 0, "ended": None,
        "text": "the text", "reasoning": "thoughts", "thumb": 0, "feedback": None,
    }  # fmt: skip
    return SimpleNamespace(**fields | changes)


def test_a_frame_never_carries_the_text_of_a_reply_or_details_for_staff() -> None:
    for reply in (row(), row(status="complete", ended=NOW, total_ms=5)):
        frame = protocol.message_frame("updated", 3, reply)
        assert "the text" not in frame
        assert "thoughts" not in frame
        assert "for staff only" not in frame


def written(message: protocol.MessageObject) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(msgspec.json.encode(message))
    return fields


def test_the_api_gives_the_text_only_of_a_reply_that_has_ended() -> None:
    assert "text" not in written(protocol.message_object(row(), full=True))
    ended = written(protocol.message_object(row(status="stopped", ended=NOW), full=True))
    assert (ended["text"], ended["reasoning"]) == ("the text", "thoughts")


def test_a_user_message_carries_its_text() -> None:
    message = written(protocol.message_object(row(role="user", status="")))
    assert message["text"] == "the text"
    assert "status" not in message


def test_times_are_in_utc_with_milliseconds() -> None:
    cet = timezone(timedelta(hours=1))
    assert protocol.moment(NOW.astimezone(cet)) == "2026-11-21T09:48:00.165Z"


def test_a_reply_that_waits_says_until_when_and_an_ended_one_does_not() -> None:
    later = NOW + timedelta(seconds=5)
    waiting = written(protocol.message_object(row(status="queued", retry_at=later)))
    assert waiting["retry_at"] == "2026-11-21T09:48:05.165Z"
    ended = row(status="failed", ended=NOW, retry_at=later, error_code="rate_limited")
    fields = written(protocol.message_object(ended))
    assert (fields["retry_at"], fields["error"]["retry_after"]) == (None, 5.0)


def test_nothing_known_is_null_and_never_an_empty_word() -> None:
    fields = written(protocol.message_object(row(model="")))
    for name in ("model", "reason", "finish_reason", "error", "sha256", "usage", "timing"):
        assert fields[name] is None, name


def test_feedback_is_a_thumb_with_reasons_and_words() -> None:
    assert feedback_object(row()) is None
    assert feedback_object(row(thumb=-1)) == FeedbackObject("down", [], "")
    details = {"reasons": ["clear"], "words": "Thanks"}
    assert feedback_object(row(thumb=1, feedback=details)) == FeedbackObject(
        "up", ["clear"], "Thanks"
    )


def chat(**changes: Any) -> Any:
    fields: dict[str, Any] = {
        "uid": uuid4(), "title": "Plans", "model": "", "settings": {}, "leaf": None,
        "created": NOW, "updated": NOW, "running": False, "archived": False, "source": "",
        "seq": 4, "folder_id": None, "pinned": 0, "branched_conversation": None,
        "branched_message": None, "temporary": False,
    }  # fmt: skip
    return SimpleNamespace(**fields | changes)


def test_a_conversation_names_where_it_was_begun_and_branched() -> None:
    plain = conversation_object(chat())
    assert (plain.source, plain.branched_from, plain.leaf, plain.model) == (None,) * 4
    one, two, leaf = uuid4(), uuid4(), SimpleNamespace(uid=uuid4())
    whole = conversation_object(
        chat(source="openai", branched_conversation=one, branched_message=two, leaf=leaf)
    )
    assert (whole.source, whole.leaf) == ("api", leaf.uid)
    assert whole.branched_from == BranchPoint(one, two)
    # One of the two alone is a branch of nothing that can be shown.
    assert conversation_object(chat(branched_conversation=one)).branched_from is None


def test_no_object_shows_its_content_in_a_log() -> None:
    message = protocol.message_object(row(role="user", status=""))
    assert repr(message) == "<UserMessageObject>"
    assert "Plans" not in repr(conversation_object(chat()))
