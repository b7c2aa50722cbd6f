"""The admin: staff find and read conversations there, and change nothing in them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from chat.models import Attempt, Conversation, Part
from chat.models.commands.feedback import give_feedback
from chat.models.commands.openai_calls import NewCall, place_call
from chat.models.commands.removal import remove, restore
from chat.models.messages import Message

type MakeConversation = Callable[..., Conversation]

LIST = "/admin/chat/conversation/"


def page_of(conversation: Conversation) -> str:
    return f"{LIST}{conversation.pk}/change/"


def embedded(text: str) -> dict[str, Any]:
    found = re.search(r'<script id="transcript-data" type="application/json">(.*?)</script>', text)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def titles(client: Client, query: str = "") -> list[str]:
    answer = client.get(f"{LIST}{query}")
    assert answer.status_code == 200
    return [row.title for row in answer.context["cl"].result_list]


# --- the list ----------------------------------------------------------------------------------


def test_list_shows_what_staff_look_for(
    client: Client, alice: User, carol: User, make_conversation: MakeConversation
) -> None:
    make_conversation(alice, "Tides", status="running")
    client.force_login(carol)
    text = client.get(LIST).text
    for shown in ("Tides", "alice", "embedded/smollm2-135m", "in progress"):
        assert shown in text
    assert re.search(r'class="field-messages">2<', text)


def test_list_says_how_many_replies_failed_or_were_cut_off(
    client: Client, alice: User, carol: User, make_conversation: MakeConversation
) -> None:
    good, bad, more = (make_conversation(alice, title) for title in ("Good", "Bad", "More"))
    for chat, ends in ((bad, ["failed", "complete"]), (more, ["interrupted", "failed", "failed"])):
        for end in ends:
            chat.messages.create(user=alice, role="assistant", status=end, parent=chat.leaf)
    client.force_login(carol)
    page = client.get(LIST)
    shown = re.findall(r'class="field-state">([^<]*)<', page.text)
    listed = {row.pk: said for row, said in zip(page.context["cl"].result_list, shown, strict=True)}
    assert listed == {good.pk: "-", bad.pk: "1 failed", more.pk: "2 failed, 1 cut off"}


def test_newest_activity_comes_first(
    client: Client, alice: User, carol: User, make_conversation: MakeConversation
) -> None:
    for title, days in (("old", 40), ("new", 0), ("middle", 3)):
        conversation = make_conversation(alice, title)
        updated = timezone.now() - timedelta(days=days)
        Conversation.objects.filter(pk=conversation.pk).update(updated=updated)
    client.force_login(carol)
    assert titles(client) == ["new", "middle", "old"]
    assert titles(client, "?activity=1") == ["new"]
    assert titles(client, "?activity=7") == ["new", "middle"]
    assert titles(client, "?activity=30") == ["new", "middle"]
    assert titles(client, "?activity=older") == ["old"]
    assert titles(client, "?o=5") == ["old", "middle", "new"]


def test_filters(
    client: Client,
    alice: User,
    bob: User,
    carol: User,
    make_conversation: MakeConversation,
    settings: Settings,
) -> None:
    settings.EMBEDDED_MODEL_URL = "http://127.0.0.1:9/v1"
    make_conversation(alice, "ended")
    make_conversation(alice, "growing", status="running")
    gone = make_conversation(bob, "of Bob")
    Conversation.objects.filter(pk=gone.pk).update(model="openai/retired")
    User.objects.filter(pk=bob.pk).update(is_active=False)
    client.force_login(carol)
    assert titles(client, "?replies=running") == ["growing"]
    assert set(titles(client, "?replies=ended")) == {"ended", "of Bob"}
    assert titles(client, "?model=other") == ["of Bob"]
    assert set(titles(client, "?model=embedded/smollm2-135m")) == {"ended", "growing"}
    assert titles(client, "?account=deactivated") == ["of Bob"]
    assert set(titles(client, "?account=active")) == {"ended", "growing"}


def test_the_latest_replies_that_ended_badly_are_found(
    client: Client,
    alice: User,
    carol: User,
    make_conversation: MakeConversation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chat.admin.filters.LATEST", 2)
    for title, status in (
        ("old", "failed"),
        ("fine", "complete"),
        ("cut", "interrupted"),
        ("first", "failed"),
        ("second", "failed"),
        ("growing", "in progress"),
    ):
        make_conversation(alice, title, status=status)
    client.force_login(carol)
    assert set(titles(client, "?replies=failed")) == {"first", "second"}
    assert titles(client, "?replies=interrupted") == ["cut"]
    assert titles(client, "?replies=interrupted&q=cut") == ["cut"]
    assert titles(client, "?replies=failed&q=old") == []


@pytest.mark.parametrize("few", [0, 2000])
def test_search_in_titles_and_owners(
    client: Client,
    alice: User,
    bob: User,
    carol: User,
    make_conversation: MakeConversation,
    monkeypatch: pytest.MonkeyPatch,
    few: int,
) -> None:
    monkeypatch.setattr("chat.admin.conversations.FEW", few)
    make_conversation(alice, "The sea at night")
    make_conversation(alice, "Plans")
    make_conversation(bob, "SEA shells")
    client.force_login(carol)
    assert titles(client, "?q=sea") == ["SEA shells", "The sea at night"]
    assert titles(client, "?q=alice") == ["Plans", "The sea at night"]
    assert titles(client, "?q=sea+alice") == ["The sea at night"]
    assert titles(client, "?q=100%25") == []
    assert titles(client, "?q=&replies=running") == []


@pytest.mark.parametrize("query", ["", "?q=Haiku", "?p=2", "?account=active&activity=7"])
def test_list_takes_few_queries_however_long_it_is(
    client: Client,
    root: User,
    make_conversation: MakeConversation,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    query: str,
) -> None:
    for number in range(60):
        owner = User.objects.create(username=f"owner{number}")
        make_conversation(owner, f"Haiku {number}")
    client.force_login(root)
    with django_assert_max_num_queries(8):
        answer = client.get(f"{LIST}{query}")
    assert len(answer.context["cl"].result_list) >= 10


# --- the transcript ----------------------------------------------------------------------------


def test_transcript_has_everything(
    client: Client, alice: User, carol: User, make_conversation: MakeConversation
) -> None:
    conversation = make_conversation(
        alice,
        status="failed",
        reasoning="Frogs, perhaps.",
        error_code="unreachable",
        error_message="The endpoint does not answer.",
        error_detail="connection refused",
    )
    client.force_login(carol)
    answer = client.get(page_of(conversation))
    data = embedded(answer.text)
    assert data["conversation"]["id"] == str(conversation.uid)
    question, reply = data["messages"]
    assert (question["role"], question["text"]) == ("user", "Write a haiku.")
    assert (reply["text"], reply["reasoning"]) == ("Old pond.", "Frogs, perhaps.")
    assert reply["error"] == {
        "code": "unreachable",
        "message": "The endpoint does not answer.",
        "detail": "connection refused",
    }
    assert client.get(data["url"]).json() == data
    assert "alice" in answer.text


def test_transcript_of_a_growing_reply_has_its_parts(
    client: Client, alice: User, carol: User, make_conversation: MakeConversation
) -> None:
    conversation = make_conversation(alice, status="running", text="of an earlier attempt")
    reply = conversation.messages.get(role="assistant")
    for attempt, track, at, text in (
        (0, "text", 0, "lost attempt"),
        (1, "text", 0, "Old "),
        (1, "reasoning", 0, "Frogs."),
        (1, "text", 4, "pond 🐸"),
    ):
        Part.objects.create(reply=reply, attempt=attempt, track=track, at=at, text=text)
    client.force_login(carol)
    data = embedded(client.get(page_of(conversation)).text)
    assert data["messages"][1]["status"] == "running"
    assert data["messages"][1]["text"] == "Old pond 🐸"
    assert data["messages"][1]["reasoning"] == "Frogs."
    Part.objects.all().delete()
    assert client.get(data["url"]).json()["messages"][1]["text"] == "of an earlier attempt"


def test_transcript_cannot_break_out_of_its_data(
    client: Client, alice: User, carol: User, make_conversation: MakeConversation
) -> None:
    hostile = "</script><script>alert(1)</script><!--"
    conversation = make_conversation(alice, hostile, text=hostile)
    client.force_login(carol)
    text = client.get(page_of(conversation)).text
    assert "<script>alert" not in text
    assert embedded(text)["messages"][1]["text"] == hostile


def test_transcript_has_every_attempt_and_its_cost(
    client: Client,
    alice: User,
    carol: User,
    make_conversation: MakeConversation,
    settings: Settings,
) -> None:
    settings.SHOW_COST = False  # that is for users
    conversation = make_conversation(
        alice, cost=Decimal("0.25"), endpoint="own", answered_by="m-2026"
    )
    reply = conversation.messages.get(role="assistant")
    failed = {"at": "2026-01-01T00:00:00+00:00", "code": "unreachable", "status": None}
    start = timezone.now()
    Attempt.objects.create(reply=reply, number=2, started=start, endpoint="own", model="m")
    Attempt.objects.create(
        reply=reply,
        number=1,
        started=start,
        ended=start,
        status="interrupted",
        endpoint="own",
        model="m",
        answered_by="m-2025",
        settings={"temperature": 0.5},
        left_out=3,
        tries=[failed],
        error_code="timeout_idle",
        error_message="It stopped.",
        error_detail="No content within 60 s.",
        usage={"prompt_tokens": 7},
        cost=Decimal("0.125"),
        first_token_ms=10,
        total_ms=20,
    )
    client.force_login(carol)
    question, found = embedded(client.get(page_of(conversation)).text)["messages"]
    assert "attempts" not in question
    assert (found["cost"], found["endpoint"], found["answered_by"]) == (0.25, "own", "m-2026")
    first, second = found["attempts"]
    assert (second["number"], second["status"], second["ended"], second["timing"]) == (
        2, None, None, None,
    )  # fmt: skip
    assert first["started"].endswith("Z")
    del first["started"], first["ended"]
    assert first == {
        "number": 1,
        "status": "interrupted",
        "endpoint": "own",
        "model": "m",
        "answered_by": "m-2025",
        "settings": {"temperature": 0.5},
        "left_out": 3,
        "tries": [failed],
        "finish_reason": None,
        "error": {
            "code": "timeout_idle",
            "message": "It stopped.",
            "detail": "No content within 60 s.",
        },
        "usage": {"prompt_tokens": 7},
        "cost": 0.125,
        "timing": {"first_token_ms": 10, "reasoning_ms": None, "total_ms": 20},
    }


def test_transcript_takes_few_queries_however_long_it_is(
    client: Client,
    alice: User,
    root: User,
    make_conversation: MakeConversation,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    conversation = make_conversation(alice)
    for number in range(50):
        reply = Message.objects.create(
            conversation=conversation,
            user=alice,
            parent=conversation.leaf,
            role="assistant",
            status="queued",
            attempt=0,
        )
        Attempt.objects.create(reply=reply, number=number, started=timezone.now())
    client.force_login(root)
    with django_assert_max_num_queries(9):
        client.get(page_of(conversation))


@pytest.mark.parametrize("number", ["999999", str(2**63 - 1), "9" * 40, "0"])
def test_unknown_transcript_is_not_found(client: Client, carol: User, number: str) -> None:
    client.force_login(carol)
    assert client.get(f"{LIST}{number}/change/").status_code == 404
    assert client.get(f"{LIST}{number}/transcript.json").status_code == 404


# --- who, and nothing but reading --------------------------------------------------------------


def test_staff_without_the_permission_learn_nothing(
    client: Client, alice: User, carol: User, make_conversation: MakeConversation
) -> None:
    conversation = make_conversation(alice)
    carol.user_permissions.clear()
    client.force_login(carol)
    paths = (LIST, page_of(conversation), f"{LIST}{conversation.pk}/transcript.json")
    assert {client.get(path).status_code for path in paths} == {403}
    assert client.get(f"{LIST}999999/change/").status_code == 403
    assert "Conversations" not in client.get("/admin/").text


def test_transcripts_can_be_kept_to_superusers(
    client: Client,
    alice: User,
    carol: User,
    root: User,
    make_conversation: MakeConversation,
    settings: Settings,
) -> None:
    settings.TRANSCRIPT_ACCESS = "superusers"
    conversation = make_conversation(alice)
    client.force_login(carol)
    assert client.get(LIST).status_code == 403
    assert client.get(page_of(conversation)).status_code == 403
    client.force_login(root)
    assert client.get(page_of(conversation)).status_code == 200


def test_nobody_writes_in_a_transcript(
    client: Client, alice: User, root: User, make_conversation: MakeConversation
) -> None:
    conversation = make_conversation(alice)
    client.force_login(root)
    before = client.get(page_of(conversation)).context["transcript"]
    for path in ("add/", f"{conversation.pk}/delete/", f"{conversation.pk}/history/"):
        assert client.get(f"{LIST}{path}").status_code == 404
        assert client.post(f"{LIST}{path}", {"post": "yes"}).status_code == 404
    client.post(page_of(conversation), {"title": "Mine", "_save": "Save"})
    client.post(LIST, {"action": "delete_selected", "_selected_action": [conversation.pk]})
    assert client.get(page_of(conversation)).context["transcript"] == before
    assert not admin.site.is_registered(Message)
    assert "<form" not in client.get(page_of(conversation)).text.partition('id="content"')[2]


# --- accounts ----------------------------------------------------------------------------------


def allow(user: User, *codenames: str) -> None:
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))


def test_staff_make_accounts(client: Client, carol: User) -> None:
    allow(carol, "add_user", "view_user", "change_user")
    client.force_login(carol)
    password = "Kestrel-42-lamp"
    form = {
        "username": "dave",
        "usable_password": "true",
        "password1": password,
        "password2": password,
    }
    assert client.post("/admin/auth/user/add/", form).status_code == 302
    dave = User.objects.get(username="dave")
    assert dave.check_password(password)
    assert not dave.is_staff


def test_staff_cannot_raise_themselves(client: Client, carol: User) -> None:
    allow(carol, "view_user", "change_user")
    client.force_login(carol)
    form = {"username": "carol", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    form |= {"date_joined_0": "2026-01-01", "date_joined_1": "12:00:00"}
    assert client.post(f"/admin/auth/user/{carol.pk}/change/", form).status_code == 403
    carol.refresh_from_db()
    assert carol.is_staff
    assert not carol.is_superuser


@pytest.mark.parametrize("path", ["change/", "password/", "delete/"])
def test_staff_do_not_reach_into_superusers(
    client: Client, carol: User, root: User, path: str
) -> None:
    allow(carol, "change_user", "delete_user")
    client.force_login(carol)
    form = {"username": "mine", "password1": "Mine-42-lamp", "password2": "Mine-42-lamp"}
    answer = client.post(f"/admin/auth/user/{root.pk}/{path}", form | {"post": "yes"})
    assert answer.status_code == 403
    assert User.objects.get(pk=root.pk).password == root.password
    assert User.objects.get(pk=root.pk).username == "root"


def test_account_with_conversations_is_not_deleted(
    client: Client, alice: User, bob: User, root: User, make_conversation: MakeConversation
) -> None:
    make_conversation(alice)
    client.force_login(root)
    assert client.post(f"/admin/auth/user/{alice.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(f"/admin/auth/user/{bob.pk}/delete/", {"post": "yes"}).status_code == 302
    chosen = {"action": "delete_selected", "_selected_action": [alice.pk], "post": "yes"}
    client.post("/admin/auth/user/", chosen)
    assert set(User.objects.values_list("username", flat=True)) == {"alice", "root"}


def test_second_factor_is_removed_for_who_lost_it(
    client: Client, alice: User, carol: User, root: User
) -> None:
    allow(carol, "view_user", "change_user")
    for user in (alice, root):
        Authenticator.objects.create(user=user, type="totp", data={"secret": "x"})
    chosen = {"action": "remove_second_factor", "_selected_action": [alice.pk]}
    client.force_login(carol)
    client.post("/admin/auth/user/", chosen)
    assert Authenticator.objects.count() == 2
    client.force_login(root)
    client.post("/admin/auth/user/", chosen)
    assert list(Authenticator.objects.values_list("user__username", flat=True)) == ["root"]


def test_log_in_of_the_admin_is_the_one_with_the_second_factor(client: Client, carol: User) -> None:
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/accounts/login/?next=")
    assert client.post("/admin/login/", {"username": "carol"})["Location"].startswith("/accounts/")


def test_demoted_staff_lose_the_admin_with_the_next_request(client: Client, carol: User) -> None:
    client.force_login(carol)
    assert client.get("/admin/chat/conversation/").status_code == 200
    User.objects.filter(pk=carol.pk).update(is_staff=False)
    assert client.get("/admin/chat/conversation/").status_code == 302


# --- API calls -----------------------------------------------------------------------------------


@pytest.fixture
def call(alice: User, settings: Settings) -> Callable[..., Conversation]:
    """Alice's program asks."""
    settings.EMBEDDED_MODEL_URL = "http://127.0.0.1:1/v1"

    def call(text: str, role: str = "system", store: bool = True) -> Conversation:
        messages = [{"role": role, "content": "Be brief."}, {"role": "user", "content": text}]
        parameters = {"seed": 4711} if role == "developer" else {}
        new = NewCall("embedded/smollm2-135m", messages, parameters, store)
        return Conversation.objects.get(uid=place_call(alice.pk, new).conversation)

    return call


