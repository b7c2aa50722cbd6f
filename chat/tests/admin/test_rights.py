"""Every action of every admin, by every role, on every kind of account: what it changed.

The cases are generated from what is registered. An admin without a rule here fails; so does an
address or an action of its own that a rule does not name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.test import Client
from pytest_django import Settings

from chat.models import Endpoint, OfferedModel, Token

# --- the roles and the accounts ------------------------------------------------------------------

ROLES = ("root", "steward", "clerk", "viewer", "plain", "nobody")
"""root: superuser; steward: staff with every permission there is; clerk: staff with every
permission over accounts, groups and tokens; viewer: staff who may see all; plain: staff with
nothing; nobody: an ordinary account."""

TARGETS = ("ordinary", "gone", "privileged", "gone_privileged", "grouped", "colleague", "boss")
"""gone: deactivated; privileged and grouped: with a permission that clerks lack."""


@pytest.fixture
def people(db: None, settings: Settings) -> dict[str, User]:
    settings.ENCRYPTION_KEY = "the key of the tests"
    made: dict[str, User] = {}
    staff = {"steward", "clerk", "viewer", "plain", "colleague", "boss", "root"}
    for name in (*ROLES, *TARGETS):
        made[name] = User.objects.create(
            username=name,
            email=f"{name}@example.com",
            password="md5$salt$hash",
            is_staff=name in staff,
            is_superuser=name in {"root", "boss"},
            is_active=not name.startswith("gone"),
        )
        EmailAddress.objects.create(user=made[name], email=f"{name}@example.com", primary=True)
        Authenticator.objects.create(user=made[name], type="totp", data={"secret": name})
        Token.objects.make(made[name], name, ["read"], None)
    every = Permission.objects.filter(pk__gt=0)
    over_accounts = every.filter(content_type__app_label="auth") | every.filter(
        content_type__app_label="chat", content_type__model="token"
    )
    made["steward"].user_permissions.set(every)
    made["clerk"].user_permissions.set(over_accounts)
    made["viewer"].user_permissions.set(every.filter(codename__startswith="view_"))
    reading = every.get(codename="view_conversation")
    for name in ("privileged", "gone_privileged"):
        made[name].user_permissions.add(reading)
    group = Group.objects.create(name="readers")
    group.permissions.add(reading)
    made["grouped"].groups.add(group)
    endpoint = Endpoint.objects.create(slug="own", label="Own", base_url="http://own:1/v1")
    OfferedModel.objects.create(endpoint=endpoint, name="m")
    return made


def state() -> dict[str, Any]:
    """Everything that lets somebody in or permits something, by kind and owner."""
    found: dict[str, Any] = {}
    for row in User.objects.all():
        for field in User._meta.concrete_fields:
            found[f"{row.pk} {field.name}"] = str(field.value_from_object(row))
    for name in ("groups", "user_permissions"):
        for user, other in User.objects.values_list("pk", name):
            found.setdefault(f"{user} {name}", set()).add(other)
    for group, permission in Group.objects.values_list("pk", "permissions"):
        found.setdefault(f"Group {group} permissions", set()).add(permission)
    for model in (Group, EmailAddress, Authenticator, Token):
        for values in model._default_manager.values():
            found[f"{model.__name__} {values['id']}"] = str(values)
    return found


def changed(before: dict[str, Any], after: dict[str, Any], of: User) -> set[str]:
    """Differences by field; those that are not the target's own are named in full."""
    names = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    mine = {f"Token {one.pk}": "token" for one in Token.objects.filter(user=of)}
    mine |= {f"{of.pk} {field.name}": field.name for field in User._meta.get_fields()}
    return {mine.get(name, name) for name in names if not name.endswith(" last_login")}


# --- the rules ---------------------------------------------------------------------------------

type Rule = Callable[[str, str], set[str] | None]
"""Fields of a target that a role may change by this; None: any."""


def never(role: str, target: str) -> set[str] | None:
    return set()


def superusers(role: str, target: str) -> set[str] | None:
    return None if role == "root" else set()


def reach(role: str, target: str) -> bool:
    """True if the role may touch the account at all."""
    if role == "steward":
        return target in {"ordinary", "gone", "privileged", "gone_privileged", "grouped"}
    return role == "clerk" and target in {"ordinary", "gone"}


def correcting(role: str, target: str) -> set[str] | None:
    if role == "root":
        return None
    if not reach(role, target):
        return set()
    names = {"first_name", "last_name"}
    return names if target.startswith("gone") else {*names, "is_active"}


def deactivating(role: str, target: str) -> set[str] | None:
    if role == "root":
        return None
    return {"is_active"} if reach(role, target) and not target.startswith("gone") else set()


