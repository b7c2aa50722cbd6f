"""API tokens in the admin: seen and revoked there, never made, changed or given away."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from chat.models import Token
from chat.models.tokens import Places

LIST = "/admin/chat/token/"


@pytest.fixture
def keeper(carol: User) -> User:
    """Carol, who may see and revoke tokens."""
    for name in ("view_token", "change_token"):
        carol.user_permissions.add(Permission.objects.get(codename=name))
    return carol


def names(client: Client, query: str = "") -> list[str]:
    return [row.name for row in client.get(f"{LIST}{query}").context["cl"].result_list]


def revoke(client: Client, *rows: Token) -> str:
    chosen = {"action": "revoke", "_selected_action": [row.pk for row in rows]}
    return client.post(LIST, chosen, follow=True).text


def test_staff_see_whose_token_may_what_and_no_secret(
    client: Client, alice: User, keeper: User
) -> None:
    row, secret = Token.objects.make(alice, "Nightly", ["read", "export"], None)
    client.force_login(keeper)
    for page in (LIST, f"{LIST}{row.pk}/change/", f"{LIST}{row.pk}/history/"):
        text = client.get(page).text
        assert "Nightly" in text
        assert secret not in text
        assert row.digest not in text
        if page != f"{LIST}{row.pk}/history/":
            for shown in ("alice", f"…{row.hint}", "read, export"):
                assert shown in text


def test_staff_set_how_much_at_once_a_token_may_ask_for(
    client: Client, alice: User, root: User, keeper: User
) -> None:
    row, _ = Token.objects.make(alice, "Script", ["chat"], None)
    roots, _ = Token.objects.make(root, "Above", ["chat"], None)
    client.force_login(keeper)
    form = {"running_limit": 25, "queued_limit": 0, "name": "Other"}
    assert client.post(f"{LIST}{row.pk}/change/", form).status_code == 302
    assert client.post(f"{LIST}{roots.pk}/change/", form).status_code == 403
    bad = client.post(f"{LIST}{row.pk}/change/", {"running_limit": 0, "queued_limit": ""})
    assert bad.status_code == 200
    row.refresh_from_db()
    assert (row.places, row.name) == (Places(25, 0), "Script")
    assert LogEntry.objects.get().object_id == str(row.pk)
    keeper.user_permissions.remove(Permission.objects.get(codename="change_token"))
    assert client.post(f"{LIST}{row.pk}/change/", form).status_code == 403


def test_nothing_else_of_it_can_be_changed(client: Client, alice: User, root: User) -> None:
    row, _ = Token.objects.make(alice, "Script", ["read"], None)
    client.force_login(root)
    before = Token.objects.values().get()
    form = {"user": root.pk, "name": "Mine", "scopes": '["chat"]', "post": "yes"}
    for page in (f"{LIST}add/", f"{LIST}{row.pk}/delete/"):
        assert client.post(page, form).status_code == 403
    assert client.post(f"{LIST}{row.pk}/change/", form).status_code == 302
    assert Token.objects.values().get() == before
    assert "delete_selected" not in client.get(LIST).text


def test_revoking_is_written_down(client: Client, alice: User, keeper: User) -> None:
    row, secret = Token.objects.make(alice, "Script", ["read"], None)
    gone, _ = Token.objects.make(alice, "Gone", ["read"], None)
    gone.revoke()
    stays, other = Token.objects.make(alice, "Stays", ["read"], None)
    client.force_login(keeper)
    assert "Revoked 1 token." in revoke(client, row, gone)
    assert Token.objects.find(secret) is None
    assert Token.objects.find(other) == stays
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.change_message) == (keeper, str(row.pk), "Revoked.")
    assert secret not in str(LogEntry.objects.values())
    assert "Revoked." in client.get(f"{LIST}{row.pk}/history/").text


def test_who_may_only_look_cannot_revoke(client: Client, alice: User, carol: User) -> None:
    carol.user_permissions.add(Permission.objects.get(codename="view_token"))
    row, secret = Token.objects.make(alice, "Script", ["read"], None)
    client.force_login(carol)
    assert names(client) == ["Script"]
    revoke(client, row)
    assert Token.objects.find(secret) == row


def test_only_administrators_revoke_an_administrators_token(
    client: Client, keeper: User, root: User
) -> None:
    row, secret = Token.objects.make(root, "Script", ["read"], None)
    client.force_login(keeper)
    assert "Revoked 0 tokens." in revoke(client, row)
    assert Token.objects.find(secret) == row
    client.force_login(root)
    assert "Revoked 1 token." in revoke(client, row)
    assert Token.objects.find(secret) is None


def test_list_is_searched_and_narrowed(client: Client, alice: User, bob: User, root: User) -> None:
    Token.objects.make(alice, "Nightly", ["read"], None)
    Token.objects.make(bob, "Laptop", ["chat"], None)
    over, _ = Token.objects.make(bob, "Expired", ["chat"], None)
    Token.objects.filter(pk=over.pk).update(expires=timezone.now() - timedelta(days=1))
    Token.objects.make(bob, "Revoked", ["chat"], None)[0].revoke()
    client.force_login(root)
    assert set(names(client)) == {"Nightly", "Laptop", "Expired", "Revoked"}
    assert names(client, "?q=alice") == names(client, "?q=nightl") == ["Nightly"]
    assert set(names(client, "?state=live")) == {"Nightly", "Laptop"}
    assert set(names(client, "?state=over")) == {"Expired", "Revoked"}
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert names(client, "?state=live") == ["Laptop"]


def test_list_costs_the_same_for_many(
    client: Client,
    alice: User,
    bob: User,
    root: User,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for user in (alice, bob) * 10:
        Token.objects.make(user, "Script", ["read"], None)
    client.force_login(root)
    with django_assert_max_num_queries(8):
        client.get(LIST)


def test_tokens_do_not_keep_an_account_from_being_deleted(
    client: Client, alice: User, root: User
) -> None:
    Token.objects.make(alice, "Script", ["read"], None)
    client.force_login(root)
    page = f"/admin/auth/user/{alice.pk}/delete/"
    assert "Are you sure" in client.get(page).text
    client.post(page, {"post": "yes"})
    assert not Token.objects.exists()
    assert not User.objects.filter(pk=alice.pk).exists()