def test_list_tells_what_was_begun_by_the_api(
    client: Client,
    alice: User,
    carol: User,
    make_conversation: MakeConversation,
    call: Callable[..., Conversation],
) -> None:
    make_conversation(alice, "By hand")
    call("By a program")
    client.force_login(carol)
    text = client.get(LIST).text
    assert re.findall(r'class="field-origin">(.*?)<', text) == ["API", "-"]
    assert titles(client, "?source=api") == ["By a program"]
    assert titles(client, "?source=chat") == ["By hand"]


def test_call_that_is_not_to_be_stored_is_shown_to_nobody(
    client: Client, carol: User, call: Callable[..., Conversation]
) -> None:
    stored, passing = call("Stored"), call("Passing", store=False)
    client.force_login(carol)
    assert titles(client) == [stored.title]
    assert client.get(page_of(stored)).status_code == 200
    assert client.get(page_of(passing)).status_code == 404
    assert client.get(f"{LIST}{passing.pk}/transcript.json").status_code == 404


def test_transcript_has_what_a_call_asked_for_beside_its_messages(
    client: Client, carol: User, call: Callable[..., Conversation]
) -> None:
    client.force_login(carol)
    assert "API calls" not in client.get(page_of(call("All in the tree"))).text
    text = client.get(page_of(call("<b>More", role="developer"))).text
    for shown in ("API calls", "&quot;developer&quot;", "&quot;seed&quot;: 4711"):
        assert shown in text
    assert "<b>" not in text


