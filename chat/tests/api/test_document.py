"""Bad input, made from the OpenAPI document: refused with the field named, and nothing changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse, HttpResponseServerError
from django.test import Client, RequestFactory
from jsonschema_rs import is_valid
from pytest_django import Settings

from chat.api import api
from chat.api.document import document
from chat.api.problems import problems_for_pages
from chat.models import Conversation, Counter, Message, Token
from chat.models.tokens import Scope

type Make = Callable[..., Conversation]

# Some of the routes read the database in the sockets' thread, which sees what is committed.
pytestmark = pytest.mark.django_db(transaction=True)

DOCUMENT: dict[str, Any] = json.loads(json.dumps(document(api, "/api/v1/")))
JSON = "application/json"
VALUES = [None, True, -1, 1.5, 10**30, "", "x", "x" * 40_000, [], {}, ["x"], {"x": 1}]


@dataclass(frozen=True)
class Bad:
    """A request that must be refused."""

    what: str
    statuses: set[int]
    named: str | None = None
    query: str = ""
    uid: str | None = None
    body: bytes | None = None
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def bad_requests(operation: dict[str, Any]) -> Iterator[Bad]:
    if 406 in map(int, operation["responses"]) and "204" not in operation["responses"]:
        for accept in ("image/png", "text/html;q=0.5, image/*", "nonsense", "application/json;q=0"):
            yield Bad(f"Accept: {accept}", {406}, "Accept", headers={"Accept": accept})
    for parameter in operation["parameters"]:
        yield from bad_parameters(parameter)
    if "requestBody" in operation:
        yield from bad_bodies(operation["requestBody"]["content"][JSON]["schema"])


def bad_parameters(parameter: dict[str, Any]) -> Iterator[Bad]:
    name, place = parameter["name"], parameter["in"]
    for value in values_against(parameter["schema"]):
        about = f"{name}={value[:20]!r}"
        if place == "path":
            yield Bad(about, {422}, name, uid=value)
        elif place == "query":
            yield Bad(about, {422}, name, query=f"{name}={value}")
        elif value:
            yield Bad(about, {422}, name, headers={name: value})


def values_against(schema: dict[str, Any]) -> Iterator[str]:
    """Texts that an address or a header may bring, and the schema forbids."""
    kinds = schema.get("anyOf", [schema])
    formats = {kind.get("format") for kind in kinds}
    if "enum" in schema:
        yield from ("", "x", "null")
    elif schema.get("type") == "integer":
        yield from ("", "x", "1.5", "-1", "9" * 30, "NaN", "0x1", "%00")
    elif "date" in formats:
        yield from ("", "yesterday", "2026-02-30", "0", "2026-01-01T00:00:00Z")
    elif "uuid" in formats:
        yield from ("x", "0" * 31, "%00", "..")
    elif "pattern" in schema:
        yield from ("x", "1.2", "1.2.3.4", "-1.0.0")
    elif "maxLength" in schema:
        yield "x" * (schema["maxLength"] + 1)


def bad_bodies(schema: dict[str, Any]) -> Iterator[Bad]:
    for body in (
        b"{",
        b"{}}",
        b'{"id": NaN}',
        b"\xff\xfe{\x00}\x00",
        b'{"id": "\xe9"}',
        b"[" * 9999,
    ):
        yield Bad(f"body {body[:12]!r}", {400}, body=body)
    for body in (b"[]", b'"x"', b"null", b"7"):
        yield Bad(f"body {body!r}", {400, 422}, body=body)
    for kind in ("text/plain", "", "application/json; charset=latin-1", "multipart/form-data"):
        yield Bad(f"Content-Type: {kind}", {415}, "Content-Type", body=b"{}", content_type=kind)
    encoded = {"Content-Encoding": "gzip"}
    yield Bad("gzip", {415}, "Content-Encoding", body=b"{}", headers=encoded)
    yield Bad("too large", {413}, body=b'{"id":"' + b"x" * 600_000 + b'"}')
    good = good_body(schema)
    yield Bad("an unknown field", {422}, "colour", body=encode(good | {"colour": 1}))
    for name in schema_of(schema)["properties"]:
        for value in VALUES:
            if not is_valid(schema | {"components": DOCUMENT["components"]}, good | {name: value}):
                about = f"{name}: {str(value)[:20]}"
                yield Bad(about, {400, 422}, name, body=encode(good | {name: value}))


def schema_of(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = DOCUMENT["components"]["schemas"][name] if name else schema
    return found


def good_body(schema: dict[str, Any]) -> dict[str, Any]:
    """One that the schema allows: what is required of it."""
    uid = "7d5e3c1e-6f5b-4a58-9a3e-3f8a5f0d9c11"
    known: dict[str, Any] = {"text": "x", "conversation": None, "parent": None}
    known |= {"conversations": [uid], "action": "archive", "thumb": "up"}
    return {name: known.get(name, uid) for name in schema_of(schema).get("required", [])}


def encode(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


def test_bad_input_is_refused_with_its_field_and_changes_nothing(
    alice: User, make_conversation: Make, settings: Settings
) -> None:
    settings.FRAMES_PER_MINUTE = 10_000
    conversation = make_conversation(alice)
    question, reply = conversation.messages.order_by("pk")
    token = Token.objects.make(alice, "All", Scope.values, None)[1]
    client = Client(headers={"Authorization": f"Bearer {token}"})
    before = list(Message.objects.values()), list(Conversation.objects.values())
    asked = 0
    wrong = []
    for method, path, operation in operations():
        thing = path.split("/")[3]
        row: Any = {"conversations": conversation, "messages": question}.get(thing, reply)
        for bad in bad_requests(operation):
            address = path.replace("{uid}", bad.uid or str(row.uid)) + f"?{bad.query}"
            answer = client.generic(
                method, address, bad.body or b"", bad.content_type, headers=bad.headers
            )
            asked += 1
            told = answer.json() if answer.status_code >= 400 else {}
            named = str(told.get("field")).split(".")[0]
            documented = str(answer.status_code) in operation["responses"]
            named_right = bad.named in {None, named}
            if answer.status_code not in bad.statuses or not documented or not named_right:
                wrong.append((method, path, bad.what, answer.status_code, told.get("field")))
            answer.close()
    assert wrong == []
    assert asked > 400
    assert (list(Message.objects.values()), list(Conversation.objects.values())) == before
    assert Counter.objects.current(alice.pk) == 0


def test_all_wrong_fields_are_named_and_the_first_as_the_field(alice: User) -> None:
    client = Client()
    client.force_login(alice)
    body = {"id": "x", "title": 7, "owner": "bob"}
    answer = client.post("/api/v1/conversations", body, content_type=JSON)
    told = answer.json()
    assert answer["Content-Type"] == "application/problem+json"
    assert (told["status"], told["code"], told["field"]) == (422, "bad_field", "id")
    assert [wrong["field"] for wrong in told["errors"]] == ["id", "title", "owner"]
    assert told["detail"] == told["errors"][0]["detail"]


@pytest.mark.parametrize(
    "address", ["/api/v1/nothing", "/api/v1", "/api/v1/", "/api/x", "/api/v1/me/", "/api/v1/%00"]
)
def test_an_address_that_is_none_is_a_problem_like_an_unknown_id(alice: User, address: str) -> None:
    client = Client()
    client.force_login(alice)
    unknown = client.get("/api/v1/conversations/7d5e3c1e-6f5b-4a58-9a3e-3f8a5f0d9c11")
    answer = client.get(address, follow=True)
    assert (answer.status_code, answer.content) == (404, unknown.content)
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Cache-Control"] == "private, no-store"


def test_a_method_that_is_not_taken_is_told_those_that_are(client: Client) -> None:
    answer = client.put("/api/v1/conversations", b"{}", content_type=JSON)
    assert (answer.status_code, answer["Allow"]) == (405, "GET, POST")
    assert answer.json()["code"] == "method_not_allowed"


def test_an_error_within_the_server_is_a_problem_too() -> None:
    def broken(request: object) -> HttpResponse:
        return HttpResponseServerError("<h1>Oh no</h1>")

    middleware = problems_for_pages(broken)
    told: Any = middleware(RequestFactory().get("/api/v1/me"))
    assert (told.status_code, json.loads(told.content)["code"]) == (500, "server_error")
    page: Any = middleware(RequestFactory().get("/accounts/login/"))
    assert page.content == b"<h1>Oh no</h1>"


def test_what_a_client_sent_is_not_repeated_at_length(alice: User) -> None:
    client = Client()
    client.force_login(alice)
    body = json.dumps({"x" * 50_000: 1, "\ud800": 2, **{f"f{n}": 1 for n in range(500)}})
    answer = client.post("/api/v1/conversations", body, content_type=JSON)
    assert answer.status_code == 422
    assert len(answer.content) < 5_000
