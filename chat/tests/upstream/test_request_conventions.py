"""Endpoints that insist: on the name of a setting, on a way to continue, on Azure's address."""

import json
from typing import Any

import pytest

from chat.tests.upstream.conftest import KEY, PROMPT, Connect, Outcome, ask, read
from chat.upstream import ChatRequest, Client
from chat.upstream.refusals import refuses_stream
from fake_endpoint import FakeEndpoint, expected_text
from fake_endpoint.faults import SHORT

pytestmark = pytest.mark.asyncio

AZURE = "/openai/deployments/{model}/chat/completions"
HI = [{"role": "user", "content": PROMPT}]


async def go_on(client: Client, model: str, kept: str) -> Outcome:
    messages = [*HI, {"role": "assistant", "content": kept}]
    return await read(client, ChatRequest(model, messages, prefix=True))


@pytest.mark.parametrize("by", ["plain", "vllm", "flag"])
async def test_a_text_goes_on_by_the_convention_of_the_endpoint(
    upstream: FakeEndpoint, connect: Connect, by: str
) -> None:
    client, model = connect(prefix=by), f"continues?by={by}&n=60"
    text = expected_text(model)
    assert {text[size - 1] for size in range(30, 60)} > {" ", "\n"}
    for size in (1, *range(30, 60), len(text)):
        assert (await go_on(client, model, text[:size])).text == text[size:], size


@pytest.mark.parametrize(("by", "asks"), [("vllm", "plain"), ("flag", "vllm"), ("plain", "flag")])
async def test_the_fake_goes_on_by_its_own_convention_only(
    connect: Connect, by: str, asks: str
) -> None:
    model = f"continues?by={by}&n=60"
    text = expected_text(model)
    assert (await go_on(connect(prefix=asks), model, text[:30])).text == text


async def test_an_answer_without_the_space_joins_as_well(connect: Connect) -> None:
    client, model = connect(prefix="plain"), "continues?by=plain&n=60&space=0"
    text = expected_text(model)
    size = text.index(" ", 30) + 1
    assert (await go_on(client, model, text[:size])).text == text[size:]


@pytest.mark.parametrize("size", [1, 30, 77])
async def test_a_plain_answer_that_repeats_the_kept_text_brings_only_what_is_new(
    connect: Connect, size: int
) -> None:
    model = "continues?by=plain&n=60&json=1"
    text = expected_text(model)
    assert (await go_on(connect(prefix="plain"), model, text[:size])).text == text[size:]


@pytest.mark.parametrize(
    ("kept", "answer", "first", "new"),
    [
        ("Once upon a time", "Once upon a time there was", 16, " there was"),
        ("Once upon a ", "Once upon a time", 11, "time"),
        ("Once upon a time", "Once upon a time", 16, ""),
        ("Once upon a time", "Once upon a time there was", 4, "Once upon a time there was"),
    ],
)
async def test_a_first_piece_that_repeats_the_kept_text_is_left_out(
    upstream: FakeEndpoint, connect: Connect, kept: str, answer: str, first: int, new: str
) -> None:
    """Mistral's way, whose piece is the whole text."""
    upstream.play(answer, splits=[first])
    outcome = await go_on(connect(prefix="flag"), "any", kept)
    assert (outcome.text, outcome.error) == (new, None)


async def test_a_stream_may_repeat_what_it_likes(upstream: FakeEndpoint, connect: Connect) -> None:
    upstream.play("tut tut")
    assert (await go_on(connect(prefix="plain"), "any", "tut")).text == "tut tut"


async def test_white_space_alone_is_sent_as_it_is(upstream: FakeEndpoint, connect: Connect) -> None:
    upstream.play("\n x")
    outcome = await go_on(connect(prefix="plain"), "any", "\n")
    assert upstream.chats[0].body["messages"][-1]["content"] == "\n"
    assert outcome.text == "\n x"


async def test_a_first_piece_of_space_alone_is_no_empty_step(
    upstream: FakeEndpoint, connect: Connect
) -> None:
    upstream.play("\n\nbar", splits=[1, 2])
    outcome = await go_on(connect(prefix="plain"), "any", "foo\n\n")
    assert [batch.text for batch in outcome.batches] == ["bar"]


SETTINGS: list[tuple[str, dict[str, Any], str | None]] = [
    ("wants?name=max_completion_tokens", {}, None),
    ("wants?name=max_completion_tokens", {"max_tokens": 5}, "max_tokens"),
    ("wants?name=max_tokens", {"max_tokens": 5}, None),
    ("refuses?setting=temperature", {"top_p": 0.1}, None),
    ("refuses?setting=temperature", {"temperature": 0.2}, "temperature"),
    ("refuses?setting=temperature&how=fastapi", {"temperature": 0.2}, "temperature"),
    ("refuses?setting=temperature&how=words", {"temperature": 0.2}, "temperature"),
    ("refuses?setting=reasoning_effort", {"reasoning_effort": "low"}, "reasoning_effort"),
    ("refuses?setting=top_p&how=fastapi", {"top_p": 1, "temperature": 1}, "top_p"),
]


@pytest.mark.parametrize(("model", "given", "setting"), SETTINGS)
async def test_a_refused_setting_is_named(
    upstream: FakeEndpoint, connect: Connect, model: str, given: dict[str, Any], setting: str | None
) -> None:
    outcome = await read(connect(), ChatRequest(model, HI, **given))
    if setting is None:
        assert (outcome.text, outcome.error) == (SHORT, None)
    else:
        assert outcome.error is not None
        assert (outcome.error.code, outcome.error.setting) == ("refused_setting", setting)
        assert outcome.error.message == (
            f"The model server Fake does not accept the setting {setting}."
        )
        assert outcome.error.permanent
        assert "HTTP 4" in outcome.error.detail
    assert len(upstream.chats) == 1


