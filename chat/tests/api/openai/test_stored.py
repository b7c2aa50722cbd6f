"""Stored calls: listed, fetched again, described and deleted."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from chat.api.openai import stored
from chat.models import Accepted, Message, Outcome, Process, Reply, Status, Token
from chat.models.commands.openai_calls import NewCall, place_call

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/v1/chat/completions"


@pytest.fixture(autouse=True)
def _a_model(settings: Settings) -> None:
    settings.OPENAI_API_KEY, settings.CHAT_MODEL = "sk-test", ["one", "two"]


@pytest.fixture
def keep(alice: User) -> Callable[..., Accepted]:
    """A call of Alice's that was answered, unless it shall not be."""
    process = Process.objects.create(uid=uuid4(), name="here:1")

    def keep(
        question: str = "Hi", answer: str | None = "Hello.", *, model: str = "openai/one",
        metadata: dict[str, str] | None = None, **parameters: Any,
    ) -> Accepted:  # fmt: skip
        messages = [{"role": "user", "content": question}]
        call = NewCall(model, messages, parameters, metadata=metadata or {})
        accepted = place_call(alice.pk, call, None, "")
        if answer is not None:
            claim = Reply.objects.claim(Reply.objects.get(uid=accepted.reply).pk, process.pk)
            assert claim is not None
            done = Outcome(Status.COMPLETE, finish_reason="stop")
            assert Reply.objects.finish(claim, answer, "", done) is not None
        return accepted

    return keep


type Keep = Callable[..., Accepted]
type Ask = Callable[..., tuple[int, Any]]


