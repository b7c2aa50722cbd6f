"""Both APIs: every route, method and caller. One without a rule fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import get_resolver
from pytest_django import Settings

from chat.models import ApiCall, Conversation, Counter, Folder, Message, Request, Token
from chat.models.tokens import Scope
from chat.tests.api.routes import CALLERS, RULES, Rule
from chat.tests.routes import RULES as PAGES
from chat.tests.routes import routes

type Make = Callable[..., Conversation]

# Some of these routes read the database in the sockets' thread, which sees what is committed.
pytestmark = pytest.mark.django_db(transaction=True)

CSRF = "x" * 32

NAMED = {
    "conversations": "{conversation}",
    "messages": "{question}",
    "folders": "{folder}",
}
"""The thing that an id in an address below these names is of; elsewhere it is a reply."""


def answered(client: Client, method: str, address: str, **more: Any) -> Any:
    return client.generic(method, address, **more)


def api_routes() -> Iterator[str]:
    for route in routes(get_resolver()):
        if route.startswith(("api/", "v1/")) and route not in PAGES:
            yield route


def test_every_route_and_method_has_a_rule(alice: User) -> None:
    """A method that no route takes is answered with those that it takes."""
    token = Token.objects.make(alice, "All", Scope.values, None)[1]
    found = set()
    for route in api_routes():
        address = f"/{route}".replace("<uid>", str(uuid4())).replace("<path:id>", "x")
        address = address.replace("<str:id>", str(uuid4()))
        headers = {"Authorization": f"Bearer {token}"}
        answer = answered(Client(headers=headers), "BREW", address)
        assert answer.status_code == 405, route
        found |= {(method, route) for method in answer["Allow"].split(", ")}
    assert {rule for rule in found if rule[0] not in {"HEAD", "OPTIONS"}} == set(RULES)


class Owned:
    """A conversation of Alice's, and what an address or a body names of it."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        question, reply = conversation.messages.order_by("pk")
        if not ApiCall.objects.filter(reply=reply).exists():
            ApiCall.objects.create(user=conversation.owner, reply_id=reply.pk, chain="x")
        self.ids = {
            "{conversation}": conversation.uid,
            "{question}": question.uid,
            "{reply}": reply.uid,
            "{folder}": Folder.objects.create(owner=conversation.owner, name="Home").uid,
        }

    def ask(self, client: Client, method: str, route: str, rule: Rule) -> Any:
        thing = route.split("/")[2] if route.startswith("api/") else ""
        named = NAMED.get(thing, "{reply}")
        address = f"/{route}".replace("<uid>", named).replace("<path:id>", "openai/one")
        address = address.replace("<str:id>", named)
        body = "" if rule.body is None else json.dumps(rule.body)
        kind = {} if rule.body is None else {"content_type": "application/json"}
        filled = (self._fill(address + rule.query), self._fill(body))
        return answered(client, method, filled[0], data=filled[1], **kind)

    def _fill(self, text: str) -> str:
        for name, uid in self.ids.items():
            text = text.replace(name, str(uid))
        return text

    def unknown(self) -> Owned:
        """The same with ids that nobody has."""
        twin = Owned(self.conversation)
        twin.ids = {name: uuid4() for name in twin.ids}
        return twin


def client_of(caller: str, alice: User, bob: User, carol: User, rule: Rule) -> Client:
    client = Client(enforce_csrf_checks=True)
    people = {"a stranger": bob, "staff": carol, "the owner": alice}
    if caller in people or caller == "the owner without CSRF":
        client.force_login(people.get(caller, alice))
    if caller in people:
        client.cookies["csrftoken"] = CSRF
        client.defaults["HTTP_X_CSRFTOKEN"] = CSRF
    if "token" in caller:
        wanted = set(rule.scopes.split())
        scopes = set(Scope.values) - wanted if "without" in caller else wanted
        token, secret = Token.objects.make(alice, "Script", scopes, None)
        if "revoked" in caller:
            token.revoke()
        client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    return client


def stored(alice: User, conversation: UUID) -> list[Any]:
    """Everything of Alice's that a request might have changed."""
    rows = Conversation.objects.filter(uid=conversation).values_list("title", "seq", "leaf")
    messages = Message.objects.order_by("pk").values_list("uid", "status", "seq", "text")
    return [*rows, *messages, Counter.objects.current(alice.pk)]


@pytest.mark.parametrize("caller", CALLERS)
def test_every_caller_gets_only_what_is_theirs(
    alice: User, bob: User, carol: User, make_conversation: Make, settings: Settings, caller: str
) -> None:
    settings.OPENAI_API_KEY, settings.CHAT_MODEL = "k", ["one"]
    settings.FRAMES_PER_MINUTE = 1000
    place = CALLERS.index(caller)
    wrong = {}
    for (method, route), rule in RULES.items():
        for rows in (Conversation, Request, Token):
            rows.objects.all().delete()
        owned = Owned(make_conversation(alice, **rule.reply))
        client = client_of(caller, alice, bob, carol, rule)
        before = stored(alice, owned.conversation.uid)
        answer = owned.ask(client, method, route, rule)
        status = answer.status_code
        if status != rule.statuses[place]:
            wrong[method, route] = (status, rule.statuses[place])
        if status >= 400:
            assert stored(alice, owned.conversation.uid) == before
            if route.startswith("api/"):
                assert answer["Content-Type"] == "application/problem+json"
        if status == 404:
            unknown = owned.unknown().ask(client, method, route, rule)
            assert (unknown.status_code, unknown.content) == (404, answer.content), route
        assert answer.has_header("Content-Security-Policy")
        answer.close()
    assert wrong == {}
