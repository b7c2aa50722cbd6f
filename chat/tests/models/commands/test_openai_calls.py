"""API calls in conversations: which one a call goes on with, and what its model is asked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from chat import models
from chat.models import (
    Accepted,
    ApiCall,
    Attempt,
    Claim,
    Conversation,
    IdReused,
    Message,
    NoModel,
    Outcome,
    Process,
    Reply,
    Status,
    TooMany,
    changes_since,
)
from chat.models.api_calls import Messages
from chat.models.attempting.context import alternating
from chat.models.commands.openai_calls import (
    NewCall,
    _last_answer,
    forget_unstored,
    leave_call,
    place_call,
    turns,
)
from chat.tests.models.conftest import Heard

type Call = Callable[..., Accepted]
type Answer = Callable[..., str]


def said(*texts: str, system: str = "") -> Messages:
    """A conversation in turn, from a user's message on."""
    roles = ("user", "assistant")
    found = [{"role": roles[at % 2], "content": text} for at, text in enumerate(texts)]
    return [{"role": "system", "content": system}, *found] if system else found


@pytest.fixture
def call(alice: User) -> Call:
    def call(
        messages: Messages, *, user: User = alice, model: str = "openai/one", store: bool = True,
        key: UUID | None = None, body: str = "", **parameters: Any,
    ) -> Accepted:  # fmt: skip
        return place_call(user.pk, NewCall(model, messages, parameters, store), key, body)

    return call


@pytest.fixture
def claimed(process: Process) -> Callable[[Accepted], Claim]:
    def claimed(accepted: Accepted) -> Claim:
        pk = Reply.objects.get(uid=accepted.reply).pk
        claim: Claim | None = Reply.objects.claim(pk, process.pk)
        assert claim is not None
        return claim

    return claimed


@pytest.fixture
def answer(claimed: Callable[[Accepted], Claim]) -> Answer:
    """Ends the reply to a call; returns its text."""

    def answer(accepted: Accepted, text: str = "Yes.", status: Status = Status.COMPLETE) -> str:
        Reply.objects.finish(claimed(accepted), text, "", Outcome(status, finish_reason="stop"))
        return text

    return answer


def shown(accepted: Accepted) -> list[tuple[str, str]]:
    """The path to the reply of a call."""
    chat = Conversation.objects.get(uid=accepted.conversation)
    path = chat.path(Message.objects.get(uid=accepted.reply))
    return [(message.role, message.text) for message in path]


# --- a conversation of its own ------------------------------------------------------------


def test_a_call_is_a_conversation_of_the_api(call: Call, alice: User) -> None:
    accepted = call(said("# What is *Django*?", system="Be brief."))
    (chat,) = Conversation.objects.for_user(alice)
    assert (chat.uid, chat.source, chat.archived) == (accepted.conversation, "api", False)
    assert (chat.title, chat.model) == ("What is *Django*?", "openai/one")
    assert chat.settings == {"system": "Be brief."}
    assert (chat.message_count, chat.running) == (2, True)
    reply = Reply.objects.get()
    assert (reply.status, reply.uid, chat.leaf_id) == ("queued", accepted.reply, reply.pk)
    assert accepted.row == reply


def test_what_was_said_elsewhere_is_stored_as_ended_replies(call: Call, alice: User) -> None:
    accepted = call(said("One", "Zwei 👍", "Three", "Four", "Five"))
    assert shown(accepted) == [
        ("user", "One"),
        ("assistant", "Zwei 👍"),
        ("user", "Three"),
        ("assistant", "Four"),
        ("user", "Five"),
        ("assistant", ""),
    ]
    row = Message.objects.get(text="Zwei 👍")
    assert (row.status, row.length, row.reasoning_length) == ("complete", 6, 0)
    assert row.sha256 == hashlib.sha256("Zwei 👍".encode()).hexdigest()
    assert (row.usage, row.attempt, row.model) == (None, 0, "")
    assert row.ended is not None
    assert not Attempt.objects.exists()
    assert Conversation.objects.get().message_count == 6


def test_all_of_it_is_told_with_numbers_of_its_own(call: Call, alice: User, heard: Heard) -> None:
    call(said("One", "Two", "Three"))
    numbers = [change.seq for change in heard.changes]
    assert numbers == sorted(set(numbers))
    found = changes_since(alice.pk, 0)
    assert len(found.messages) == 4
    assert len(found.conversations) == 1