def asking(user: User) -> Ask:
    secret = Token.objects.make(user, "A program", ["chat"], None)[1]

    def ask(path: str = "", method: str = "GET", body: Any = None) -> tuple[int, Any]:
        answer = Client().generic(
            method,
            PATH + path,
            b"" if body is None else json.dumps(body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {secret}"},
        )
        return answer.status_code, answer.json()

    return ask


@pytest.fixture
def ask(alice: User) -> Ask:
    return asking(alice)


def id_of(accepted: Accepted) -> str:
    return f"chatcmpl-{accepted.reply.hex}"


def test_a_stored_completion_is_what_the_call_got(keep: Keep, ask: Ask) -> None:
    accepted = keep(temperature=0.5, seed=7)
    status, found = ask(f"/{id_of(accepted)}")
    assert (status, found["id"], found["object"]) == (200, id_of(accepted), "chat.completion")
    assert found["choices"][0]["message"]["content"] == "Hello."
    assert (found["temperature"], found["seed"], found["top_p"]) == (0.5, 7, None)
    assert found["metadata"] == {}


def test_pages_go_on_after_an_id_in_either_order(keep: Keep, ask: Ask) -> None:
    ids = [id_of(keep(f"{at}?")) for at in range(5)]
    for order, expected in (("asc", ids), ("desc", ids[::-1])):
        read: list[str] = []
        after = ""
        while True:
            status, page = ask(f"?order={order}&limit=2&after={after}")
            assert status == 200
            assert (page["first_id"], page["last_id"]) == (
                page["data"][0]["id"],
                page["data"][-1]["id"],
            )
            read += [row["id"] for row in page["data"]]
            if not page["has_more"]:
                break
            after = page["last_id"]
        assert read == expected


def test_a_page_of_long_answers_is_shorter_but_never_empty(
    keep: Keep, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "CHARACTERS", 10)
    for answer in ("x" * 6, "x" * 6, "x" * 50):
        keep(answer, answer)
    _, first = ask("?limit=3")
    _, second = ask(f"?limit=3&after={first['last_id']}")
    _, third = ask(f"?limit=3&after={second['last_id']}")
    assert [page["has_more"] for page in (first, second, third)] == [True, True, False]
    assert len(third["data"][0]["choices"][0]["message"]["content"]) == 50


def test_a_list_is_narrowed_by_model_and_metadata(keep: Keep, ask: Ask) -> None:
    one = keep("1", metadata={"job": "a", "part": "1"})
    two = keep("2", model="openai/two", metadata={"job": "a", "part": "2"})
    for query, found in (
        ("?model=openai/two", [two]),
        ("?model=two", [two]),
        ("?model=wo", []),
        ("?metadata[job]=a", [one, two]),
        ("?metadata[job]=a&metadata[part]=1", [one]),
        ("?metadata[job]=b", []),
    ):
        _, page = ask(query)
        assert [row["id"] for row in page["data"]] == [id_of(call) for call in found], query


def test_metadata_can_be_replaced_and_by_nothing_else(keep: Keep, ask: Ask) -> None:
    accepted = keep(metadata={"job": "a"})
    status, found = ask(f"/{id_of(accepted)}", "POST", {"metadata": {"job": "b"}})
    assert (status, found["metadata"]) == (200, {"job": "b"})
    status, problem = ask(f"/{id_of(accepted)}", "POST", {"metadata": ["job"]})
    assert (status, problem["error"]["type"]) == (400, "invalid_request_error")
    assert ask(f"/{id_of(accepted)}")[1]["metadata"] == {"job": "b"}


def test_large_metadata_is_refused_unread(keep: Keep, ask: Ask, settings: Settings) -> None:
    settings.CONTROL_FRAME_BYTES = 1024
    body = {"metadata": {"job": "x" * 2000}}
    status, problem = ask(f"/{id_of(keep())}", "POST", body)
    assert (status, problem["error"]["code"]) == (413, "request_too_large")


def test_the_prompt_is_listed_message_by_message(keep: Keep, ask: Ask) -> None:
    accepted = keep("What is it?")
    _, page = ask(f"/{id_of(accepted)}/messages")
    (message,) = page["data"]
    assert (message["role"], message["content"]) == ("user", "What is it?")
    assert message["id"] == f"{id_of(accepted)}-0"
    assert ask(f"/{id_of(accepted)}/messages?after={message['id']}")[1]["data"] == []
    assert ask(f"/{id_of(accepted)}/messages?after=other")[0] == 404


@pytest.mark.parametrize(
    "query", ["?limit=0", "?limit=101", "?limit=1e1", "?limit=٣", "?order=newest",
              "?" + "&".join(f"metadata[{at}]=x" for at in range(17))]
)  # fmt: skip
def test_a_wrong_parameter_is_named(ask: Ask, query: str) -> None:
    status, problem = ask(query)
    assert status == 400
    assert problem["error"]["param"] in {"limit", "order", "metadata"}


def test_a_call_that_is_being_answered_is_not_there_yet_and_cannot_be_deleted(
    keep: Keep, ask: Ask
) -> None:
    accepted = keep(answer=None)
    assert ask()[1]["data"] == []
    assert ask(f"/{id_of(accepted)}")[0] == 404
    status, problem = ask(f"/{id_of(accepted)}", "DELETE")
    assert (status, problem["error"]["code"]) == (409, "still_answered")


def test_a_deleted_call_is_gone_once(keep: Keep, ask: Ask) -> None:
    accepted = keep()
    deleted = {"object": "chat.completion.deleted", "id": id_of(accepted), "deleted": True}
    assert ask(f"/{id_of(accepted)}", "DELETE") == (200, deleted)
    assert ask(f"/{id_of(accepted)}", "DELETE")[0] == 404
    assert not Message.objects.exists()


def test_a_stranger_gets_the_same_404_as_for_an_unknown_id(keep: Keep, bob: User) -> None:
    theirs, his = id_of(keep()), asking(bob)
    for path, method, body in (
        ("/{}", "GET", None),
        ("/{}/messages", "GET", None),
        ("/{}", "POST", {"metadata": {}}),
        ("/{}", "DELETE", None),
        ("?after={}", "GET", None),
    ):
        unknown = f"chatcmpl-{UUID(int=7).hex}"
        answers = [his(path.format(name), method, body) for name in (theirs, unknown)]
        assert answers[0] == answers[1]
        assert answers[0][0] == 404
    assert his()[1]["data"] == []
    assert Message.objects.count() == 2