async def test_the_other_name_of_the_limit_is_taken(connect: Connect) -> None:
    client = connect(max_tokens_name="max_completion_tokens")
    request = ChatRequest("wants?name=max_completion_tokens", HI, max_tokens=5)
    assert (await read(client, request)).text == SHORT
    error = (await read(client, ChatRequest("wants?name=max_tokens", HI, max_tokens=5))).error
    assert error is not None
    assert error.setting == "max_completion_tokens"


@pytest.mark.parametrize("how", ["", "&how=fastapi", "&how=words"])
async def test_an_endpoint_that_knows_no_prefix_says_so(connect: Connect, how: str) -> None:
    outcome = await go_on(connect(prefix="flag"), f"refuses?setting=prefix{how}", "kept")
    assert outcome.error is not None
    assert (outcome.error.code, outcome.error.setting) == ("refused_setting", "prefix")


async def test_azure_is_asked_at_its_address(upstream: FakeEndpoint, connect: Connect) -> None:
    fields = {"base_url": upstream.origin, "path": AZURE, "key_header": "api-key"}
    client = connect(**fields, api_version="2024-10-21")
    outcome = await read(client, "azure")
    assert (outcome.text, outcome.finish_reason, outcome.error) == (SHORT, "stop", None)
    (request,) = upstream.chats
    assert request.path == ("/openai/deployments/azure/chat/completions?api-version=2024-10-21")
    assert request.headers["api-key"] == KEY
    assert "authorization" not in request.headers
    await client.models()
    assert upstream.requests[-1].path == "/openai/models?api-version=2024-10-21"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"path": AZURE, "key_header": "api-key"}, "not_found"),
        ({"path": AZURE, "api_version": "1"}, "refused_key"),
        ({"key_header": "api-key", "api_version": "1"}, "unknown_model"),
    ],
)
async def test_azure_asked_otherwise_says_what_is_wrong(
    upstream: FakeEndpoint, connect: Connect, fields: dict[str, str], code: str
) -> None:
    error = (await read(connect(base_url=upstream.origin, **fields), "azure")).error
    assert error is not None
    assert error.code == code


async def test_a_name_with_any_character_stays_one_part_of_the_path(
    upstream: FakeEndpoint, connect: Connect
) -> None:
    path = "/{model}/chat/completions"
    for name in ("a/b", "a?b=c", "a b", "ä%2F", "{model}"):
        await read(connect(path=path), ask(name))
    assert [request.route for request in upstream.chats] == [
        "/v1/a%2Fb/chat/completions",
        "/v1/a%3Fb%3Dc/chat/completions",
        "/v1/a%20b/chat/completions",
        "/v1/%C3%A4%252F/chat/completions",
        "/v1/%7Bmodel%7D/chat/completions",
    ]


async def test_extra_headers_are_sent_and_may_replace_ours(
    upstream: FakeEndpoint, connect: Connect
) -> None:
    extra = (("X-Team", "blue"), ("authorization", "Custom abc"), ("User-Agent", "Parley"))
    await read(connect(headers=extra), "words?n=1")
    (request,) = upstream.chats
    got = {name: request.headers[name] for name in ("x-team", "authorization", "user-agent")}
    assert got == {"x-team": "blue", "authorization": "Custom abc", "user-agent": "Parley"}


async def test_user_and_password_of_the_url_are_sent_as_such(
    upstream: FakeEndpoint, connect: Connect
) -> None:
    url = upstream.url.replace("://", "://user:pass@")
    outcome = await read(connect(base_url=f"{url}?team=blue", api_key=""), "words?n=1")
    assert outcome.error is None
    (request,) = upstream.chats
    assert request.path == "/v1/chat/completions?team=blue"
    assert request.headers["authorization"] == "Basic dXNlcjpwYXNz"


async def test_a_bad_header_sends_nothing(upstream: FakeEndpoint, connect: Connect) -> None:
    error = (await read(connect(headers=(("X-A", "line\nbreak"),)), "words?n=1")).error
    assert error is not None
    assert error.code == "bad_header"
    assert upstream.requests == []


@pytest.mark.parametrize("model", ["no-stream", "no-stream?how=words"])
async def test_an_endpoint_that_cannot_stream_is_asked_without_and_remembered(
    upstream: FakeEndpoint, connect: Connect, model: str
) -> None:
    client = connect()
    for asked in ([True, False], [False]):
        upstream.requests.clear()
        outcome = await read(client, model)
        assert (outcome.text, outcome.finish_reason, outcome.error) == (SHORT, "stop", None)
        assert [request.body["stream"] for request in upstream.chats] == asked
    await read(client, "words?n=3")
    assert upstream.chats[-1].body["stream"] is True  # the others are asked as before


@pytest.mark.parametrize(
    ("status", "words", "again"),
    [
        (400, "Your organization must be verified to stream this model.", True),
        (400, "stream must be false", True),
        (422, "Streaming is disabled here", True),
        (400, "The value of temperature is not supported.", False),
        (400, "Messages mention an upstream.", False),
        (500, "Streaming is not supported", False),
    ],
)
async def test_a_refused_stream_is_known_by_its_words(status: int, words: str, again: bool) -> None:
    assert refuses_stream(status, json.dumps({"error": {"message": words}}).encode()) == again