def test_calls_without_a_common_past_are_conversations_apart(call: Call, answer: Answer) -> None:
    first = call(said("Hello"))
    assert call(said("Hello")).conversation != first.conversation
    answer(first)
    assert call(said("Hello")).conversation != first.conversation


# --- going on -----------------------------------------------------------------------------


def test_three_calls_are_one_conversation_of_six_messages(call: Call, answer: Answer) -> None:
    messages: Messages = []
    found = set()
    for question in ("One", "Three", "Five"):
        messages = [*messages, {"role": "user", "content": question}]
        accepted = call(messages)
        found.add(accepted.conversation)
        text = answer(accepted, f"After {question}")
        messages = [*messages, {"role": "assistant", "content": text}]
    (chat,) = Conversation.objects.all()
    assert found == {chat.uid}
    assert chat.message_count == chat.messages.count() == 6
    assert [text for _, text in shown(accepted)] == [
        "One", "After One", "Three", "After Three", "Five", "After Five",
    ]  # fmt: skip


def test_the_answer_may_come_back_without_the_space_around_it(call: Call, answer: Answer) -> None:
    first = call(said("Hello "))
    answer(first, "\nYes. \n")
    assert call(said("Hello", "Yes.", "And?")).conversation == first.conversation


def test_another_past_is_another_conversation(call: Call, answer: Answer) -> None:
    first = call(said("Hello", system="Be brief."))
    answer(first, "Yes.")
    for messages in (
        said("Hello", "No.", "And?", system="Be brief."),
        said("Hello!", "Yes.", "And?", system="Be brief."),
        said("Hello", "Yes.", "And?", system="Be long."),
        said("Hello", "Yes.", "And?"),
        said("Hello", "", "And?", system="Be brief."),
    ):
        assert call(messages).conversation != first.conversation


def test_a_reply_that_has_not_ended_is_nothing_to_go_on_with(call: Call) -> None:
    first = call(said("Hello"))
    assert call(said("Hello", "", "And?")).conversation != first.conversation


def test_nobody_goes_on_with_what_is_somebody_elses(call: Call, answer: Answer, bob: User) -> None:
    mine = call(said("Hello"))
    answer(mine, "Yes.")
    his = call(said("Hello", "Yes.", "And?"), user=bob)
    assert his.conversation != mine.conversation
    assert Conversation.objects.get(uid=his.conversation).owner == bob
    assert Conversation.objects.get(uid=mine.conversation).message_count == 2


def test_of_two_equal_beginnings_the_answer_tells_which(call: Call, answer: Answer) -> None:
    first, second = call(said("Hello")), call(said("Hello"))
    answer(first, "Yes.")
    answer(second, "No.")
    assert call(said("Hello", "Yes.", "And?")).conversation == first.conversation
    assert call(said("Hello", "No.", "And?")).conversation == second.conversation


def test_the_same_continuation_again_is_one_more_reply_to_it(call: Call, answer: Answer) -> None:
    answer(call(said("Hello")), "Yes.")
    second = call(said("Hello", "Yes.", "And?"))
    answer(second, "So.")
    third = call(said("Hello", "Yes.", "And?"))
    assert (third.message, third.conversation) == (second.message, second.conversation)
    other = call(said("Hello", "Yes.", "But?"))
    assert other.conversation == second.conversation
    assert other.message != second.message
    assert Conversation.objects.get().message_count == Message.objects.count() == 7


@pytest.mark.parametrize("status", [Status.FAILED, Status.INTERRUPTED, Status.STOPPED])
def test_repeating_what_came_to_nothing_makes_a_reply_beside_it(
    call: Call, answer: Answer, status: Status
) -> None:
    first = call(said("Hello"))
    answer(first, "" if status == Status.FAILED else "Ye", status)
    second = call(said("Hello"), model="openai/two")
    assert (second.message, second.conversation) == (first.message, first.conversation)
    assert second.reply != first.reply
    assert Reply.objects.get(uid=second.reply).model == "openai/two"
    assert Conversation.objects.get().model == "openai/two"


