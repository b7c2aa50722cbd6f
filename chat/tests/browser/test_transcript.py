"""The transcript in the admin, in a real browser: rendered, safe, and growing with its reply."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from chat.models import Attempt, Conversation, Message, Part

type MakeConversation = Callable[..., Conversation]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def open_transcript(
    page: Page, server: LiveServer, reader: User, conversation: Conversation
) -> None:
    client = Client()
    client.force_login(reader)
    cookie = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": server.url}])
    page.goto(f"{server.url}/admin/chat/conversation/{conversation.pk}/change/")


def test_transcript_grows_until_the_reply_ends(
    page: Page,
    live_server: LiveServer,
    alice: User,
    carol: User,
    make_conversation: MakeConversation,
) -> None:
    conversation = make_conversation(alice, status="running", finish_reason="", text="")
    reply = conversation.messages.get(role="assistant")
    Part.objects.create(reply=reply, attempt=1, track="text", at=0, text="**Old** ")
    open_transcript(page, live_server, carol, conversation)
    transcript = page.locator("div#transcript")
    expect(transcript.locator("strong", has_text="Old")).to_be_visible()
    expect(transcript).to_contain_text("Write a haiku.")

    Part.objects.create(reply=reply, attempt=1, track="text", at=8, text="pond, *frog*")
    expect(transcript.locator("em", has_text="frog")).to_be_visible()

    reply.text, reply.status, reply.ended = (
        "**Old** pond, *frog* leaps.",
        "complete",
        timezone.now(),
    )
    reply.save()
    reply.parts.all().delete()
    expect(transcript).to_contain_text("Old pond, frog leaps.")
    expect(transcript).to_contain_text("complete")


def test_transcript_tells_what_each_version_follows(
    page: Page,
    live_server: LiveServer,
    alice: User,
    carol: User,
    make_conversation: MakeConversation,
) -> None:
    """Oldest first, so what goes on from an earlier version stands below a later one."""
    conversation = make_conversation(alice)
    question, reply = conversation.messages.order_by("pk")

    def add(parent: Message | None, role: str, text: str) -> Message:
        return Message.objects.create(
            conversation=conversation,
            user=alice,
            parent=parent,
            role=role,
            text=text,
            status="complete" if role == "assistant" else "",
            ended=timezone.now() if role == "assistant" else None,
        )

    open_transcript(page, live_server, carol, conversation)
    expect(page.locator("div#transcript article")).to_have_count(2)
    expect(page.locator("div#transcript")).not_to_contain_text("no. ")
    add(question, "assistant", "Another one.")
    add(reply, "user", "Go on from the first.")
    add(None, "user", "Something else.")
    page.reload()
    heads = page.locator("div#transcript article header")
    expect(heads.nth(0)).to_contain_text("no. 1, version 1 of 2")
    expect(heads.nth(1)).to_contain_text("no. 2, version 1 of 2")
    expect(heads.nth(2)).to_contain_text("no. 3, follows no. 1, version 2 of 2")
    expect(heads.nth(3)).to_contain_text("no. 4, follows no. 2")
    expect(heads.nth(4)).to_contain_text("no. 5, a new beginning, version 2 of 2")


def test_transcript_of_hostile_text_stays_text(
    page: Page,
    live_server: LiveServer,
    alice: User,
    carol: User,
    make_conversation: MakeConversation,
) -> None:
    hostile = (
        "<img src=x onerror=alert(1)> <script>alert(2)</script> [link](javascript:alert(3)) "
        "![leak](https://evil.example/x.png)"
    )
    conversation = make_conversation(alice, hostile, text=hostile)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    open_transcript(page, live_server, carol, conversation)
    expect(page.locator("div#transcript")).to_contain_text("alert(1)")
    assert all(url.startswith((live_server.url, "data:")) for url in asked)
    assert page.locator("div#transcript a[href^='javascript']").count() == 0


def test_transcript_lists_every_attempt_and_request(
    page: Page,
    live_server: LiveServer,
    alice: User,
    carol: User,
    make_conversation: MakeConversation,
) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    conversation = make_conversation(alice)
    reply = conversation.messages.get(role="assistant")
    now = timezone.now()
    failure = {"at": now.isoformat(), "status": 503, "detail": hostile}
    Attempt.objects.create(
        reply=reply,
        number=1,
        started=now,
        ended=now,
        status="failed",
        endpoint="lab",
        model="large",
        settings={"system": f"Be brief. {hostile}", "temperature": 0.7},
        tries=[
            failure | {"code": "timeout", "wait": 1.5},
            failure | {"code": "upstream_error", "wait": None},
        ],
        error_code="upstream_error",
        error_message="The model server Lab reported a fault of its own.",
        error_detail=hostile,
    )
    Attempt.objects.create(
        reply=reply,
        number=2,
        started=now,
        ended=now,
        status="complete",
        model="large",
        answered_by="large-2026",
        finish_reason="stop",
        usage={"prompt_tokens": 9, "completion_tokens": 30, "estimated": True},
        cost="0.0012",
        first_token_ms=500,
        reasoning_ms=2_000,
        total_ms=3_500,
        left_out=3,
    )
    open_transcript(page, live_server, carol, conversation)
    summary = page.get_by_text("2 attempts, 3 requests")
    expect(page.get_by_role("heading", name="Attempt 1")).to_be_hidden()
    summary.click()
    first = page.locator(".attempt", has_text="Attempt 1")
    expect(first).to_contain_text("failed")
    expect(first).to_contain_text(f"Be brief. {hostile}")
    expect(first).to_contain_text("temperature0.7")
    expect(first.get_by_role("listitem")).to_contain_text(
        [
            "timeout status 503, retried after 1.5 s",
            "upstream_error status 503, not retried",
        ]
    )
    second = page.locator(".attempt", has_text="Attempt 2")
    for fact in ("large-2026", "≈ 9 in the prompt, ≈ 30 in the answer", "≈ $0.0012", "after 0.5 s"):
        expect(second).to_contain_text(fact)
    for fact in ("Thinking2.0 s", "Duration3.5 s", "≈ 10 tokens/s", "3 earlier messages"):
        expect(second).to_contain_text(fact)
    assert page.locator("#transcript img").count() == 0
