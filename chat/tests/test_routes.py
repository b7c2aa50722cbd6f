"""Every address and every person: who gets in. A new route without a rule here fails."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponseBase
from django.test import Client
from django.urls import get_resolver

from chat.models import Conversation
from chat.tests.api.routes import RULES as API_RULES
from chat.tests.routes import CONFIRM, LOGIN, PEOPLE, RULES, addresses_of, routes

type MakeConversation = Callable[..., Conversation]


def test_every_route_has_a_rule() -> None:
    of_the_apis = {route for _, route in API_RULES}
    assert set(routes(get_resolver())) == set(RULES) | of_the_apis


def outcome(answer: HttpResponseBase) -> int | str:
    """The status; for a redirect to the log-in or the question for the password, which."""
    target = answer.headers.get("Location", "")
    if target.startswith("/accounts/login/?next="):
        return LOGIN
    if target.startswith("/accounts/reauthenticate/?next="):
        return CONFIRM
    return answer.status_code


def follow_admin_login(client: Client, answer: HttpResponseBase) -> HttpResponseBase:
    """The admin sends everybody without rights to its own log-in, which decides."""
    target = answer.headers.get("Location", "")
    return client.get(target) if target.startswith("/admin/login/?next=") else answer


@pytest.mark.parametrize("person", PEOPLE)
def test_everybody_gets_only_what_is_theirs(
    alice: User,
    bob: User,
    carol: User,
    root: User,
    make_conversation: MakeConversation,
    person: str,
) -> None:
    addresses = addresses_of(make_conversation(alice))
    place = PEOPLE.index(person)
    wrong = {}
    for route, rule in RULES.items():
        client = Client()
        if person != "nobody":
            client.force_login(User.objects.get(username=person))
        found = outcome(follow_admin_login(client, client.get(addresses[route])))
        if found != rule[place]:
            wrong[route] = (found, rule[place])
    assert wrong == {}


@pytest.mark.parametrize("person", ["nobody", "bob", "carol", "root"])
@pytest.mark.parametrize("method", ["patch", "delete"])
def test_only_the_owner_changes_a_conversation(
    alice: User,
    make_conversation: MakeConversation,
    request: pytest.FixtureRequest,
    person: str,
    method: str,
) -> None:
    conversation = make_conversation(alice)
    client = Client()
    if person != "nobody":
        client.force_login(request.getfixturevalue(person))
    change = {"data": {"title": "Mine"}, "content_type": "application/json"}
    answers = [
        getattr(client, method)(f"/api/v1/conversations/{uid}", **change)
        for uid in (conversation.uid, uuid4())
    ]
    assert {answer.status_code for answer in answers} == {401 if person == "nobody" else 404}
    assert answers[0].content == answers[1].content
    conversation.refresh_from_db()
    assert conversation.title == "Haiku"