def test_what_its_owner_set_in_the_page_stays_set(call: Call, answer: Answer) -> None:
    first = call(said("Hello", system="Be brief."))
    answer(first)
    chat = Conversation.objects.get()
    chat.change(settings={"system": "Other", "temperature": 0.3})
    second = call(said("Hello", "Yes.", "And?", system="Be brief."))
    chat.refresh_from_db()
    assert second.conversation == chat.uid
    assert chat.settings == {"system": "Be brief.", "temperature": 0.3}


# --- what the model is asked --------------------------------------------------------------

EXACTLY: list[Messages] = [
    said("Hello"),
    said("One", "Two", "Three", system="Be brief."),
    [{"role": "developer", "content": "Be brief."}, *said("Hello")],
    [*said("Hello"), {"role": "user", "content": "And hello again"}],
    [{"role": "assistant", "content": "How can I help?"}, *said("Hello")],
    [*said("One", "Two", "Three"), {"role": "system", "content": "Now be brief."}],
    [{"role": "user", "content": "Hello", "name": "Alice"}],
    [*said("Hello"), {"role": "assistant", "content": "Once upon a "}],
    [{"role": "system", "content": "Say something."}],
    said(""),
    said("One", "", "Three"),
    [{"role": "system", "content": "x" * 40_000}, *said("Hello")],
    [{"role": "developer", "content": "Be brief."}, *said("One", "Two", "Three")],
    [{"role": "system", "content": ""}, *said("One", "Two", "One")],
    [{"role": "system", "content": "One"}, {"role": "system", "content": "Two"}, *said("Hello")],
    [*said("One", "Two", "Three"), {"role": "assistant", "content": "F", "prefix": True}],
]


@pytest.mark.parametrize("messages", EXACTLY, ids=range(len(EXACTLY)))
def test_the_model_is_asked_just_what_was_sent_with_neighbours_joined(
    call: Call, claimed: Callable[[Accepted], Claim], messages: Messages
) -> None:
    assert claimed(call(messages)).messages == alternating(messages)


@pytest.mark.parametrize("kept", ["", "Half an ans"])
def test_a_client_that_kept_a_failed_reply_sends_roles_in_turn(
    call: Call, claimed: Callable[[Accepted], Claim], answer: Answer, kept: str
) -> None:
    answer(call(said("One")), kept, Status.STOPPED if kept else Status.FAILED)
    again = claimed(call([*said("One"), {"role": "assistant", "content": kept}, *said("Two")]))
    middle = [{"role": "assistant", "content": kept}] if kept else []
    expected = [*said("One"), *middle, *said("Two")] if kept else said("One\n\nTwo")
    assert again.messages == expected


def test_messages_are_kept_beside_the_tree_only_where_it_cannot_say_them(call: Call) -> None:
    call(said("One", "Two", "Three", system="Be brief."))
    call([{"role": "developer", "content": "Be brief."}, *said("Hello")])
    call([*said("One", "Two", "Three"), {"role": "assistant", "content": "F"}])
    call([{"role": "user", "content": "Hello", "name": "Alice"}])
    assert [one.messages for one in ApiCall.objects.order_by("pk")] == [
        None,
        [{"role": "developer", "content": "Be brief."}, None],
        [None, {"role": "assistant", "content": "F"}],
        [{"role": "user", "content": "Hello", "name": "Alice"}],
    ]


def test_a_long_call_is_asked_whole(
    call: Call, claimed: Callable[[Accepted], Claim], answer: Answer
) -> None:
    """Its client wants to hear that it is too long, not an answer to half of it."""
    messages = said(*(f"{at} {'word ' * 2000}" for at in range(9)))
    claim = claimed(call(messages, model="embedded/smollm2-135m"))
    assert claim.offer is not None
    assert claim.offer.context == 4096
    assert claim.messages == messages
    assert claim.row.left_out == 0