def revoking(role: str, target: str) -> set[str] | None:
    return {"token"} if role == "root" or reach(role, target) else set()


CONVERSATION = [
    "chat_conversation_changelist",
    "chat_conversation_change",
    "chat_conversation_data",
]
ENDPOINT = [
    "chat_endpoint_test", "chat_endpoint_fetch", "chat_endpoint_test_environment",
    "chat_endpoint_changelist", "chat_endpoint_add", "chat_endpoint_history",
    "chat_endpoint_delete", "chat_endpoint_change", "action delete_selected",
]  # fmt: skip
MODEL = [
    "chat_offeredmodel_changelist", "chat_offeredmodel_add", "chat_offeredmodel_history",
    "chat_offeredmodel_delete", "chat_offeredmodel_change", "action delete_selected",
    "action offer", "action withdraw", "action make_default", "action fill_in",
]  # fmt: skip
RULES: dict[str, dict[str, Rule]] = {
    "auth.user": {
        "auth_user_password_change": superusers,
        "auth_user_changelist": never,
        "auth_user_add": never,  # makes somebody, and changes nobody: see below
        "auth_user_history": never,
        "auth_user_delete": superusers,
        "auth_user_change": correcting,
        "action deactivate": deactivating,
        "action remove_second_factor": superusers,
        "action delete_selected": never,
    },
    "auth.group": {
        "auth_group_changelist": never,
        "auth_group_add": superusers,
        "auth_group_history": never,
        "auth_group_delete": superusers,
        "auth_group_change": superusers,
        "action delete_selected": superusers,
    },
    "chat.token": {
        "chat_token_changelist": never,
        "chat_token_add": never,
        "chat_token_history": never,
        "chat_token_delete": never,
        "chat_token_change": never,
        "action delete_selected": never,
        "action revoke": revoking,
    },
    "chat.conversation": dict.fromkeys(CONVERSATION, never),
    "chat.endpoint": dict.fromkeys(ENDPOINT, never),
    "chat.offeredmodel": dict.fromkeys(MODEL, never),
}


def things(model_admin: admin.ModelAdmin[Any]) -> set[str]:
    """Its addresses by name, and its actions."""
    actions = {f"action {name}" for name in (model_admin.actions or ())}
    if model_admin.actions is not None:  # those of the whole site are each one's
        actions |= {f"action {name}" for name, _ in admin.site.actions}
    return {pattern.name for pattern in model_admin.get_urls() if pattern.name} | actions


def test_every_registered_admin_has_a_rule_for_everything_in_it() -> None:
    found = {model._meta.label_lower: things(one) for model, one in admin.site._registry.items()}
    assert found == {label: set(rules) for label, rules in RULES.items()}


def hostile(target: User) -> dict[str, Any]:
    """All that any of the forms could take, to take the account over or to raise the actor."""
    permissions = [str(pk) for pk in Permission.objects.values_list("pk", flat=True)]
    return {
        "username": "taken-over", "email": "mine@example.com",
        "first_name": "Mallory", "last_name": "Mallory",
        "usable_password": "true", "set-password": "1",
        "password": "md5$mine$mine", "password1": "Mine-42-lamp", "password2": "Mine-42-lamp",
        "is_staff": "on", "is_superuser": "on",
        **({} if target.is_active else {"is_active": "on"}),
        "groups": [str(group.pk) for group in Group.objects.all()],
        "user_permissions": permissions, "permissions": permissions, "name": "taken-over",
        "user": str(target.pk), "data": "{}", "digest": "mine", "revoked": "",
        "date_joined_0": "2026-01-01", "date_joined_1": "12:00:00",
        "last_login_0": "", "last_login_1": "",
        "post": "yes", "_save": "Save",
    }  # fmt: skip


