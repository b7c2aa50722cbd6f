"""The content security policy: on every answer, and nothing in a page that it would block."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from chat.models import Conversation
from chat.tests.routes import addresses_of

type MakeConversation = Callable[..., Conversation]

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "frame-src 'self'",
    "manifest-src 'self'",
    "worker-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "object-src 'none'",
    "frame-ancestors 'none'",
}

# The document of a diagram's frame has one of its own.
DIAGRAM_POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'unsafe-inline'",
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'self'",
    "sandbox allow-scripts",
}

# A block of data is no script; everything else inline, and every handler attribute, is blocked.
INLINE = re.compile(
    r"<script(?![^>]*\ssrc=)(?![^>]*type=\"application/json\")"
    r"|<style|\sstyle=|\son[a-z]+=\"|javascript:",
    re.IGNORECASE,
)


def policy(answer: object) -> set[str]:
    header: str = answer.headers["Content-Security-Policy"]  # type: ignore[attr-defined]
    return set(header.split("; "))


@pytest.mark.parametrize("person", ["nobody", "alice", "root"])
def test_every_route_sends_the_policy_and_keeps_it(
    client: Client,
    alice: User,
    root: User,
    make_conversation: MakeConversation,
    person: str,
) -> None:
    seen = 0
    for address in addresses_of(make_conversation(alice)).values():
        if person != "nobody":
            client.force_login(User.objects.get(username=person))
        answer = client.get(address)
        expected = DIAGRAM_POLICY if address == "/diagram/" else POLICY
        assert policy(answer) == expected, address
        if answer.headers.get("Content-Type", "").startswith("text/html") and answer.content:
            seen += 1
            found = INLINE.search(answer.content.decode())
            assert found is None, (address, found)
    assert seen >= 10


def test_policy_is_on_refusals_and_errors(
    client: Client, alice: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert policy(client.get("/", headers={"Host": "evil.example"})) == POLICY
    checked = Client(enforce_csrf_checks=True)
    assert policy(checked.post("/accounts/login/")) == POLICY
    assert policy(client.get("/static/admin/css/base.css")) == POLICY
    settings.SECURE_SSL_REDIRECT = True
    assert policy(client.get("/accounts/login/")) == POLICY
    settings.SECURE_SSL_REDIRECT = False

    def broken(*args: object) -> None:
        raise RuntimeError

    client.raise_request_exception = False
    monkeypatch.setattr("chat.views.an_account_exists", broken)
    answer = client.get("/accounts/login/")
    assert answer.status_code == 500
    assert policy(answer) == POLICY


def test_pages_are_not_kept_by_caches(
    client: Client, root: User, make_conversation: MakeConversation
) -> None:
    """A person's page must not be there after the log-out."""
    conversation = make_conversation(root)
    client.force_login(root)
    for path in (
        "/",
        f"/c/{conversation.uid}",
        "/accounts/sessions/",
        "/accounts/password/change/",
        "/admin/",
        "/admin/chat/conversation/",
        f"/admin/chat/conversation/{conversation.pk}/change/",
        f"/admin/chat/conversation/{conversation.pk}/transcript.json",
    ):
        assert "no-store" in client.get(path).headers.get("Cache-Control", ""), path