def test_parameters_go_along_and_those_of_the_page_do_not(
    call: Call, claimed: Callable[[Accepted], Claim], answer: Answer
) -> None:
    parameters = {"temperature": 0.5, "max_completion_tokens": 9, "seed": 7, "x": {"y": [1]}}
    first = call(said("Hello"), **parameters)
    claim = claimed(first)
    assert claim.settings == {"temperature": 0.5, "max_tokens": 9}
    assert claim.extra == {"seed": 7, "x": {"y": [1]}}
    Reply.objects.finish(claim, "Yes.", "", Outcome(Status.COMPLETE))
    Conversation.objects.get().change(settings={"top_p": 0.1})
    second = claimed(call(said("Hello", "Yes.", "And?")))
    assert (second.settings, second.extra) == ({}, {})


def test_a_further_attempt_asks_the_same(
    call: Call, claimed: Callable[[Accepted], Claim], process: Process
) -> None:
    messages: Messages = [{"role": "developer", "content": "Be brief."}, *said("Hello")]
    accepted = call(messages, seed=7)
    claimed(accepted)
    Reply.objects.put_back(Reply.objects.filter(owner_id=process.pk), "takeover", fault=True)
    claim = claimed(accepted)
    assert (claim.attempt, claim.messages, claim.extra) == (2, messages, {"seed": 7})


def test_what_the_owner_says_in_the_page_follows_on_the_tree(
    call: Call, answer: Answer, claimed: Callable[[Accepted], Claim], alice: User
) -> None:
    first = call(said("Hello", system="Be brief."), seed=7)
    answer(first)
    more = models.send(
        alice.pk, uuid4(), conversation=first.conversation, parent=first.reply, text="And?",
        model=None,
    )  # fmt: skip
    claim = claimed(more)
    assert claim.messages == said("Hello", "Yes.", "And?", system="Be brief.")
    assert claim.extra == {}


# --- limits and keys ----------------------------------------------------------------------


def test_a_model_goes_by_its_own_name_where_that_is_clear(call: Call, settings: Settings) -> None:
    call(said("Hello"), model="two")
    assert Reply.objects.get().model == "openai/two"
    settings.ENDPOINTS = {"other": {"base_url": "http://127.0.0.1:2/v1", "models": ["two"]}}
    with pytest.raises(NoModel, match=r"openai/two, other/two"):
        call(said("Hello"), model="two")
    with pytest.raises(NoModel):
        call(said("Hello"), model="three")
    assert Reply.objects.count() == 1


def test_so_many_wait_and_no_more(call: Call, settings: Settings) -> None:
    settings.QUEUED_REPLIES_PER_USER = 2
    call(said("One"))
    call(said("Two"))
    with pytest.raises(TooMany):
        call(said("Three"))
    assert Conversation.objects.count() == 2


def test_a_key_stores_a_call_once(call: Call, answer: Answer) -> None:
    key = uuid4()
    first = call(said("Hello"), key=key, body="a")
    assert call(said("Hello"), key=key, body="a") == first
    answer(first)
    assert call(said("Hello"), key=key, body="a") == first
    with pytest.raises(IdReused):
        call(said("Hello"), key=key, body="b")
    assert Reply.objects.count() == 1


def test_a_key_whose_reply_came_to_nothing_is_carried_out_again(call: Call, answer: Answer) -> None:
    key = uuid4()
    first = call(said("Hello"), key=key, body="a")
    answer(first, "", Status.FAILED)
    second = call(said("Hello"), key=key, body="a")
    assert second.reply != first.reply
    assert second.message == first.message
    assert call(said("Hello"), key=key, body="a") == second


# --- not to be stored ---------------------------------------------------------------------


def test_what_is_not_to_be_stored_is_apart_and_out_of_the_list(call: Call, answer: Answer) -> None:
    answer(call(said("Hello")))
    accepted = call(said("Hello", "Yes.", "And?"), store=False)
    chat = Conversation.objects.get(uid=accepted.conversation)
    assert (chat.source, chat.archived) == ("passing", True)
    assert Conversation.objects.count() == 2
    answer(accepted, "So.")
    again = call(said("Hello", "Yes.", "And?", "So.", "Then?"))
    assert again.conversation != accepted.conversation


def test_what_a_dead_process_left_unstored_is_deleted(call: Call, answer: Answer) -> None:
    kept, running, ended, fresh = (
        call(said("Stored")), *(call(said(text), store=False) for text in ("a", "b", "c"))
    )  # fmt: skip
    for accepted in (kept, ended, fresh):
        answer(accepted)
    long_ago = timezone.now() - timedelta(minutes=2)
    Reply.objects.exclude(uid=fresh.reply).filter(ended__isnull=False).update(ended=long_ago)
    assert forget_unstored() == 1
    left = set(Conversation.objects.values_list("uid", flat=True))
    assert left == {kept.conversation, running.conversation, fresh.conversation}