def test_a_removed_conversation_is_gone_for_staff_too(
    client: Client, alice: User, carol: User, make_conversation: MakeConversation
) -> None:
    chat = make_conversation(alice, "Removed")
    make_conversation(alice, "Kept")
    client.force_login(carol)
    page = f"{LIST}{chat.pk}/change/"
    assert client.get(page).status_code == 200
    remove(alice.pk, chat.uid)
    for address in (page, f"{LIST}{chat.pk}/transcript.json"):
        assert client.get(address).status_code == 404
    assert titles(client) == titles(client, "?q=e") == ["Kept"]
    restore(alice.pk, chat.uid)
    assert client.get(page).status_code == 200


def test_thumbs_are_in_the_list_and_words_in_the_transcript(
    client: Client, alice: User, carol: User, make_conversation: MakeConversation
) -> None:
    chat = make_conversation(alice, "Rated")
    reply = chat.messages.get(role="assistant").uid
    give_feedback(alice.pk, reply, "down", ["wrong"], "canary words")
    client.force_login(carol)
    listed = client.get(LIST).text
    assert "1 down" in listed
    assert "canary" not in listed
    told = client.get(f"{LIST}{chat.pk}/transcript.json").json()["messages"][1]["feedback"]
    assert told == {"thumb": "down", "reasons": ["wrong"], "words": "canary words"}
