"""Records of attempts, and contents of a claim: settings, context, model, price."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone
from pytest_django import Settings

from chat import models, protocol
from chat.models import (
    Accepted,
    Attempt,
    Claim,
    Conversation,
    Endpoint,
    IdReused,
    Message,
    OfferedModel,
    Outcome,
    Process,
    Reason,
    Reply,
    Status,
    Unsaved,
)
from chat.models.attempts import joined

type Send = Callable[..., Accepted]
type Get = Callable[[Accepted], Reply]

USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "cached_tokens": 0, "estimated": False}
DONE = Outcome(Status.COMPLETE, finish_reason="stop", usage=USAGE, cost=Decimal("0.25"))


@pytest.fixture
def own(db: None) -> OfferedModel:
    """A model of the database, with a context of 600 tokens and prices."""
    endpoint = Endpoint.objects.create(slug="own", label="Own", base_url="http://own:1/v1")
    return OfferedModel.objects.create(
        endpoint=endpoint, name="m", context=600, input_price=Decimal(1), output_price=Decimal(10)
    )


def claim(reply: Reply, process: Process) -> Claim:
    claimed: Claim | None = Reply.objects.claim(reply.pk, process.pk)
    assert claimed is not None
    return claimed


def attempts(reply: Reply) -> list[Any]:
    return list(Attempt.objects.filter(reply=reply.pk).order_by("number").values())


def test_each_attempt_keeps_its_own_facts(send: Send, get: Get, process: Process) -> None:
    accepted = send("Hello", model="openai/one")
    first = claim(get(accepted), process)
    failed = {"at": "2026-01-01T00:00:00+00:00", "code": "unreachable", "status": None}
    outcome = Outcome(
        Status.INTERRUPTED, error_code="unreachable", error_detail="Refused.", tries=[failed]
    )
    Reply.objects.finish(first, "", "", outcome)
    reply = get(accepted)
    models.continue_(reply.user_id, reply.uid, reply=reply.uid, model="openai/two")
    second = claim(get(accepted), process)
    Reply.objects.finish(second, "Hi.", "", DONE)

    one, two = attempts(reply)
    assert (one["number"], one["status"], one["model"]) == (1, "failed", "one")
    assert (one["error_code"], one["error_detail"]) == ("unreachable", "Refused.")
    assert one["tries"] == [failed]
    assert (two["number"], two["status"], two["model"]) == (2, "complete", "two")
    assert (two["endpoint"], two["finish_reason"], two["usage"]) == ("openai", "stop", USAGE)
    assert two["started"] < two["ended"]


def test_money_of_all_attempts_counts(send: Send, get: Get, process: Process) -> None:
    accepted = send("Hello")
    Reply.objects.finish(claim(get(accepted), process), "Hi", "", DONE)
    Message.objects.filter(pk=get(accepted).pk).update(finish_reason="length")
    reply = get(accepted)
    models.continue_(reply.user_id, reply.uid, reply=reply.uid, model=None)
    Reply.objects.finish(claim(get(accepted), process), "Hi there", "", DONE)
    assert get(accepted).cost == Decimal("0.5")


def test_users_see_the_cost_only_if_the_operator_allows(
    send: Send, get: Get, process: Process, settings: Settings
) -> None:
    accepted = send("Hello")
    Reply.objects.finish(claim(get(accepted), process), "Hi", "", DONE)
    assert protocol.reply_object(get(accepted)).cost is None
    settings.SHOW_COST = True
    assert protocol.reply_object(get(accepted)).cost == 0.25


def test_attempt_that_is_given_up_says_why(send: Send, get: Get, process: Process) -> None:
    accepted = send("Hello")
    claim(get(accepted), process)
    running = Reply.objects.filter(status=Status.RUNNING)
    Reply.objects.put_back(running, Reason.TAKEOVER, fault=True)
    (lost,) = attempts(get(accepted))
    assert lost["status"] == "takeover"
    assert lost["ended"] is not None


def test_a_wait_ends_with_the_attempt_that_waited(send: Send, get: Get, process: Process) -> None:
    accepted = send("Hello")
    tries = [{"code": "rate_limited", "status": 429}]
    Reply.objects.wait(claim(get(accepted), process), timezone.now(), tries)
    assert get(accepted).retry_at is not None
    assert attempts(get(accepted))[0]["tries"] == tries
    running = Reply.objects.filter(status=Status.RUNNING)
    Reply.objects.put_back(running, Reason.TAKEOVER, fault=True)
    assert (get(accepted).reason, get(accepted).retry_at) == ("takeover", None)


def test_stop_before_the_next_attempt_leaves_the_last_one_alone(
    send: Send, get: Get, process: Process
) -> None:
    accepted = send("Hello")
    claim(get(accepted), process)
    running = Reply.objects.filter(status=Status.RUNNING)
    Reply.objects.put_back(running, Reason.RESTART, fault=False)
    reply = get(accepted)
    Reply.objects.stop(reply.user_id, reply.uid)
    (lost,) = attempts(reply)
    assert lost["status"] == "restart"
    assert get(accepted).status == "stopped"


# --- what is asked ----------------------------------------------------------------------------


def test_settings_go_along_with_the_first_message(alice: User, get: Get, process: Process) -> None:
    chosen = {"system": "Answer in rhymes.", "temperature": 0.2, "max_tokens": 50}
    accepted = models.send(
        alice.pk, UUID(int=1), conversation=None, parent=None, text="Hello", model=None,
        settings=chosen,
    )  # fmt: skip
    claimed = claim(get(accepted), process)
    assert claimed.messages[0] == {"role": "system", "content": "Answer in rhymes."}
    assert claimed.settings == {"temperature": 0.2, "max_tokens": 50}
    assert attempts(get(accepted))[0]["settings"] == chosen


def test_settings_are_kept_until_they_are_replaced(send: Send, alice: User) -> None:
    accepted = send("Hello")
    chat = Conversation.objects.get(uid=accepted.conversation)
    chat.change(settings={"temperature": 1.0})
    send("More", below=accepted)
    chat.refresh_from_db()
    assert chat.settings == {"temperature": 1.0}


def test_the_same_id_with_other_settings_is_refused(alice: User) -> None:
    fields: dict[str, Any] = {"conversation": None, "parent": None, "text": "Hi", "model": None}
    models.send(alice.pk, UUID(int=1), **fields, settings={"top_p": 0.5})
    with pytest.raises(IdReused):
        models.send(alice.pk, UUID(int=1), **fields, settings={"top_p": 0.6})


def test_what_does_not_fit_is_left_out_and_counted(
    own: OfferedModel, send: Send, get: Get, process: Process
) -> None:
    accepted = send("First. " * 100, model="own/m")
    Conversation.objects.get(uid=accepted.conversation).change(settings={"system": "Be kind."})
    for number in range(3):
        Reply.objects.finish(claim(get(accepted), process), f"Answer {number}.", "", DONE)
        accepted = send(f"Question {number}. " * 30, below=accepted)
    claimed = claim(get(accepted), process)
    assert claimed.messages[0] == {"role": "system", "content": "Be kind."}
    assert claimed.messages[-1]["content"].startswith("Question 2.")
    assert "First." not in str(claimed.messages)
    path = Conversation.objects.get(uid=accepted.conversation).path(get(accepted))[:-1]
    assert get(accepted).left_out == len(path) - (len(claimed.messages) - 1) > 0
    assert attempts(get(accepted))[0]["left_out"] == get(accepted).left_out


def test_prices_of_the_model_come_with_the_claim(
    own: OfferedModel, send: Send, get: Get, process: Process
) -> None:
    claimed = claim(get(send("Hello", model="own/m")), process)
    assert claimed.offer is not None
    assert claimed.offer.prices is not None
    assert claimed.offer.prices.cost(USAGE) == Decimal("0.002")


def test_model_that_was_taken_from_its_user_meanwhile_is_not_asked(
    own: OfferedModel, send: Send, get: Get, process: Process
) -> None:
    accepted = send("Hello", model="own/m")
    own.groups.add(Group.objects.create(name="others"))
    claimed = claim(get(accepted), process)
    assert claimed.offer is None
    assert claimed.endpoint is None


def test_a_claim_shows_neither_key_nor_prompt(
    own: OfferedModel, send: Send, get: Get, process: Process, settings: Settings
) -> None:
    settings.ENCRYPTION_KEY = "any text"
    own.endpoint.change_secrets(base_url="http://own:1/v1", key="sk-canary", headers={"X": "hush"})
    own.endpoint.save()
    claimed = claim(get(send("the canary prompt", model="own/m")), process)
    assert claimed.endpoint is not None
    assert claimed.endpoint.api_key == "sk-canary"
    for secret in ("sk-canary", "hush", "the canary prompt"):
        assert secret not in repr(claimed)


# --- what an attempt took that was not ended by its producer -------------------------------------


def put_back(reason: Reason = Reason.TAKEOVER) -> None:
    Reply.objects.put_back(Reply.objects.filter(status=Status.RUNNING), reason, fault=True)


def store(claimed: Claim, text: str) -> None:
    part = Unsaved(claimed.reply, claimed.attempt, (("text", len(claimed.text), text),))
    Reply.objects.checkpoint(claimed.owner, [part])


def test_attempt_of_a_dead_process_is_estimated_by_what_it_stored(
    own: OfferedModel, send: Send, get: Get, process: Process
) -> None:
    accepted = send("Hello there, and a little more.", model="own/m")
    store(claim(get(accepted), process), "x" * 400)
    put_back()
    (lost,) = attempts(get(accepted))
    assert lost["usage"]["completion_tokens"] == 100
    assert lost["usage"]["prompt_tokens"] == 8
    assert lost["usage"]["estimated"] is True
    assert lost["cost"] == Decimal("0.001008")


def test_what_was_handed_over_keeps_what_its_producer_saw(
    own: OfferedModel, send: Send, get: Get, process: Process
) -> None:
    accepted = send("Hello", model="own/m")
    claimed = claim(get(accepted), process)
    store(claimed, "x" * 400)
    seen = Outcome(
        Status.INTERRUPTED, usage=USAGE, cost=Decimal("0.25"), first_token_ms=7, answered_by="m-1"
    )
    Attempt.objects.note({claimed.record: Outcome(Status.INTERRUPTED)})  # nothing yet
    Attempt.objects.note({claimed.record: seen})
    put_back(Reason.RESTART)
    (lost,) = attempts(get(accepted))
    assert (lost["status"], lost["usage"], lost["cost"]) == ("restart", USAGE, Decimal("0.25"))
    assert (lost["first_token_ms"], lost["answered_by"]) == (7, "m-1")
    Attempt.objects.note({claimed.record: Outcome(Status.INTERRUPTED, cost=Decimal(9))})
    assert attempts(get(accepted)) == [lost]  # its end is recorded


def test_tokens_and_money_of_a_reply_are_those_of_all_attempts(
    own: OfferedModel, send: Send, get: Get, process: Process
) -> None:
    accepted = send("Hello there, and a little more.", model="own/m")
    store(claim(get(accepted), process), "x" * 400)
    put_back()
    Reply.objects.finish(claim(get(accepted), process), "Done.", "", DONE)
    reply = get(accepted)
    assert reply.usage == {
        "prompt_tokens": 1008,
        "completion_tokens": 200,
        "reasoning_tokens": None,
        "cached_tokens": 0,
        "estimated": True,
    }
    assert reply.cost == Decimal("0.251008")


def test_stop_of_what_was_handed_over_keeps_its_tokens(
    own: OfferedModel, send: Send, get: Get, process: Process
) -> None:
    accepted = send("Hello", model="own/m")
    store(claim(get(accepted), process), "x" * 400)
    put_back()
    reply = get(accepted)
    Reply.objects.stop(reply.user_id, reply.uid)
    stopped = get(accepted)
    assert (stopped.status, stopped.text) == ("stopped", "x" * 400)
    assert stopped.usage is not None
    assert stopped.usage["completion_tokens"] == 100


def test_only_what_is_new_counts_for_the_attempt_that_goes_on(
    own: OfferedModel, send: Send, get: Get, process: Process
) -> None:
    Endpoint.objects.update(prefix="plain")
    accepted = send("Hello", model="own/m")
    store(claim(get(accepted), process), "x" * 400)
    put_back()
    store(claim(get(accepted), process), "y" * 40)
    put_back()
    first, second = attempts(get(accepted))
    assert (first["kept"], first["usage"]["completion_tokens"]) == (0, 100)
    assert (second["kept"], second["usage"]["completion_tokens"]) == (400, 10)


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ([], ""),
        ([(0, "one "), (4, "two")], "one two"),
        ([(0, "one "), (2, "e two"), (4, "two three")], "one two three"),
        ([(0, "one two"), (4, "tw")], "one two"),
        ([(0, "one "), (9, "three")], "one "),
    ],
)
def test_what_two_parts_have_is_there_once(parts: list[tuple[int, str]], text: str) -> None:
    assert joined(parts) == text


def test_parts_that_overlap_do_not_double_the_text(send: Send, get: Get, process: Process) -> None:
    accepted = send("Hello")
    claimed = claim(get(accepted), process)
    for at, text in ((0, "one "), (4, "two three "), (8, "three four")):
        part = Unsaved(claimed.reply, claimed.attempt, (("text", at, text),))
        Reply.objects.checkpoint(claimed.owner, [part])
    put_back()
    assert get(accepted).stored_text() == ("one two three four", "")
