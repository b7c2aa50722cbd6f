"""A client's frames as HTTP requests: the same rules as on a socket, the same answers."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from chat.tests.live.client import Frame, client, eventually
from chat.tests.live.conftest import MakeServer
from chat.tests.live.database import Person
from chat.tests.live.http_client import JSON, NDJSON, SSE, ask, events, message, stream
from chat.tests.live.server import HALF, SHORT, Server
from fake_endpoint import expected_text

NOBODYS = UUID("00000000-0000-4000-8000-000000000000")

pytestmark = pytest.mark.asyncio

BOTH = pytest.mark.parametrize("accept", [SSE, NDJSON])


async def send(server: Server, person: Person, model: str, **fields: object) -> Frame:
    status, accepted, _ = await ask(server, person, "POST", "/messages", message(model, **fields))
    assert status == 202, accepted
    assert accepted.keys() == {"type", "id", "conversation", "message", "reply"}
    found: Frame = accepted
    return found


async def begun(server: Server, person: Person) -> Frame:
    """A message whose reply runs, and changes no more until it is stopped."""
    accepted = await send(server, person, HALF)
    async with events(server, person, accepted["reply"]) as page:
        await page.has(accepted["reply"], 14)
    return accepted


async def ended(server: Server, person: Person, reply: str) -> Frame:
    async with events(server, person, reply) as page:
        return (await page.end(reply))[0]


def stored(server: Server, person: Person) -> list[Any]:
    tables = (("chat_message", "user_id"), ("chat_request", "user_id"), ("chat_counter", "user_id"))
    return [
        server.database.rows(f"SELECT * FROM {table} WHERE {column} = ?", person.id)
        for table, column in tables
    ]


# --- asking -------------------------------------------------------------------------------


@BOTH
async def test_a_message_is_answered_by_its_stream(site: Server, accept: str) -> None:
    alice = site.database.add_person("alice")
    body = message(SHORT)
    async with stream(site, alice, "POST", "/api/v1/messages", body, Accept=accept) as page:
        accepted = await page.get("accepted", id=body["id"])
        assert page.frames[0] == accepted
        end, text = await page.end(accepted["reply"])
        await page.ended()
        assert (page.status, end["status"], text) == (200, "complete", expected_text(SHORT))
        assert page.headers["Content-Type"].startswith(accept)


async def test_a_message_is_answered_by_json_and_goes_on_by_itself(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        accepted = await send(site, alice, SHORT)
        reply = accepted["reply"]
        # As everything, it is told to the sockets of the user.
        await page.until(lambda: len(page.changes) >= 3 or None)
        assert (await ended(site, alice, reply))["status"] == "complete"
    status, told, _ = await ask(site, alice, "GET", f"/replies/{reply}")
    assert status == 200
    assert (told["message"]["id"], told["message"]["status"]) == (reply, "complete")
    assert told["message"]["text"] == expected_text(SHORT)
    assert told["seq"] == site.database.counter(alice)


async def test_a_reply_that_runs_is_shown_without_its_text(site: Server) -> None:
    alice = site.database.add_person("alice")
    reply = (await send(site, alice, HALF))["reply"]
    async with events(site, alice, reply) as page:
        await page.has(reply, 14)
        _, told, _ = await ask(site, alice, "GET", f"/replies/{reply}")
        assert told["message"]["status"] == "running"
        assert "text" not in told["message"]
        await ask(site, alice, "POST", f"/replies/{reply}/stop")


@pytest.mark.parametrize("first", [JSON, SSE])
async def test_a_repeated_message_is_the_same_and_is_followed_again(
    site: Server, first: str
) -> None:
    alice = site.database.add_person("alice")
    body = message(SHORT)
    accepted = []
    for accept in (first, NDJSON, SSE):
        async with stream(site, alice, "POST", "/api/v1/messages", body, Accept=accept) as page:
            if accept == JSON:
                await page.ended()
                accepted.append(json.loads(page.body))
            else:
                accepted.append(await page.get("accepted"))
                assert (await page.end(accepted[0]["reply"]))[1] == expected_text(SHORT)
    assert accepted[1:] == accepted[:-1]
    assert len(site.database.messages(alice)) == 2
    status, problem, _ = await ask(site, alice, "POST", "/messages", body | {"text": "No"})
    assert (status, problem["code"], problem["field"]) == (409, "id_reused", "id")
    assert len(site.database.messages(alice)) == 2
    async with client(site, alice) as page:  # one name space for all transports
        assert (await page.ask("accepted", "send", **body))["reply"] == accepted[0]["reply"]


@pytest.mark.parametrize("accept", [JSON, SSE, NDJSON])
async def test_edit_regenerate_and_continue_answer_as_messages_do(
    site: Server, accept: str
) -> None:
    alice = site.database.add_person("alice")
    sent = await send(site, alice, "ends?reason=length")
    await ended(site, alice, sent["reply"])
    replies = set()
    for method, path, fields in (
        ("PATCH", f"/messages/{sent['message']}", {"text": "Better", "model": f"openai/{SHORT}"}),
        ("POST", f"/replies/{sent['reply']}/regenerate", {"model": f"openai/{SHORT}"}),
        ("POST", f"/replies/{sent['reply']}/continue", {"model": f"openai/{SHORT}"}),
    ):
        body = {"id": str(uuid4()), **fields}
        async with stream(site, alice, method, f"/api/v1{path}", body, Accept=accept) as page:
            if accept == JSON:
                await page.ended()
                assert page.status == 202, page.body
                accepted = json.loads(page.body)
            else:
                accepted = await page.get("accepted", id=body["id"])
                await page.end(accepted["reply"])
        assert (await ended(site, alice, accepted["reply"]))["status"] == "complete"
        assert accepted["conversation"] == sent["conversation"]
        replies.add(accepted["reply"])
        again = await ask(site, alice, method, path, body)
        assert again[:2] == (202, accepted)
    assert len(replies) == 3
    assert sent["reply"] in replies  # the continued one
    assert len(site.database.messages(alice)) == 5


async def test_what_waits_can_be_changed_and_taken_back(site: Server) -> None:
    alice = site.database.add_person("alice")
    first = await send(site, alice, HALF)
    chat = {"conversation": first["conversation"], "parent": first["reply"]}
    behind = await send(site, alice, SHORT, **chat)
    body = {"id": str(uuid4()), "text": "Another text"}
    _, edited, _ = await ask(site, alice, "PATCH", f"/messages/{behind['message']}", body)
    assert edited["message"] == behind["message"]
    key = str(uuid4())
    path = f"/messages/{behind['message']}?id={key}"
    for _ in range(2):
        status, taken, _ = await ask(site, alice, "DELETE", path)
        assert (status, taken["id"], taken["message"]) == (200, key, behind["message"])
    assert len(site.database.messages(alice)) == 2
    # The first is being answered: too late.
    for _ in range(2):
        path = f"/messages/{first['message']}?id={uuid4()}"
        status, problem, _ = await ask(site, alice, "DELETE", path)
        assert (status, problem["code"]) == (409, "not_allowed")
        await eventually(lambda: site.database.reply(first["reply"])["status"] == "running")
    await ask(site, alice, "POST", f"/replies/{first['reply']}/stop")


async def test_withdrawing_ends_the_streams_of_the_reply(site: Server) -> None:
    alice = site.database.add_person("alice")
    first = await send(site, alice, HALF)
    chat = {"conversation": first["conversation"], "parent": first["reply"]}
    behind = await send(site, alice, SHORT, **chat)
    async with events(site, alice, behind["reply"]) as page:
        await page.get("status")
        await ask(site, alice, "DELETE", f"/messages/{behind['message']}?id={uuid4()}")
        await page.ended()
        assert (page.frames[-1]["type"], page.frames[-1]["code"]) == ("error", "not_found")
    await ask(site, alice, "POST", f"/replies/{first['reply']}/stop")


# --- stopping -----------------------------------------------------------------------------


async def test_stop_is_answered_by_the_end_and_by_the_same_when_repeated(site: Server) -> None:
    alice = site.database.add_person("alice")
    first = await send(site, alice, HALF)
    chat = {"conversation": first["conversation"], "parent": first["reply"]}
    behind = await send(site, alice, SHORT, **chat)
    async with events(site, alice, first["reply"]) as page:
        await page.has(first["reply"], 14)
        answers = [
            await ask(site, alice, "POST", f"/replies/{one['reply']}/stop")
            for one in (behind, first, first, behind)
        ]
        end, _ = await page.end(first["reply"])
    assert [status for status, _, _ in answers] == [200] * 4
    assert answers[1][1] == answers[2][1] == end
    assert answers[0][1] == answers[3][1]
    assert {told["status"] for _, told, _ in answers} == {"stopped"}


async def test_who_has_used_up_the_allowance_may_still_stop(make_server: MakeServer) -> None:
    server = make_server(FRAMES_PER_MINUTE="3")
    server.start()
    alice, bob = server.database.add_person("alice"), server.database.add_person("bob")
    reply = (await send(server, alice, HALF))["reply"]
    phone = server.database.log_in(alice)
    for _ in range(2):
        status, _, _ = await ask(server, phone, "PATCH", f"/messages/{uuid4()}", {"id": "x"})
        assert status == 422
    before = stored(server, alice)
    for method, path in (
        ("POST", "/messages"),
        ("PATCH", f"/messages/{uuid4()}"),
        ("DELETE", f"/messages/{uuid4()}?id={uuid4()}"),
        ("POST", f"/replies/{reply}/regenerate"),
        ("POST", f"/replies/{reply}/continue"),
        ("POST", f"/replies/{reply}/ticket"),
    ):
        for accept in (JSON, SSE) if method == "POST" and "ticket" not in path else (JSON,):
            status, told, headers = await ask(
                server, alice, method, path, message(SHORT), Accept=accept
            )
            assert (status, told["code"]) == (429, "rate_limited")
            assert 1 <= int(headers["Retry-After"]) <= 60
    assert stored(server, alice) == before
    assert (await ask(server, alice, "POST", f"/replies/{reply}/stop"))[0] == 200
    assert (await ended(server, alice, reply))["status"] == "stopped"
    await send(server, bob, SHORT)


# --- who may ------------------------------------------------------------------------------


async def test_stranger_changes_nothing_and_learns_nothing(site: Server) -> None:
    alice, bob = site.database.add_person("alice"), site.database.add_person("bob")
    sent = await begun(site, alice)
    before = stored(site, alice)
    for path, method, kind in (
        ("/messages/{}", "PATCH", "message"),
        ("/messages/{}?id=" + str(uuid4()), "DELETE", "message"),
        ("/replies/{}", "GET", "reply"),
        ("/replies/{}/stop", "POST", "reply"),
        ("/replies/{}/regenerate", "POST", "reply"),
        ("/replies/{}/continue", "POST", "reply"),
        ("/replies/{}/ticket", "POST", "reply"),
    ):
        body = {"id": str(uuid4())} if method in ("PATCH", "POST") else None
        if method == "PATCH":
            body |= {"text": "His"}  # type: ignore[operator]
        answers = []
        for uid in (sent[kind], str(uuid4())):
            url = f"/api/v1{path.format(uid)}"
            async with stream(site, bob, method, url, body) as page:
                await page.ended()
                answers.append((page.status, page.body))
        assert answers[0] == answers[1]
        assert answers[0][0] == 404
    for fields in ({"conversation": sent["conversation"]}, {"conversation": str(uuid4())}):
        body = message(SHORT, **fields)
        assert (await ask(site, bob, "POST", "/messages", body))[0] == 404
    assert stored(site, alice) == before
    assert (await ask(site, alice, "POST", f"/replies/{sent['reply']}/stop"))[0] == 200


async def test_a_session_needs_its_csrf_token(site: Server) -> None:
    alice = site.database.add_person("alice")
    sent = await begun(site, alice)
    before = stored(site, alice)
    for method, path in (
        ("POST", "/messages"),
        ("PATCH", f"/messages/{sent['message']}"),
        ("DELETE", f"/messages/{sent['message']}?id={uuid4()}"),
        ("POST", f"/replies/{sent['reply']}/stop"),
        ("POST", f"/replies/{sent['reply']}/ticket"),
    ):
        for wrong in ("", "x" * 32):
            status, told, _ = await ask(
                site, alice, method, path, message(SHORT), X_CSRFToken=wrong
            )
            assert (status, told["code"]) == (403, "csrf")
    assert stored(site, alice) == before
    assert (await ask(site, alice, "POST", f"/replies/{sent['reply']}/stop"))[0] == 200


# --- bad input ----------------------------------------------------------------------------

DEEP = '{"id": ' + "[" * 40 + "]" * 40 + "}"

BAD: list[tuple[str | bytes, int, str, str | None]] = [
    ("", 422, "bad_field", "id"),
    ("{", 400, "bad_json", None),
    ("[]", 400, "bad_json", None),
    ("null", 400, "bad_json", None),
    (b'{"id": "\xff\xfe"}', 400, "bad_json", None),
    ('{"id": NaN}', 400, "bad_json", None),
    (DEEP, 400, "too_deep", None),
    ("[" * 100_000, 400, "too_deep", None),
    (json.dumps(message(SHORT) | {"id": "x"}), 422, "bad_field", "id"),
    (json.dumps(message(SHORT) | {"id": 7}), 422, "bad_field", "id"),
    (json.dumps(message(SHORT) | {"text": 7}), 422, "bad_field", "text"),
    (json.dumps(message(SHORT) | {"text": "\0 \0"}), 422, "bad_field", "text"),
    (json.dumps(message(SHORT) | {"type": "send"}), 422, "bad_field", "type"),
    (json.dumps(message(SHORT) | {"model": "\0"}), 422, "bad_field", "model"),
    (json.dumps(message(SHORT) | {"model": "nobody/has"}), 422, "no_model", "model"),
    (json.dumps(message(SHORT) | {"settings": {"top_p": 3}}), 422, "bad_field", "settings.top_p"),
    (json.dumps(message(SHORT) | {"parent": str(uuid4())}), 409, "not_allowed", None),
    (json.dumps(message(SHORT) | {"conversation": str(uuid4())}), 404, "not_found", None),
    (json.dumps(message(SHORT) | {"text": "x" * 600_000}), 413, "too_large", None),
    (json.dumps({"text": "Hi"}), 422, "bad_field", None),
]


@pytest.mark.parametrize("accept", [JSON, SSE])
@pytest.mark.parametrize(("body", "status", "code", "field"), BAD)
async def test_bad_bodies_are_refused_by_name_and_change_nothing(
    site: Server, body: str | bytes, status: int, code: str, field: str | None, accept: str
) -> None:
    alice = site.database.add_person("alice")
    async with stream(site, alice, "POST", "/api/v1/messages", body, Accept=accept) as page:
        await page.ended()
        assert (page.status, page.problem["code"]) == (status, code), page.body
        if field is not None:
            assert page.problem["field"] == field
    assert [len(rows) for rows in stored(site, alice)][:2] == [0, 0]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/x-www-form-urlencoded"},
        {"Content_Type": "application/json; charset=latin-1"},
        {"Content_Type": ""},
        {"Content_Encoding": "gzip"},
    ],
)
async def test_a_body_is_json_or_refused(site: Server, headers: dict[str, str]) -> None:
    alice = site.database.add_person("alice")
    status, told, _ = await ask(site, alice, "POST", "/messages", message(SHORT), **headers)
    assert status == 415
    assert told["field"].replace("-", "_") in headers
    assert [len(rows) for rows in stored(site, alice)][:2] == [0, 0]


async def test_a_body_without_length_is_bounded_too(site: Server) -> None:
    """Sent in chunks, no header says how large it will be."""
    alice = site.database.add_person("alice")
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    token = "t" * 32
    writer.write(
        f"POST /api/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {JSON}\r\n"
        f"Cookie: {alice.cookie}; csrftoken={token}\r\nX-CSRFToken: {token}\r\n"
        "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode()
    )
    body = json.dumps(message(SHORT) | {"text": "x" * 700_000}).encode()
    for at in range(0, len(body), 50_000):
        piece = body[at : at + 50_000]
        writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    writer.write(b"0\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"too_large"' in answer
    assert [len(rows) for rows in stored(site, alice)][:2] == [0, 0]


@pytest.mark.parametrize("key", ["", "?id=", "?id=x", "?id=%00", f"?message={NOBODYS}"])
async def test_withdraw_needs_an_id(site: Server, key: str) -> None:
    alice = site.database.add_person("alice")
    status, told, _ = await ask(site, alice, "DELETE", f"/messages/{uuid4()}{key}")
    assert (status, told["field"]) == (422, "id")


async def test_what_the_address_says_is_not_said_again(site: Server) -> None:
    alice = site.database.add_person("alice")
    uid = str(uuid4())
    for method, path, field in (
        ("PATCH", f"/messages/{uid}", "message"),
        ("POST", f"/replies/{uid}/regenerate", "reply"),
        ("POST", f"/replies/{uid}/continue", "reply"),
    ):
        body = {"id": str(uuid4()), "text": "Hi", field: uid}
        status, told, _ = await ask(site, alice, method, path, body)
        assert (status, told["field"]) == (422, field)


@pytest.mark.parametrize("uid", ["x", "1", "%00", str(UUID(int=0))[:-1]])
async def test_an_id_that_is_none_is_refused_or_not_there(site: Server, uid: str) -> None:
    alice = site.database.add_person("alice")
    for method, path in (
        ("GET", f"/replies/{uid}"),
        ("GET", f"/replies/{uid}/events"),
        ("POST", f"/replies/{uid}/stop"),
        ("PATCH", f"/messages/{uid}"),
    ):
        status, told, _ = await ask(site, alice, method, path, None)
        assert status in (404, 422), (path, told)
        assert told["code"] in ("not_found", "bad_field")


async def test_only_json_can_be_had_where_nothing_streams(site: Server) -> None:
    alice = site.database.add_person("alice")
    uid = uuid4()
    for method, path in (
        ("DELETE", f"/messages/{uid}?id={uuid4()}"),
        ("POST", f"/replies/{uid}/stop"),
        ("GET", f"/replies/{uid}"),
    ):
        status, told, _ = await ask(site, alice, method, path, Accept=SSE)
        assert (status, told["field"]) == (406, "Accept")
