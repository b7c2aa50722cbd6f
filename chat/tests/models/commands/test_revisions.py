"""Second thoughts in the rows: what is replaced, what gets a sibling, what vanishes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from chat import models
from chat.models import (
    Accepted,
    Attempt,
    Claim,
    Conversation,
    Counter,
    Deletion,
    IdReused,
    Message,
    NoModel,
    NotAllowed,
    Outcome,
    Part,
    Process,
    Reason,
    Reply,
    Status,
    TooMany,
    Unsaved,
    changes_since,
)
from chat.models.attempting.prompts import build_prompt
from chat.models.commands.openai_calls import NewCall, place_call
from chat.tests.models.conftest import Heard

type Send = Callable[..., Accepted]
type Get = Callable[[Accepted], Reply]

DONE = Outcome(Status.COMPLETE, finish_reason="stop")


@pytest.fixture
def edit(alice: User) -> Callable[..., Accepted]:
    def edit(
        message: UUID, text: str = "Better", *, model: str | None = None, key: UUID | None = None
    ) -> Accepted:
        return models.edit(alice.pk, key or uuid4(), message=message, text=text, model=model)

    return edit


@pytest.fixture
def regenerate(alice: User) -> Callable[..., Accepted]:
    def regenerate(reply: UUID, *, model: str | None = None, key: UUID | None = None) -> Accepted:
        return models.regenerate(alice.pk, key or uuid4(), reply=reply, model=model)

    return regenerate


@pytest.fixture
def withdraw(alice: User) -> Callable[..., Accepted]:
    def withdraw(message: UUID, *, key: UUID | None = None) -> Accepted:
        return models.withdraw(alice.pk, key or uuid4(), message=message)

    return withdraw


@pytest.fixture
def answer(get: Get, process: Process) -> Callable[..., Reply]:
    """Lets a queued reply run and end."""

    def answer(accepted: Accepted, text: str = "Well.", outcome: Outcome = DONE) -> Reply:
        assert Reply.objects.finish(claim(get(accepted), process), text, "", outcome) is not None
        return get(accepted)

    return answer


def claim(reply: Reply, process: Process) -> Claim:
    claimed: Claim | None = Reply.objects.claim(reply.pk, process.pk)
    assert claimed is not None
    return claimed


def asked(claimed: Claim) -> list[str]:
    return [message["content"] for message in claimed.messages]


def chat_of(accepted: Accepted) -> Conversation:
    return Conversation.objects.select_related("leaf").get(uid=accepted.conversation)


def message(uid: UUID) -> Message:
    return Message.objects.select_related("parent").get(uid=uid)


def parent_of(uid: UUID) -> UUID | None:
    parent = message(uid).parent
    return parent.uid if parent is not None else None


def leaf_of(accepted: Accepted) -> UUID | None:
    leaf = chat_of(accepted).leaf
    return leaf.uid if leaf is not None else None


# --- edit -------------------------------------------------------------------------------------


def test_edit_of_an_answered_message_makes_a_sibling_with_a_reply_of_its_own(
    send: Send, get: Get, edit: Send, answer: Callable[..., Reply], process: Process
) -> None:
    one = send("one")
    answer(one, "1")
    two = send("two", below=one)
    answer(two, "2")
    other = edit(two.message, "zwei")
    assert parent_of(other.message) == parent_of(two.message) == one.reply
    assert parent_of(other.reply) == other.message
    assert message(two.message).text == "two"
    chat = chat_of(one)
    assert (leaf_of(one), chat.message_count, chat.running) == (other.reply, 6, True)
    assert asked(claim(get(other), process)) == ["one", "1", "zwei"]


def test_edit_of_the_first_message_makes_a_second_root(
    send: Send, get: Get, edit: Send, answer: Callable[..., Reply], process: Process
) -> None:
    one = send("one")
    answer(one, "1")
    other = edit(one.message, "eins")
    assert (parent_of(other.message), other.conversation) == (None, one.conversation)
    assert chat_of(one).title == "one"
    assert asked(claim(get(other), process)) == ["eins"]


def test_edit_of_what_waits_replaces_its_text_also_with_something_behind_it(
    send: Send, get: Get, edit: Send, answer: Callable[..., Reply], process: Process
) -> None:
    one = send("one")
    held = claim(get(one), process)
    two = send("two", below=one)
    three = send("three", below=two)
    counter = Counter.objects.current(held.user)
    edited = edit(two.message, "zwei")
    assert (edited.message, edited.reply) == (two.message, two.reply)
    assert edited.row is not None
    assert (Message.objects.count(), leaf_of(one)) == (6, three.reply)
    assert get(two).turn < get(three).turn
    told = changes_since(held.user, counter)
    assert [row.uid for row in told.messages] == [two.message]
    Reply.objects.finish(held, "1", "", DONE)
    assert asked(claim(get(two), process)) == ["one", "1", "zwei"]


def test_edit_of_the_first_message_in_place_takes_the_title_along(send: Send, edit: Send) -> None:
    one = send("My password is swordfish")
    edit(one.message, "What is a good password?")
    assert chat_of(one).title == "What is a good password?"
    chat_of(one).change(title="Secrets")
    edit(one.message, "And a better one?")
    assert chat_of(one).title == "Secrets"


def test_edit_with_a_model_makes_it_the_conversations(
    send: Send, get: Get, edit: Send, answer: Callable[..., Reply], settings: Settings
) -> None:
    one = send("one")
    edit(one.message, "eins", model="openai/two")
    assert (get(one).model, chat_of(one).model) == ("openai/two", "openai/two")
    answer(one)
    other = edit(one.message, "uno", model="openai/one")
    assert (get(other).model, chat_of(one).model) == ("openai/one", "openai/one")
    assert get(one).model == "openai/two"
    chat_of(one).change(model="openai/two")
    assert get(edit(one.message)).model == "openai/two"
    settings.CHAT_MODEL = ["one"]
    assert get(edit(one.message)).model == "openai/one"
    with pytest.raises(NoModel):
        edit(one.message, model="openai/two")


@pytest.mark.parametrize("track", ["text", "reasoning"])
def test_a_reply_that_waits_with_text_is_not_taken_back(
    send: Send, get: Get, edit: Send, withdraw: Send, process: Process, track: str
) -> None:
    one = send("one")
    held = claim(get(one), process)
    Reply.objects.checkpoint(process.pk, [Unsaved(held.reply, 1, ((track, 0, "So"),))])
    Reply.objects.put_back(Reply.objects.all(), Reason.TAKEOVER, fault=True)
    assert get(one).status == "queued"
    with pytest.raises(NotAllowed):
        withdraw(one.message)
    assert edit(one.message).message != one.message
    assert message(one.message).text == "one"


def test_a_retry_that_waits_without_text_counts_as_waiting(
    send: Send, get: Get, edit: Send, answer: Callable[..., Reply], process: Process, alice: User
) -> None:
    one = send("one")
    answer(one, "", Outcome(Status.FAILED, error_code="unreachable"))
    models.continue_(alice.pk, uuid4(), reply=one.reply, model=None)
    assert edit(one.message, "eins").reply == one.reply
    claimed = claim(get(one), process)
    assert (claimed.attempt, asked(claimed)) == (2, ["eins"])


@pytest.mark.parametrize("outcome", [None, Outcome(Status.FAILED), DONE])
def test_edit_of_what_runs_or_has_ended_makes_a_sibling_that_waits_its_turn(
    send: Send, get: Get, edit: Send, process: Process, outcome: Outcome | None
) -> None:
    one = send("one")
    held = claim(get(one), process)
    if outcome is not None:
        Reply.objects.finish(held, "", "", outcome)
    other = edit(one.message, "eins")
    assert get(other).reason == ("" if outcome else "behind")
    assert (Reply.objects.claim(get(other).pk, process.pk) is None) is (outcome is None)
    assert message(one.message).text == "one"


def test_a_message_with_two_replies_gets_a_sibling_though_one_waits(
    send: Send, edit: Send, regenerate: Send, answer: Callable[..., Reply]
) -> None:
    one = send("one")
    answer(one)
    regenerate(one.reply)
    assert edit(one.message, "eins").message != one.message


def test_what_an_api_call_waits_for_stays_the_answer_to_what_it_asked(
    get: Get, edit: Send, withdraw: Send, alice: User, process: Process
) -> None:
    said = [{"role": "user", "content": "one"}]
    call = place_call(alice.pk, NewCall("openai/one", said, {}, store=True))
    other = edit(call.message, "eins")
    assert (other.message != call.message, message(call.message).text) == (True, "one")
    assert asked(claim(get(call), process)) == ["one"]
    withdraw(other.message)
    assert leaf_of(call) == call.reply


# --- regenerate -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "outcome", [None, DONE, Outcome(Status.FAILED), Outcome(Status.STOPPED)], ids=str
)
def test_regenerate_makes_a_sibling_of_a_reply_however_it_stands(
    send: Send, get: Get, regenerate: Send, process: Process, outcome: Outcome | None
) -> None:
    one = send("one")
    held = claim(get(one), process)
    if outcome is not None:
        Reply.objects.finish(held, "", "", outcome)
    other = regenerate(one.reply)
    assert (other.message, other.conversation) == (one.message, one.conversation)
    assert parent_of(other.reply) == parent_of(one.reply) == one.message
    assert (leaf_of(one), chat_of(one).message_count) == (other.reply, 3)
    assert get(other).reason == ("" if outcome else "behind")
    if outcome is None:  # one runs at a time, also of siblings
        assert Reply.objects.claim(get(other).pk, process.pk) is None
        Reply.objects.finish(held, "1", "", DONE)
    assert asked(claim(get(other), process)) == ["one"]


def test_regenerate_takes_the_replys_model_or_another_and_leaves_the_conversations(
    send: Send, get: Get, regenerate: Send, answer: Callable[..., Reply]
) -> None:
    one = send("one", model="openai/two")
    answer(one)
    chat_of(one).change(model="openai/one")
    assert get(regenerate(one.reply)).model == "openai/two"
    assert get(regenerate(one.reply, model="openai/one")).model == "openai/one"
    assert chat_of(one).model == "openai/one"
    with pytest.raises(NoModel):
        regenerate(one.reply, model="openai/three")


def test_a_branch_goes_on_from_the_reply_that_was_chosen(
    send: Send, get: Get, regenerate: Send, answer: Callable[..., Reply], process: Process
) -> None:
    one = send("one")
    answer(one, "1")
    other = regenerate(one.reply)
    answer(other, "I")
    assert asked(claim(get(send("two", below=other)), process)) == ["one", "I", "two"]


# --- withdraw ---------------------------------------------------------------------------------


def test_withdraw_deletes_the_message_and_its_reply_and_what_waited_moves_up(
    heard: Heard, send: Send, get: Get, withdraw: Send, process: Process
) -> None:
    one = send("one")
    held = claim(get(one), process)
    two = send("two", below=one)
    three = send("three", below=two)
    seen = Counter.objects.current(held.user)
    gone = withdraw(two.message)
    assert (gone.conversation, gone.message, gone.reply) == (
        two.conversation, two.message, two.reply,
    )  # fmt: skip
    assert gone.row is None
    assert not Message.objects.filter(uid__in=[two.message, two.reply]).exists()
    assert parent_of(three.message) == one.reply
    assert (chat_of(one).message_count, leaf_of(one)) == (4, three.reply)
    told = changes_since(held.user, seen)
    assert set(told.deleted_messages) == {two.message, two.reply}
    assert [row.uid for row in told.messages] == [three.message]
    assert [row.uid for row in told.conversations] == [one.conversation]
    events = [(change.event, change.uid) for change in heard.changes if change.seq > seen]
    assert events == [
        ("updated", three.message),
        ("deleted", two.message),
        ("deleted", two.reply),
        ("updated", one.conversation),
    ]
    Reply.objects.finish(held, "1", "", DONE)
    assert asked(claim(get(three), process)) == ["one", "1", "three"]


def test_withdraw_wakes_what_waited_behind(
    heard: Heard, send: Send, get: Get, withdraw: Send
) -> None:
    one = send("one")
    two = send("two", below=one)
    heard.forget_woken()
    withdraw(one.message)
    assert heard.woken == [get(two).pk]
    assert (parent_of(two.message), chat_of(two).title) == (None, "two")


def test_what_moves_up_by_a_withdrawal_leaves_nothing_out(
    send: Send, get: Get, withdraw: Send, process: Process
) -> None:
    one = send("one")
    two = send("two", below=one)
    three = send("three", below=two)
    withdraw(one.message)
    for sent, said in ((two, ["two"]), (three, ["two", "2", "three"])):
        reply = get(sent)
        assert reply.parent is not None
        assert build_prompt(reply.conversation, reply.parent, 100_000).left_out == 0
        held = claim(reply, process)
        assert asked(held) == said
        Reply.objects.finish(held, "2", "", DONE)
    four = get(send("four", below=three))
    assert four.depth == 5


def test_withdraw_of_the_shown_end_shows_the_reply_before(
    send: Send, withdraw: Send, answer: Callable[..., Reply]
) -> None:
    one = send("one")
    answer(one)
    two = send("two", below=one)
    withdraw(two.message)
    chat = chat_of(one)
    assert (leaf_of(one), chat.running, chat.message_count) == (one.reply, False, 2)


def test_withdraw_of_an_edited_version_shows_the_one_before(
    send: Send, edit: Send, withdraw: Send, answer: Callable[..., Reply]
) -> None:
    one = send("one")
    answer(one)
    two = send("two", below=one)
    answer(two)
    three = send("three", below=two)
    answer(three)
    withdraw(edit(two.message).message)
    assert leaf_of(one) == three.reply
    withdraw(edit(one.message).message)
    assert leaf_of(one) == three.reply


def test_withdraw_leaves_a_leaf_elsewhere_alone(
    send: Send, edit: Send, withdraw: Send, answer: Callable[..., Reply]
) -> None:
    one = send("one")
    answer(one)
    other = edit(one.message)
    chat_of(one).change(leaf=one.reply)
    withdraw(other.message)
    assert leaf_of(one) == one.reply


def test_an_archived_conversation_is_told_of(heard: Heard, send: Send, alice: User) -> None:
    one = send("one")
    for archived in (True, False):
        seen = Counter.objects.current(alice.pk)
        chat_of(one).change(archived=archived)
        (row,) = changes_since(alice.pk, seen).conversations
        assert row.archived is archived
        assert heard.changes[-1].uid == one.conversation


def test_a_conversation_of_which_nothing_is_left_goes_too(
    heard: Heard, send: Send, withdraw: Send, alice: User
) -> None:
    one = send("one")
    seen = Counter.objects.current(alice.pk)
    withdraw(one.message)
    assert not Conversation.objects.exists()
    assert not Message.objects.exists()
    told = changes_since(alice.pk, seen)
    assert told.deleted_conversations == [one.conversation]
    assert set(told.deleted_messages) == {one.message, one.reply}
    assert Deletion.objects.count() == 3


def test_withdraw_takes_the_records_of_a_retry_along(
    send: Send, withdraw: Send, answer: Callable[..., Reply], alice: User
) -> None:
    one = send("one")
    answer(one, "", Outcome(Status.FAILED))
    models.continue_(alice.pk, uuid4(), reply=one.reply, model=None)
    withdraw(one.message)
    assert not Attempt.objects.exists()
    assert not Part.objects.exists()


def test_only_what_waits_alone_can_be_withdrawn(
    send: Send, get: Get, regenerate: Send, withdraw: Send, process: Process, alice: User
) -> None:
    one = send("one")
    held = claim(get(one), process)
    for _ in range(2):
        seen = Counter.objects.current(alice.pk)
        with pytest.raises(NotAllowed):
            withdraw(one.message)
        assert Counter.objects.current(alice.pk) == seen
        Reply.objects.finish(held, "1", "", DONE)
    regenerate(one.reply)
    with pytest.raises(NotAllowed):
        withdraw(one.message)
    assert Message.objects.count() == 3


# --- what holds for all of them ---------------------------------------------------------------


def calls(user: User, accepted: Accepted) -> dict[str, Callable[..., Accepted]]:
    """Each kind of request about this message or reply; arguments go over those given here."""

    def edit(key: UUID, **other: Any) -> Accepted:
        fields: dict[str, Any] = {"message": accepted.message, "text": "x", "model": None}
        return models.edit(user.pk, key, **fields | other)

    def regenerate(key: UUID, **other: Any) -> Accepted:
        fields: dict[str, Any] = {"reply": accepted.reply, "model": None}
        return models.regenerate(user.pk, key, **fields | other)

    def withdraw(key: UUID, **other: Any) -> Accepted:
        return models.withdraw(user.pk, key, **{"message": accepted.message} | other)

    return {"edit": edit, "regenerate": regenerate, "withdraw": withdraw}


@pytest.mark.parametrize("kind", ["edit", "regenerate", "withdraw"])
def test_the_same_id_is_answered_the_same_and_carried_out_once(
    send: Send, alice: User, kind: str
) -> None:
    one = send("one")
    two = send("two", below=one)
    call, key = calls(alice, two)[kind], uuid4()
    first = call(key)
    seen = Counter.objects.current(alice.pk), Message.objects.count()
    again = call(key)
    assert (again, again.row) == (first, None)
    assert (Counter.objects.current(alice.pk), Message.objects.count()) == seen
    chat_of(one).remove()
    assert call(key) == first


@pytest.mark.parametrize("kind", ["edit", "regenerate", "withdraw"])
def test_all_kinds_of_requests_share_their_ids(send: Send, alice: User, kind: str) -> None:
    key = uuid4()
    one = send("one", key=key)
    with pytest.raises(IdReused):
        calls(alice, one)[kind](key)
    other: dict[str, dict[str, Any]] = {
        "edit": {"text": "y"},
        "regenerate": {"model": "openai/two"},
        "withdraw": {"message": uuid4()},
    }
    key = uuid4()
    calls(alice, one)[kind](key)
    with pytest.raises(IdReused):
        calls(alice, one)[kind](key, **other[kind])


@pytest.mark.parametrize("kind", ["edit", "regenerate", "withdraw"])
def test_a_stranger_gets_what_an_unknown_id_gets(
    send: Send, alice: User, bob: User, kind: str
) -> None:
    one = send("one")
    seen = Counter.objects.current(alice.pk)
    missing = Reply.DoesNotExist if kind == "regenerate" else Message.DoesNotExist
    unknown = Accepted(uuid4(), uuid4(), uuid4(), uuid4())
    for accepted in (one, unknown):
        with pytest.raises(missing):
            calls(bob, accepted)[kind](uuid4())
    with pytest.raises(missing):
        calls(alice, unknown)[kind](uuid4())
    assert Message.objects.count() == 2
    assert (Counter.objects.current(alice.pk), Counter.objects.current(bob.pk)) == (seen, 0)


def test_a_message_is_no_reply_and_a_reply_no_message_of_the_user(
    send: Send, edit: Send, regenerate: Send, withdraw: Send
) -> None:
    one = send("one")
    for call in (edit, withdraw):
        with pytest.raises(NotAllowed):
            call(one.reply)
    with pytest.raises(Reply.DoesNotExist):
        regenerate(one.message)


def test_who_has_as_many_waiting_as_one_may_can_still_change_what_waits(
    send: Send, edit: Send, regenerate: Send, withdraw: Send, answer: Callable[..., Reply],
    settings: Settings,
) -> None:  # fmt: skip
    settings.QUEUED_REPLIES_PER_USER = 2
    one = send("one")
    answer(one)
    two = send("two", below=one)
    three = send("three", below=two)
    with pytest.raises(TooMany):
        edit(one.message)
    with pytest.raises(TooMany):
        regenerate(one.reply)
    assert edit(two.message).message == two.message
    withdraw(three.message)
    assert regenerate(one.reply).reply != one.reply
