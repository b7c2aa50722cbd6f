"""OpenAI's SDK for Python, unmodified, on a running server."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionMessageParam

from chat.tests.live.client import eventually
from chat.tests.live.database import Person
from chat.tests.live.server import ENDLESS, SHORT, Server, Upstream
from fake_endpoint import expected_text

type Messages = list[ChatCompletionMessageParam]


def sdk(server: Server, token: str, **options: Any) -> OpenAI:
    return OpenAI(base_url=f"{server.origin}/v1", api_key=token, max_retries=0, **options)


@pytest.fixture
def alice(site: Server) -> Person:
    return site.database.add_person("alice")


@pytest.fixture
def client(site: Server, alice: Person) -> OpenAI:
    return sdk(site, site.database.add_token(alice, "chat", "read"))


def user(text: str) -> ChatCompletionMessageParam:
    return {"role": "user", "content": text}


def conversations(server: Server, person: Person) -> list[dict[str, Any]]:
    return server.database.rows(
        "SELECT * FROM chat_conversation WHERE owner_id = ? ORDER BY id", person.id
    )


def test_models_are_listed_and_found_by_id(client: OpenAI) -> None:
    ids = [model.id for model in client.models.list()]
    assert f"openai/{SHORT}" in ids
    assert client.models.retrieve(f"openai/{SHORT}").owned_by == "openai"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("openai/nothing")
    assert caught.value.code == "model_not_found"


def test_a_completion(client: OpenAI) -> None:
    made = client.chat.completions.create(model=f"openai/{SHORT}", messages=[user("Tell me")])
    (choice,) = made.choices
    assert choice.message.content == expected_text(SHORT)
    assert (choice.message.role, choice.finish_reason) == ("assistant", "stop")
    assert made.model == f"openai/{SHORT}"
    assert made.id.startswith("chatcmpl-")
    assert made.usage is not None
    assert (made.usage.prompt_tokens, made.usage.completion_tokens) == (7, 40)
    assert made.usage.total_tokens == 47


def test_a_stream_is_what_a_completion_is(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model=SHORT,
        messages=[user("Tell me")],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(choice.delta.content or "" for one in chunks for choice in one.choices)
    assert text == expected_text(SHORT)
    reasons = [choice.finish_reason for one in chunks for choice in one.choices]
    assert [reason for reason in reasons if reason] == ["stop"]
    assert reasons[-1] == "stop"
    assert (chunks[-1].choices, chunks[-1].usage and chunks[-1].usage.total_tokens) == ([], 47)
    assert {one.usage for one in chunks[:-1]} == {None}
    assert len({one.id for one in chunks}) == 1


def test_the_helper_for_streams_collects_the_same(client: OpenAI) -> None:
    with client.chat.completions.stream(model=SHORT, messages=[user("Tell me")]) as stream:
        for _ in stream:
            pass
        made = stream.get_final_completion()
    assert made.choices[0].message.content == expected_text(SHORT)


def test_the_async_client_streams_and_completes(site: Server, alice: Person) -> None:
    async def ask() -> tuple[str, str | None]:
        token = site.database.add_token(alice, "chat")
        async with AsyncOpenAI(base_url=f"{site.origin}/v1", api_key=token) as client:
            made, stream = await asyncio.gather(
                client.chat.completions.create(model=SHORT, messages=[user("Tell me")]),
                client.chat.completions.create(model=SHORT, messages=[user("And me")], stream=True),
            )
            chunks = [one async for one in stream]
            text = "".join(choice.delta.content or "" for one in chunks for choice in one.choices)
            return text, made.choices[0].message.content

    text = expected_text(SHORT)
    assert asyncio.run(ask()) == (text, text)


def test_thoughts_come_in_a_field_of_their_own(client: OpenAI) -> None:
    made = client.chat.completions.create(model="think", messages=[user("Think")])
    message = made.choices[0].message
    assert message.model_extra is not None
    assert message.model_extra["reasoning_content"]
    assert message.model_extra["reasoning_content"] not in (message.content or "")


def test_three_calls_are_one_conversation(client: OpenAI, site: Server, alice: Person) -> None:
    messages: Messages = [{"role": "system", "content": "Be brief."}]
    for question in ("One", "Two", "Three"):
        messages.append(user(question))
        made = client.chat.completions.create(model=SHORT, messages=messages)
        messages.append(made.choices[0].message.to_dict())  # type: ignore[arg-type]
    (row,) = conversations(site, alice)
    assert (row["source"], row["title"], row["message_count"]) == ("api", "One", 6)
    assert len(site.database.messages(alice)) == 6
    parents = [message["parent_id"] for message in site.database.messages(alice)]
    assert parents == [None, *(message["id"] for message in site.database.messages(alice))][:6]


def test_nobody_goes_on_with_somebody_elses_conversation(
    client: OpenAI, site: Server, alice: Person
) -> None:
    made = client.chat.completions.create(model=SHORT, messages=[user("Hello")])
    answer = made.choices[0].message.content or ""
    bob = site.database.add_person("bob")
    messages: Messages = [user("Hello"), {"role": "assistant", "content": answer}, user("And?")]
    sdk(site, site.database.add_token(bob, "chat")).chat.completions.create(
        model=SHORT, messages=messages
    )
    (mine,), (his,) = conversations(site, alice), conversations(site, bob)
    assert (mine["message_count"], his["message_count"]) == (2, 4)


def test_parameters_reach_the_endpoint_as_they_are(
    client: OpenAI, site: Server, upstream: Upstream
) -> None:
    about = f"About {uuid4()}"
    parameters: dict[str, Any] = {
        "temperature": 0.25,
        "top_p": 0.5,
        "max_completion_tokens": 17,
        "seed": 7,
        "stop": ["\n\n"],
        "presence_penalty": 0.5,
        "logit_bias": {"50256": -100},
        "response_format": {"type": "json_object"},
        "user": "somebody",
        "reasoning_effort": "low",
    }
    own = {"top_k": 40, "chat_template_kwargs": {"enable_thinking": False}, "x": [1, None, "é"]}
    messages: Messages = [{"role": "developer", "content": "Be brief."}, user(about)]
    client.chat.completions.create(
        model=SHORT, messages=messages, extra_body=own, n=1, metadata={"a": "b"}, **parameters
    )
    (request,) = upstream.requests(about)
    sent = request["body"]
    assert sent.pop("messages") == messages
    assert (sent.pop("model"), sent.pop("stream")) == (SHORT, True)
    sent.pop("stream_options")
    # This one goes by the endpoint's own name for it.
    parameters["max_tokens"] = parameters.pop("max_completion_tokens")
    assert sent == parameters | own


@pytest.mark.parametrize("hint", ["prompt_cache_key", "seed", "verbosity"])
def test_a_hint_that_the_endpoint_refuses_costs_no_call(
    client: OpenAI, upstream: Upstream, hint: str
) -> None:
    about = f"About {uuid4()}"
    hints: dict[str, Any] = {"prompt_cache_key": "k", "seed": 7, "verbosity": "low"}
    made = client.chat.completions.create(
        model=f"refuses?setting={hint}", messages=[user(about)], **hints
    )
    assert made.choices[0].message.content
    asked = [request["body"] for request in upstream.requests(about)]
    assert [{*hints} & {*body} for body in asked] == [{*hints}, {*hints} - {hint}]


def test_stored_calls_are_listed_and_fetched_again(
    client: OpenAI, site: Server, alice: Person
) -> None:
    made = [
        client.chat.completions.create(
            model=SHORT, messages=[user(f"Call {at}")], metadata={"at": str(at)}, seed=at
        )
        for at in range(3)
    ]
    chat = client.chat.completions
    ids = [one.id for one in made]
    assert [one.id for one in chat.list(limit=2)] == ids  # over two pages
    assert [one.id for one in chat.list(order="desc")] == ids[::-1]
    assert [one.id for one in chat.list(after=ids[0], limit=1).data] == ids[1:2]
    assert [one.id for one in chat.list(metadata={"at": "1"})] == ids[1:2]
    assert [one.id for one in chat.list(model=SHORT)] == ids
    assert chat.list(model="another").data == []
    page = chat.list(limit=1)
    assert page.has_next_page()
    found = chat.retrieve(ids[1])
    assert found.choices == made[1].choices
    assert (found.usage, found.created) == (made[1].usage, made[1].created)
    assert found.to_dict()["metadata"] == {"at": "1"}
    asked = chat.messages.list(ids[2])
    assert [(one.role, one.content) for one in asked] == [("user", "Call 2")]
    assert chat.update(ids[0], metadata={"at": "new"}).to_dict()["metadata"] == {"at": "new"}
    assert [one.id for one in chat.list(metadata={"at": "new"})] == ids[:1]
    assert chat.delete(ids[2]).to_dict() == {
        "id": ids[2],
        "object": "chat.completion.deleted",
        "deleted": True,
    }
    assert [one.id for one in chat.list()] == ids[:2]
    assert len(conversations(site, alice)) == 2
    for again in (chat.retrieve, chat.delete, chat.messages.list):
        with pytest.raises(openai.NotFoundError, match="no such stored completion"):
            again(ids[2])
    # Nobody else's, and nothing that has no answer.
    bob = site.database.add_person("bob")
    stranger = sdk(site, site.database.add_token(bob, "chat"))
    assert stranger.chat.completions.list().data == []
    for unknown in (ids[0], f"chatcmpl-{uuid4().hex}", "chatcmpl-x"):
        with pytest.raises(openai.NotFoundError, match="no such stored completion"):
            stranger.chat.completions.retrieve(unknown)
        with pytest.raises(openai.NotFoundError, match="no such stored completion"):
            stranger.chat.completions.delete(unknown)
    assert [one.id for one in chat.list()] == ids[:2]
    for wrong in ({"limit": 0}, {"order": "up"}, {"after": "x"}):
        with pytest.raises((openai.BadRequestError, openai.NotFoundError)):
            chat.list(**wrong)


def test_a_call_that_is_answered_cannot_be_deleted_yet(
    client: OpenAI, site: Server, alice: Person
) -> None:
    chat = client.chat.completions
    with chat.create(model=ENDLESS, messages=[user("Go on")], stream=True) as stream:
        chunk = next(iter(stream))
        with pytest.raises(openai.ConflictError, match="close its connection") as caught:
            chat.with_raw_response.delete(chunk.id)
        assert caught.value.response.headers["x-should-retry"] == "false"
    _until_stopped(site, alice)
    assert chat.delete(chunk.id).deleted
    assert site.database.messages(alice) == []


def test_leaving_a_stream_is_stop(
    client: OpenAI, site: Server, alice: Person, upstream: Upstream
) -> None:
    about = f"About {uuid4()}"
    stream = client.chat.completions.create(
        model="words?n=9000&rate=60", messages=[user(about)], stream=True
    )
    for chunk in stream:
        if chunk.choices[0].delta.content:
            break
    stream.close()
    _until_stopped(site, alice)
    (request,) = upstream.requests(about)
    assert request["closed_by_client"] is not None


def test_leaving_before_the_answer_is_stop(site: Server, alice: Person, upstream: Upstream) -> None:
    about = f"About {uuid4()}"
    client = sdk(site, site.database.add_token(alice, "chat"), timeout=1)
    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model="words?n=9000&rate=60", messages=[user(about)])
    _until_stopped(site, alice)
    (request,) = upstream.requests(about)
    assert request["closed_by_client"] is not None


def _until_stopped(server: Server, person: Person) -> None:
    asyncio.run(
        eventually(lambda: server.database.messages(person)[-1]["status"] == "stopped", "stopped")
    )


# --- refusals -----------------------------------------------------------------------------


def test_no_token_and_a_wrong_one_are_an_authentication_error(site: Server) -> None:
    for token in ("prl_" + "x" * 43, "sk-something"):
        with pytest.raises(openai.AuthenticationError) as caught:
            sdk(site, token).models.list()
        assert caught.value.code == "invalid_api_key"
        with pytest.raises(openai.AuthenticationError):
            sdk(site, token).chat.completions.create(model=SHORT, messages=[user("Hi")])


def test_a_token_without_the_scope_is_a_permission_error(site: Server, alice: Person) -> None:
    reader = sdk(site, site.database.add_token(alice, "read"))
    assert reader.models.list().data
    with pytest.raises(openai.PermissionDeniedError) as caught:
        reader.chat.completions.create(model=SHORT, messages=[user("Hi")])
    assert caught.value.code == "scope"
    with pytest.raises(openai.PermissionDeniedError):
        sdk(site, site.database.add_token(alice, "export")).models.list()
    assert site.database.messages(alice) == []


def test_an_unknown_model_is_not_found_and_nothing_is_stored(
    client: OpenAI, site: Server, alice: Person
) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-99", messages=[user("Hi")])
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    assert site.database.messages(alice) == []


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "What is it?"},
                            {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}},
                        ],
                    }
                ]
            },
            "messages.0.content.1",
        ),
    ],
)
def test_what_cannot_be_served_is_a_bad_request(
    client: OpenAI, site: Server, alice: Person, asked: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**({"model": SHORT, "messages": [user("Hi")]} | asked))
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"
    assert site.database.messages(alice) == []


def test_a_busy_endpoint_is_a_rate_limit_error_that_is_not_repeated(
    site: Server, alice: Person
) -> None:
    token = site.database.add_token(alice, "chat")
    client = OpenAI(base_url=f"{site.origin}/v1", api_key=token, max_retries=2)
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="status?code=429&after=7", messages=[user("Hi")])
    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.response.headers["Retry-After"] == "7"
    assert len(site.database.messages(alice)) == 2


def test_an_endpoint_at_fault_is_a_server_error(client: OpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="status?code=401", messages=[user("Hi")])
    assert (caught.value.status_code, caught.value.code) == (502, "refused_key")


@pytest.mark.parametrize(
    ("model", "text"), [("status?code=500", ""), ("error?text=0", ""), ("reset", "Hello, wörld 👍")]
)
def test_what_fails_in_a_stream_is_raised_after_its_text(
    client: OpenAI, model: str, text: str
) -> None:
    stream = client.chat.completions.create(model=model, messages=[user("Hi")], stream=True)
    said: list[str] = []
    with pytest.raises(openai.APIError, match="model server"):
        said.extend(chunk.choices[0].delta.content or "" for chunk in stream)
    assert "".join(said) == text


def test_a_call_that_failed_and_is_repeated_stays_in_one_conversation(
    client: OpenAI, site: Server, alice: Person
) -> None:
    for _ in range(2):
        with pytest.raises(openai.APIError):
            client.chat.completions.create(model="status?code=500", messages=[user("Hi")])
    client.chat.completions.create(model=SHORT, messages=[user("Hi")])
    (row,) = conversations(site, alice)
    assert row["message_count"] == 4
