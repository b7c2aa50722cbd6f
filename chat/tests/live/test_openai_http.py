"""The OpenAI-compatible API on the wire: what no SDK shows of it."""

from __future__ import annotations

import asyncio
import gzip
import json
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from chat.tests.live.client import client, eventually
from chat.tests.live.conftest import MakeServer
from chat.tests.live.database import Person
from chat.tests.live.server import ENDLESS, LONG, SHORT, SILENT, SLOW, Server, Upstream
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio

PATH = "/v1/chat/completions"
UNFINISHED = "SELECT * FROM chat_message WHERE status IN ('queued', 'running')"
DONE = "[DONE]"


def body(text: str, model: str = SHORT, **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}]} | fields


class Answer:
    """A streamed answer, read event by event."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self.events: list[Any] = []
        """The JSON of each, and `[DONE]`."""
        self.comments = 0
        self._blocks = self._split()

    async def _split(self) -> AsyncIterator[str]:
        rest = b""
        async for chunk in self.response.aiter_bytes():
            *blocks, rest = (rest + chunk).split(b"\n\n")
            for block in blocks:
                yield block.decode()
        assert rest == b""

    async def next(self) -> Any:
        """The next event or comment; None at the end."""
        block = await anext(self._blocks, None)
        if block is None:
            return None
        if block.startswith(":"):
            self.comments += 1
            return block
        assert block.startswith("data: ")
        data = block[6:]
        self.events.append(data if data == DONE else json.loads(data))
        return self.events[-1]

    async def has(self, length: int) -> None:
        """Wait until the text has this length."""
        while len(self.text) < length:
            assert await self.next() is not None

    async def rest(self) -> Any:
        """Read to the end; returns the last event."""
        while await self.next() is not None:
            pass
        return self.events[-1]

    @property
    def text(self) -> str:
        choices = [
            choice for event in self.events if event != DONE for choice in event.get("choices", [])
        ]
        return "".join(choice["delta"].get("content") or "" for choice in choices)


@asynccontextmanager
async def answer(
    server: Server, token: str | None, content: Any, **headers: str
) -> AsyncIterator[Answer]:
    timeout = httpx2.Timeout(30, read=60)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    async with (
        httpx2.AsyncClient(timeout=timeout, trust_env=False) as http,
        http.stream("POST", server.origin + PATH, headers=sent, content=data) as response,
    ):
        yield Answer(response)


async def ask(
    server: Server, token: str | None, content: Any, **headers: str
) -> tuple[int, Any, httpx2.Headers]:
    """Status, JSON and headers of an answer that is none of a stream."""
    async with answer(server, token, content, **headers) as one:
        await one.response.aread()
        return one.response.status_code, one.response.json(), one.response.headers


@pytest.fixture
def alice(site: Server) -> Person:
    return site.database.add_person("alice")


@pytest.fixture
def token(site: Server, alice: Person) -> str:
    return site.database.add_token(alice, "chat")


def last(server: Server, person: Person) -> dict[str, Any]:
    """The reply that was made last."""
    return server.database.messages(person)[-1]


# --- the bytes of a stream ----------------------------------------------------------------


async def test_first_byte_comes_before_the_model_says_anything(
    site: Server, token: str, alice: Person
) -> None:
    async with answer(site, token, body("Hi", SILENT, stream=True)) as one:
        headers = one.response.headers
        assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert "no-transform" in headers["Cache-Control"]
        assert headers["X-Accel-Buffering"] == "no"
        assert len(headers["x-request-id"]) >= 8
        first = await one.next()
        assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
        assert last(site, alice)["text"] == ""
    await eventually(lambda: last(site, alice)["status"] == "stopped")


async def test_stream_ends_with_done(site: Server, token: str, alice: Person) -> None:
    async with answer(site, token, body("Hi", stream=True)) as one:
        assert await one.rest() == DONE
        assert one.text == expected_text(SHORT)
        assert one.events[-2]["choices"][0]["finish_reason"] == "stop"
        reply = last(site, alice)
        assert one.events[0]["id"] == f"chatcmpl-{reply['uid']}"


async def test_silence_is_broken_by_comments(make_server: MakeServer) -> None:
    """While it waits in the queue, too, however long that takes."""
    server = make_server(
        SILENCE_SECONDS="3", QUEUED_STREAM_SECONDS="1", RUNNING_REPLIES_PER_TOKEN="1"
    )
    server.start()
    alice = server.database.add_person("alice")
    token = server.database.add_token(alice, "chat")
    async with (
        answer(server, token, body("First", SILENT, stream=True)) as first,
        answer(server, token, body("Second", stream=True)) as second,
    ):
        while second.comments < 3:
            assert await second.next() is not None
        assert second.text == ""
        assert last(server, alice)["status"] == "queued"
        await first.next()
        await first.response.aclose()
        assert await second.rest() == DONE
        assert second.text == expected_text(SHORT)


async def test_stop_in_another_tab_ends_it_in_order(
    site: Server, token: str, alice: Person
) -> None:
    async with (
        client(site, alice) as page,
        answer(site, token, body("Hi", ENDLESS, stream=True)) as one,
    ):
        await one.has(20)
        shown = await page.get("message", event="created")
        assert shown["message"]["role"] == "user"
        created = [frame["message"] for frame in page.of("message")]
        reply = next(message["id"] for message in created if message["role"] == "assistant")
        await page.say("stop", reply=reply)
        assert await one.rest() == DONE
        assert one.events[-2]["choices"][0]["finish_reason"] == "stop"
    row = last(site, alice)
    assert (row["status"], row["text"]) == ("stopped", one.text)


async def test_answer_given_elsewhere_is_followed_like_any_reply(
    site: Server, token: str, alice: Person
) -> None:
    """Also by a page that is open when it is stored."""
    history = [{"role": "assistant", "content": "Zażółć 👍"}, {"role": "user", "content": "And?"}]
    call = body("Hello")
    call["messages"] += history
    async with client(site, alice) as page:
        assert (await ask(site, token, call))[0] == 200
        changed = [frame["message"] for frame in page.of("message")]
        (given,) = {one["id"] for one in changed if one["role"] == "assistant"} - {
            one["id"] for one in changed if one.get("status") in ("queued", "running")
        }
        await page.follow(given)
        end, text = await page.end(given)
        assert (end["status"], text) == ("complete", "Zażółć 👍")


# --- refusals -----------------------------------------------------------------------------


async def test_cookie_alone_is_nobody(site: Server, alice: Person) -> None:
    status, told, _ = await ask(site, None, body("Hi"), Cookie=alice.cookie)
    assert (status, told["error"]["code"]) == (401, "invalid_api_key")
    assert site.database.messages(alice) == []


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"{", {}, 400, "invalid_json"),
        (b'{"model": "m"}', {}, 400, "missing_required_parameter"),
        (b" " * (4 * 1024 * 1024 + 1), {}, 413, "request_too_large"),
        (gzip.compress(b"{}"), {"Content_Encoding": "gzip"}, 415, "unsupported_encoding"),
        (body("Hi"), {"Idempotency_Key": "k" * 256}, 400, "invalid_idempotency_key"),
    ],
    ids=["no JSON", "no messages", "too large", "compressed", "long key"],
)
async def test_bad_request_is_refused_in_openais_shape(
    site: Server,
    token: str,
    alice: Person,
    content: Any,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    found, told, _ = await ask(site, token, content, **headers)
    assert (found, told["error"]["code"]) == (status, code)
    assert told.keys() == {"error"}
    assert told["error"].keys() == {"message", "type", "param", "code"}
    assert site.database.messages(alice) == []


async def test_call_larger_than_a_message_is_taken(site: Server, token: str) -> None:
    """A long conversation comes whole with every call."""
    status, _, _ = await ask(site, token, body("word " * 400_000))
    assert status == 200


async def test_other_addresses_and_methods_are_refused_in_openais_shape(
    site: Server, token: str
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(trust_env=False, headers=headers) as http:
        for method, path, status, code in (
            ("GET", "/v1/engines", 404, "unknown_url"),
            ("POST", "/v1/embeddings", 404, "unknown_url"),
            ("POST", "/v1/", 404, "unknown_url"),
            ("PUT", PATH, 405, "method_not_allowed"),
            ("DELETE", "/v1/models", 405, "method_not_allowed"),
        ):
            found = await http.request(method, site.origin + path)
            assert (found.status_code, found.json()["error"]["code"]) == (status, code), path


async def test_a_tokens_calls_have_limits_of_their_own_which_a_429_names(
    make_server: MakeServer,
) -> None:
    """Calls that run, that wait, and in a minute; pages that are open do not count."""
    server = make_server(
        SOCKETS_PER_USER="1",
        RUNNING_REPLIES_PER_USER="1",
        QUEUED_REPLIES_PER_USER="1",
        RUNNING_REPLIES_PER_TOKEN="2",
        QUEUED_REPLIES_PER_TOKEN="1",
        CALLS_PER_MINUTE_PER_TOKEN="4",
    )
    server.start()
    people = [server.database.add_person(name) for name in ("alice", "carol")]
    alice, carol = people
    tokens = {person: server.database.add_token(person, "chat") for person in people}

    async def refused(person: Person) -> tuple[str, int]:
        status, told, headers = await ask(server, tokens[person], body("One more"))
        assert (status, told["error"]["type"]) == (429, "rate_limit_error")
        assert told["error"]["code"] == "rate_limit_exceeded"
        return told["error"]["message"], int(headers["Retry-After"])

    async with AsyncExitStack() as stack:
        page = await stack.enter_async_context(client(server, alice))
        sent = await page.send("A page's own", SILENT)
        await page.get("status", reply=sent["reply"], status="running")
        calls = [
            await stack.enter_async_context(
                answer(server, tokens[alice], body(f"{at}", SILENT, stream=True))
            )
            for at in range(3)
        ]
        for one in calls:
            assert await one.next()  # what waits is answered, too
        states = "SELECT status FROM chat_message WHERE status != ''"
        await eventually(
            lambda: (
                sorted(row["status"] for row in server.database.rows(states))
                == ["queued", "running", "running", "running"]
            )
        )
        assert "_PER_TOKEN" in (await refused(alice))[0]
        await page.say("stop", reply=sent["reply"])
        await page.end(sent["reply"])
    # However many come at once, no more than may are served, and nothing goes on for nobody.
    crowd = await asyncio.gather(*(ask(server, tokens[carol], body("Hi")) for _ in range(4)))
    assert {status for status, *_ in crowd} <= {200, 429, 503}
    assert sum(status == 200 for status, *_ in crowd) in (1, 2, 3)
    message, after = await refused(carol)
    assert "CALLS_PER_MINUTE_PER_TOKEN" in message
    assert after > 1
    await eventually(lambda: not server.database.rows(UNFINISHED))


# --- repetition ---------------------------------------------------------------------------


async def test_key_makes_a_repeated_call_one(site: Server, token: str, alice: Person) -> None:
    key = str(uuid4())
    first = await ask(site, token, body("Hi"), Idempotency_Key=key)
    again = await ask(site, token, body("Hi"), Idempotency_Key=key)
    assert first[1]["id"] == again[1]["id"]
    assert first[1]["choices"] == again[1]["choices"]
    assert len(site.database.messages(alice)) == 2
    status, told, _ = await ask(site, token, body("Other"), Idempotency_Key=key)
    assert (status, told["error"]["code"]) == (400, "idempotency_key_reused")


async def test_call_that_was_repeated_is_not_stopped_by_who_leaves_first(
    site: Server, token: str, alice: Person
) -> None:
    """A client whose connection was cut asks again, maybe before the server has seen the cut."""
    asked, key = body("Hi", LONG, stream=True), str(uuid4())
    async with answer(site, token, asked, Idempotency_Key=key) as again:
        async with answer(site, token, asked, Idempotency_Key=key) as cut:
            await again.has(5)
            await cut.has(5)
        assert await again.rest() == DONE
    assert again.text == expected_text(LONG)
    asked = body("Hi", ENDLESS, stream=True)
    async with (
        answer(site, token, asked, Idempotency_Key="both leave") as one,
        answer(site, token, asked, Idempotency_Key="both leave") as other,
    ):
        await one.has(5)
        await other.has(5)
    await eventually(lambda: last(site, alice)["status"] == "stopped")


# --- a further attempt --------------------------------------------------------------------


def take_away(server: Server, person: Person) -> None:
    """Nobody owns the reply any more, as after the death of a process."""
    server.database.change(
        "UPDATE chat_message SET owner_id = NULL WHERE status = 'running' AND user_id = ?",
        person.id,
    )


async def test_attempt_that_begins_with_what_was_sent_goes_on(
    site: Server, token: str, alice: Person, upstream: Upstream
) -> None:
    about = f"About {uuid4()}"
    async with answer(site, token, body(about, LONG, stream=True, seed=7)) as one:
        await one.has(40)
        take_away(site, alice)
        assert await one.rest() == DONE
        assert one.text == expected_text(LONG)
    assert last(site, alice)["attempt"] == 2
    first, second = upstream.requests(about)
    assert first["body"] == second["body"]
    assert second["body"]["seed"] == 7


async def test_attempt_that_says_something_else_is_an_error(
    site: Server, token: str, alice: Person, upstream: Upstream
) -> None:
    async with answer(site, token, body("Hi", ENDLESS, stream=True)) as one:
        await one.has(40)
        upstream.play("From the start 👍")
        take_away(site, alice)
        error = (await one.rest())["error"]
    assert (error["type"], error["code"]) == ("server_error", "reply_began_anew")
    assert DONE not in one.events
    await eventually(lambda: last(site, alice)["status"] == "complete")
    assert last(site, alice)["text"] == "From the start 👍"


async def test_whole_answer_is_the_last_attempt(
    site: Server, token: str, alice: Person, upstream: Upstream
) -> None:
    asked = asyncio.create_task(ask(site, token, body("Hi", ENDLESS)))
    await eventually(
        lambda: (rows := site.database.messages(alice)) and site.database.text(_uid(rows[-1]))
    )
    upstream.play("From the start 👍")
    take_away(site, alice)
    status, told, _ = await asked
    assert (status, told["choices"][0]["message"]["content"]) == (200, "From the start 👍")


def _uid(row: dict[str, Any]) -> str:
    return str(row["uid"])


# --- ends ---------------------------------------------------------------------------------


async def test_revoked_token_ends_its_streams_and_stops_their_replies(
    site: Server, token: str, alice: Person
) -> None:
    async with answer(site, token, body("Hi", ENDLESS, stream=True)) as one:
        await one.has(20)
        site.database.change(
            "UPDATE chat_token SET revoked = '2026-01-01' WHERE user_id = ?", alice.id
        )
        assert (await one.rest())["error"]["code"] == "invalid_api_key"
    await eventually(lambda: last(site, alice)["status"] == "stopped")


async def test_deleted_conversation_ends_its_stream(
    site: Server, token: str, alice: Person
) -> None:
    async with answer(site, token, body("Hi", ENDLESS, stream=True)) as one:
        await one.has(20)
        (row,) = site.database.rows(
            "SELECT uid FROM chat_conversation WHERE owner_id = ?", alice.id
        )
        status, _ = await asyncio.to_thread(
            site.ask, alice, "DELETE", f"/api/v1/conversations/{_uid(row)}"
        )
        assert status == 204
        assert (await one.rest())["error"]["code"] == "deleted"


async def test_drain_serves_what_ends_in_time_and_tells_the_rest(
    make_server: MakeServer,
) -> None:
    """No reply is stopped by it: its client has not left."""
    server = make_server(DRAIN_SECONDS="8")
    server.start()
    alice = server.database.add_person("alice")
    token = server.database.add_token(alice, "chat")
    async with (
        answer(server, token, body("Long", ENDLESS, stream=True)) as long,
        answer(server, token, body("Short", SLOW, stream=True)) as short,
    ):
        whole = asyncio.create_task(ask(server, token, body("Whole", SLOW)))
        await long.has(10)
        await short.has(1)
        await eventually(lambda: len(server.database.messages(alice)) == 6)
        await eventually(lambda: last(server, alice)["status"] == "running")
        server.signal(signal.SIGTERM)
        assert await short.rest() == DONE
        assert short.text == expected_text(SLOW)
        status, told, _ = await whole
        assert status == 200
        assert told["choices"][0]["message"]["content"] == expected_text(SLOW)
        error = (await long.rest())["error"]
        assert (error["type"], error["code"]) == ("server_error", "draining")
    assert server.wait() == 0
    states = {row["status"] for row in server.database.messages(alice) if row["status"]}
    assert states == {"complete", "queued"}


# --- not to be stored ---------------------------------------------------------------------


async def test_nothing_is_kept_of_what_is_not_to_be_stored(make_server: MakeServer) -> None:
    server = make_server(API_STORE_OPTIONAL="on")
    server.start()
    alice = server.database.add_person("alice")
    token = server.database.add_token(alice, "chat")
    status, told, headers = await ask(server, token, body("A secret", store=False))
    assert headers["x-parley-stored"] == "false"
    assert (status, told["choices"][0]["message"]["content"]) == (200, expected_text(SHORT))
    async with answer(server, token, body("A secret", store=False, stream=True)) as one:
        assert await one.rest() == DONE
    async with answer(server, token, body("A secret", ENDLESS, store=False, stream=True)) as one:
        await one.has(10)
        (row,) = server.database.rows("SELECT * FROM chat_conversation")
        assert (row["source"], row["archived"]) == ("passing", 1)
    tables = ("conversation", "message", "part", "attempt", "apicall", "request")
    await eventually(
        lambda: not any(server.database.rows(f"SELECT * FROM chat_{table}") for table in tables)
    )
    assert server.database.rows("SELECT * FROM chat_deletion")


async def test_a_call_that_is_kept_all_the_same_says_so(
    site: Server, token: str, alice: Person
) -> None:
    status, _, headers = await ask(site, token, body("No secret", store=False))
    assert (status, headers["x-parley-stored"]) == (200, "true")
    assert len(site.database.messages(alice)) == 2


async def test_unstored_call_of_a_killed_server_is_deleted_by_the_next(
    make_server: MakeServer,
) -> None:
    server = make_server(API_STORE_OPTIONAL="on")
    server.start()
    alice = server.database.add_person("alice")
    token = server.database.add_token(alice, "chat")
    async with answer(server, token, body("A secret", LONG, store=False, stream=True)) as one:
        await one.has(10)
        server.kill()
    server.database.change(
        "UPDATE chat_message SET status = 'complete', ended = '2026-01-01' WHERE status != ''"
    )
    server.database.change("UPDATE chat_conversation SET running = 0")
    server.start()
    await eventually(lambda: server.database.messages(alice) == [])


# --- secrets ------------------------------------------------------------------------------

PROMPT = "The canary of the Kontor: 4711 sacks of pepper\n请保守这个秘密"
CANARIES = ("canary", "Kontor", "sacks of pepper", "请保守")


async def test_no_log_and_no_refusal_tells_a_prompt_or_a_token(
    make_server: MakeServer, upstream: Upstream
) -> None:
    """Also what nobody foresaw, and all that can be logged."""
    server = make_server(
        LOG_LEVEL="DEBUG", CHAT_MODEL=f"{SHORT},repeats-secrets,repeats-secrets?how=setting"
    )
    server.start()
    alice = server.database.add_person("alice")
    token = server.database.add_token(alice, "chat")
    secret = {"canary": PROMPT}
    told = []
    for content in (
        body(PROMPT, metadata=secret),
        body(PROMPT, "repeats-secrets"),
        body(PROMPT, "repeats-secrets?how=setting", temperature=0.5, user=PROMPT),
        body(PROMPT, PROMPT),
        body(PROMPT, tools=[secret]),
        body(PROMPT, stop=secret),
        body(PROMPT, max_tokens=PROMPT),
        {"model": SHORT, "messages": PROMPT},
        {"model": SHORT, "messages": [{"role": PROMPT, "content": PROMPT}]},
        {"model": SHORT, "messages": [{"role": "user", "content": secret}]},
        json.dumps(body(PROMPT)).encode()[:-2],
    ):
        status, said, _ = await ask(server, token, content)
        assert (status == 200) == ("choices" in said), said
        told += [said] if status != 200 else []
    assert len(told) == 10
    for table in ("chat_apicall", "chat_message", "chat_token", "chat_request"):
        server.database.change(f"ALTER TABLE {table} RENAME TO away")
        try:
            key = str(uuid4())
            status, said, _ = await ask(server, token, body(PROMPT), Idempotency_Key=key)
            assert status >= 500
            told.append(said)
        finally:
            server.database.change(f"ALTER TABLE away RENAME TO {table}")
    assert any("Kontor" in json.dumps(one) for one in upstream.requests("Kontor"))
    said = json.dumps(told, ensure_ascii=False)
    assert server.log.count("route=/v1/chat/completions") >= 15
    for word in (*CANARIES, *(json.dumps(word)[1:-1] for word in CANARIES), token):
        assert word not in server.log
        assert word not in said