def attack(client: Client, model: Any, thing: str, target: User) -> None:
    """Do it to what belongs to the target, and where nothing does, to every row."""
    rows: dict[str, list[int]] = {
        "auth.user": [target.pk],
        "auth.group": list(Group.objects.values_list("pk", flat=True)),
        "chat.token": list(Token.objects.filter(user=target).values_list("pk", flat=True)),
    }
    keys = rows.get(model._meta.label_lower) or [1]
    base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    if thing.startswith("action "):
        form = {"action": thing.removeprefix("action "), "_selected_action": keys, "post": "yes"}
        client.post(base, form)
        return
    tail = thing.rpartition("_")[2]
    if thing == "auth_user_password_change":
        tail = "password"
    if tail in {"changelist", "add"}:
        client.post(base if tail == "changelist" else f"{base}add/", hostile(target))
        return
    for key in keys:
        client.post(f"{base}{key}/{tail}/", hostile(target))


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model.__name__)
def test_nobody_changes_more_about_an_account_than_the_rule_says(
    people: dict[str, User], model: Any
) -> None:
    rules = RULES[model._meta.label_lower]
    before = state()
    for role in ROLES:
        client = Client(raise_request_exception=False)
        client.force_login(people[role])
        for thing in sorted(things(admin.site._registry[model])):
            # What is not about one account is done once; so is what hardly anybody may.
            each = model in {User, Token} and not thing.endswith(("_add", "_changelist"))
            few = not each or role not in {"root", "steward", "clerk"}
            for name in ("ordinary",) if few else (*TARGETS, role):
                allowed = rules[thing](role, name)
                if allowed is None:
                    continue  # a superuser
                with transaction.atomic():
                    attack(client, model, thing, people[name])
                    done = changed(before, state(), people[name])
                    transaction.set_rollback(True)
                if thing == "auth_user_add":  # who is new is looked at below
                    old = {str(one.pk) for one in people.values()}
                    done = {key for key in done if key.split()[0] in old}
                assert done <= allowed, (thing, role, name, done)


@pytest.mark.parametrize(
    ("thing", "role", "target", "expected"),
    [
        ("auth_user_change", "clerk", "ordinary", {"first_name", "last_name", "is_active"}),
        ("auth_user_change", "steward", "grouped", {"first_name", "last_name", "is_active"}),
        ("action deactivate", "clerk", "ordinary", {"is_active"}),
        ("action deactivate", "steward", "privileged", {"is_active"}),
        ("auth_user_change", "clerk", "grouped", set()),
        ("auth_user_change", "clerk", "gone_privileged", set()),
    ],
)
def test_staff_do_what_is_theirs(
    client: Client,
    people: dict[str, User],
    thing: str,
    role: str,
    target: str,
    expected: set[str],
) -> None:
    """Else the test above could pass because nothing works at all."""
    client.force_login(people[role])
    before = state()
    attack(client, User, thing, people[target])
    assert changed(before, state(), people[target]) == expected


def test_superusers_do_everything(client: Client, people: dict[str, User]) -> None:
    client.force_login(people["root"])
    attack(client, User, "auth_user_change", people["colleague"])
    taken = User.objects.get(pk=people["colleague"].pk)
    assert (taken.username, taken.email, taken.is_superuser) == (
        "taken-over", "mine@example.com", True,
    )  # fmt: skip
    attack(client, User, "auth_user_password_change", people["ordinary"])
    assert User.objects.get(pk=people["ordinary"].pk).check_password("Mine-42-lamp")
    attack(client, User, "auth_user_delete", people["gone"])
    assert not User.objects.filter(pk=people["gone"].pk).exists()


@pytest.mark.parametrize("role", ["steward", "clerk"])
def test_staff_make_ordinary_accounts_and_no_others(
    client: Client, people: dict[str, User], role: str
) -> None:
    client.force_login(people[role])
    attack(client, User, "auth_user_add", people["ordinary"])
    made = User.objects.get(username="taken-over")
    assert (made.is_staff, made.is_superuser, made.is_active) == (False, False, True)
    assert (made.groups.count(), made.user_permissions.count()) == (0, 0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "ROOT"),
        ("username", "root@example.com"),
        ("username", "ＲＯＯＴ"),
        ("email", "Root@Example.com"),
        ("email", "root@EXAMPLE.com"),
    ],
)
def test_a_new_account_takes_nobodys_name_or_address(
    client: Client, people: dict[str, User], field: str, value: str
) -> None:
    """An account with such a name could log in for somebody else, or lock both out."""
    client.force_login(people["clerk"])
    form = hostile(people["ordinary"]) | {field: value}
    answer = client.post("/admin/auth/user/add/", form)
    assert field in answer.context["adminform"].errors
    assert User.objects.count() == len(people)


@pytest.mark.parametrize("role", ROLES)
def test_the_admins_own_password_page_is_the_one_with_the_limit(
    client: Client, people: dict[str, User], role: str
) -> None:
    client.force_login(people[role])
    answer = client.get("/admin/password_change/")
    assert answer["Location"].startswith(("/accounts/password/change/", "/admin/login/"))


def test_new_rights_end_the_log_ins_from_before(client: Client, people: dict[str, User]) -> None:
    theirs = Client()
    theirs.force_login(people["ordinary"])
    theirs.get("/")
    client.force_login(people["root"])
    attack(client, User, "auth_user_change", people["ordinary"])
    assert theirs.get("/").status_code == 302