# --- turns --------------------------------------------------------------------------------


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "role": st.sampled_from(["system", "developer", "user", "assistant"]),
                "content": st.text("ab", max_size=2),
            }
        )
    )
)
def test_turns_alternate_from_the_user_to_the_user(messages: Messages) -> None:
    found = turns(messages)
    assert [role for role, _ in found] == (["user", "assistant"] * len(found))[: len(found)]
    assert found[-1][0] == "user"
    words = "".join(text.replace("\n", "") for _, text in found)
    spoken = [one for one in messages if one["role"] in ("user", "assistant")]
    while spoken and spoken[-1]["role"] == "assistant":
        spoken.pop()
    assert words == "".join(one["content"] for one in spoken)


@given(st.lists(st.sampled_from(["system", "user", "assistant"]), max_size=8))
def test_the_last_answer_is_one_that_something_else_follows_on(roles: list[str]) -> None:
    said = [{"role": role, "content": ""} for role in roles]
    answers = [
        at
        for at in range(1, len(roles))
        if roles[at] == "assistant" and any(role != "assistant" for role in roles[at + 1 :])
    ]
    assert _last_answer(said) == max(answers, default=0)


# --- stored calls, and who waits for them ---------------------------------------------------


def test_a_page_of_stored_calls_ends_with_its_characters(
    call: Call, answer: Answer, alice: User, bob: User
) -> None:
    for at in range(4):
        answer(call(said(f"Call {at}")), "x" * 10)
    answer(call(said("No answer")), "", Status.FAILED)
    answer(call(said("Bob's"), user=bob))
    answer(call(said("Not kept"), store=False))
    kept = ApiCall.objects.kept(alice.pk)

    def page(**asked: Any) -> tuple[list[str], bool]:
        given = {"after": None, "newest_first": False, "limit": 20, "characters": 100}
        rows, more = kept.page(**given | asked)
        return [row.reply.parent.text[-1] for row in rows if row.reply.parent], more

    assert page() == (["0", "1", "2", "3"], False)
    assert page(characters=25) == (["0", "1"], True)
    assert page(characters=1) == (["0"], True)
    assert page(newest_first=True, limit=2) == (["3", "2"], True)
    assert page(after=kept.order_by("pk")[1].pk) == (["2", "3"], False)


@pytest.mark.parametrize("key", ["a", "a__contains", "a.b", "a'; --", "[0]"])
def test_metadata_is_found_whatever_its_key(
    call: Call, answer: Answer, alice: User, key: str
) -> None:
    accepted = call(said("One"))
    answer(accepted)
    ApiCall.objects.get().describe({key: "b", "c": "d"})
    kept = ApiCall.objects.kept(alice.pk)
    assert kept.with_metadata({key: "b", "c": "d"}).count() == 1
    assert kept.with_metadata({key: "x"}).count() == 0
    assert kept.with_metadata({"other": "b"}).count() == 0


def test_who_leaves_a_repeated_call_first_stops_nothing_in_whatever_process(
    call: Call, alice: User
) -> None:
    key = uuid4()
    first = call(said("One"), key=key)
    assert call(said("One"), key=key).reply == first.reply
    assert leave_call(alice.pk, first.reply, stop=True, store=True)
    assert Reply.objects.get().status == Status.QUEUED
    assert not leave_call(alice.pk, first.reply, stop=True, store=True)
    assert Reply.objects.get().status == Status.STOPPED


def test_the_last_who_leaves_deletes_what_is_not_to_be_stored(call: Call, alice: User) -> None:
    key = uuid4()
    for _ in range(2):
        accepted = call(said("One"), key=key, store=False)
    assert leave_call(alice.pk, accepted.reply, stop=True, store=False)
    assert Conversation.objects.exists()
    assert not leave_call(alice.pk, accepted.reply, stop=True, store=False)
    assert not Conversation.objects.exists()
    assert not leave_call(alice.pk, accepted.reply, stop=True, store=False)
