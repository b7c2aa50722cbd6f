"""Commands of any transport: carried out, or refused with a code and the ids."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError
from pytest_django import Settings

from chat import commands, protocol
from chat.models import IdReused, Message, NoModel, NotAllowed, Reply, TooMany
from chat.protocol import BadFrame
from chat.replies import process

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def _a_model(settings: Settings) -> None:
    settings.OPENAI_API_KEY = "sk-test"
    settings.CHAT_MODEL = ["one", "two"]


@pytest.fixture
def alice(transactional_db: None) -> User:
    return User.objects.create(username="alice")


@pytest.fixture
def bob(transactional_db: None) -> User:
    return User.objects.create(username="bob")


@pytest.fixture
def draining() -> Iterator[None]:
    process.dispatch.draining = True
    yield
    process.dispatch.draining = False


def send(
    text: str = "Hello", *, key: UUID | None = None, model: str | None = None
) -> protocol.Send:
    return protocol.Send(key or uuid4(), text, None, None, model)


async def refused(user: User, frame: protocol.Command) -> BadFrame:
    with pytest.raises(BadFrame) as caught:
        await commands.accept(user.pk, frame)
    return caught.value


async def test_each_frame_is_carried_out(alice: User) -> None:
    one = await commands.accept(alice.pk, send())
    edited = await commands.accept(alice.pk, protocol.Edit(uuid4(), one.message, "Hello again"))
    assert edited.message == one.message
    other = await commands.accept(alice.pk, protocol.Regenerate(uuid4(), one.reply, "openai/two"))
    assert other.message == one.message
    for reply in (one.reply, other.reply):
        assert (await commands.stop(alice.pk, reply)).status == "stopped"
    again = await commands.accept(alice.pk, protocol.Continue(uuid4(), other.reply))
    assert again.reply == other.reply
    more = await commands.accept(alice.pk, send("More"))
    gone = await commands.accept(alice.pk, protocol.Withdraw(uuid4(), more.message))
    assert (gone.reply, gone.row) == (more.reply, None)
    rows = [one async for one in Message.objects.order_by("pk").values_list("text", "status")]
    assert rows == [("Hello again", ""), ("", "stopped"), ("", "queued")]


async def test_a_refusal_names_what_it_is_about(alice: User, bob: User) -> None:
    first = send()
    one = await commands.accept(alice.pk, first)
    key = uuid4()
    about_id, about_both = {"id": str(key)}, {"id": str(key), "reply": str(one.reply)}
    for user, frame, code, facts in (
        (bob, protocol.Edit(key, one.message, "x"), "not_found", about_id),
        (bob, protocol.Regenerate(key, one.reply), "not_found", about_both),
        (bob, protocol.Continue(key, one.reply), "not_found", about_both),
        (bob, protocol.Withdraw(key, one.message), "not_found", about_id),
        (alice, protocol.Continue(key, one.reply), "not_allowed", about_both),
        (alice, protocol.Edit(key, one.reply, "x"), "not_allowed", about_id),
        (
            alice,
            protocol.Regenerate(key, one.reply, "openai/three"),
            "no_model",
            about_both | {"field": "model"},
        ),
        (
            alice,
            protocol.Withdraw(first.id, one.message),
            "id_reused",
            {"id": str(first.id), "field": "id"},
        ),
    ):
        refusal = await refused(user, frame)
        assert (refusal.code, refusal.facts) == (code, facts)
    with pytest.raises(BadFrame) as caught:
        await commands.stop(bob.pk, one.reply)
    assert (caught.value.code, caught.value.facts) == ("not_found", {"reply": str(one.reply)})


async def test_while_it_drains_nothing_is_stored(alice: User, draining: None) -> None:
    refusal = await refused(alice, send())
    assert (refusal.code, refusal.facts["retry_after"]) == ("draining", 1)
    assert not await Message.objects.aexists()


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (Reply.DoesNotExist(), "not_found"),
        (IdReused(), "id_reused"),
        (NotAllowed("It is not."), "not_allowed"),
        (NoModel("There is none."), "no_model"),
        (TooMany("Too many."), "too_many"),
        (OperationalError("password=secret"), "unavailable"),
        (InterfaceError("away"), "unavailable"),
    ],
)
async def test_each_refusal_of_the_models_has_its_code(problem: Exception, code: str) -> None:
    with pytest.raises(BadFrame) as caught, commands.refusals(id="x"):
        raise problem
    assert (caught.value.code, caught.value.facts["id"]) == (code, "x")
    assert caught.value.code in commands.STATUS
    assert "secret" not in caught.value.frame()
    if code == "unavailable":
        assert caught.value.facts["retry_after"] == 2
