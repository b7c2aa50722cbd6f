"""Statements that are built once do what the ORM does, for each model that uses them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection, models
from django.utils import timezone

from chat.database.statements import columns, insert, instance, parameter, update
from chat.models import ApiCall, Attempt, Conversation, Message, Reply, Request

TEXT = "Zoë said: “naïve”\n\t\U0001f600 %s {} '; --"


@pytest.fixture
def reply(alice: User) -> Reply:
    settings = {"system": TEXT, "temperature": 0.5}
    chat = Conversation.objects.create(
        owner=alice, title=TEXT[:40], updated=timezone.now(), settings=settings
    )
    row = Reply(conversation=chat, user=alice, role="assistant", text=TEXT)
    row.save()
    return row


def rows(reply: Reply) -> dict[str, models.Model]:
    """A new row of each model, with values of each kind."""
    now = timezone.now()
    return {
        "conversation": Conversation(owner=reply.user, title="x", updated=now, leaf=reply),
        "message": Message(conversation=reply.conversation, user=reply.user, parent=reply, text=""),
        "reply": Reply(
            conversation=reply.conversation, user=reply.user, role="assistant", text=TEXT,
            usage={"prompt_tokens": 3}, cost=Decimal("0.00012345"), ended=now, keeps_text=True,
        ),
        "attempt": Attempt(reply_id=reply.pk, number=1, started=now, tries=[{"code": TEXT}]),
        "request": Request(
            user=reply.user, key=uuid4(), digest="d" * 64, conversation=uuid4(), message=uuid4(),
            reply=uuid4(),
        ),
        "call": ApiCall(user=reply.user, reply_id=reply.pk, messages=None, metadata={"a": TEXT}),
    }  # fmt: skip


def values(row: models.Model) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


@pytest.mark.parametrize("name", ["conversation", "message", "reply", "attempt", "request", "call"])
def test_what_is_inserted_is_what_is_read_and_what_save_would_store(
    reply: Reply, name: str
) -> None:
    row = rows(reply)[name]
    insert(row)
    manager = type(row)._default_manager
    assert row.pk
    assert values(manager.get(pk=row.pk)) == values(row)
    assert _read(row) == values(row)
    row.save(force_update=True)  # changes nothing
    assert values(manager.get(pk=row.pk)) == values(row)


def _read(row: models.Model) -> dict[str, Any]:
    model = type(row)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns(model, 't')} FROM {model._meta.db_table} t WHERE t.id = %s",
            [row.pk],
        )
        return values(instance(model, cursor.fetchone()))


def test_an_update_stores_just_what_it_is_told_to(reply: Reply) -> None:
    before = values(Reply.objects.get(pk=reply.pk))
    reply.text, reply.usage, reply.title = "Other", {"a": [1]}, "?"  # type: ignore[attr-defined]
    reply.model = "not told"
    assert update(reply, ["text", "usage", "parent_id"])
    after = values(Reply.objects.get(pk=reply.pk))
    assert after == before | {"text": "Other", "usage": {"a": [1]}}


@pytest.mark.parametrize(
    ("fence", "stored"),
    [({"attempt": 0}, True), ({"attempt": 1}, False), ({"attempt": 0, "status": "queued"}, False)],
)
def test_a_fence_is_a_compare_and_set(reply: Reply, fence: dict[str, Any], stored: bool) -> None:
    reply.text = "New"
    assert update(reply, ["text"], **fence) is stored
    assert (Reply.objects.get(pk=reply.pk).text == "New") is stored


def test_an_update_of_what_is_gone_says_so(reply: Reply) -> None:
    Message.objects.filter(pk=reply.pk).delete()
    assert not update(reply, ["text"])


def test_a_parameter_is_what_the_column_holds(reply: Reply) -> None:
    with connection.cursor() as cursor:
        uid = parameter(Message, "uid", reply.uid)
        cursor.execute("SELECT id FROM chat_message WHERE uid = %s", [uid])
        assert cursor.fetchone() == (reply.pk,)
