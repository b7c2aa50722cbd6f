"""The one-time link that makes the first account."""

from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client, override_settings

from chat.first_account import first_account_code, first_account_path

ROOT = Path(__file__).resolve().parents[2]
CHOICE = {"username": "root", "password1": "Kestrel-42-lamp", "password2": "Kestrel-42-lamp"}

pytestmark = pytest.mark.django_db


def test_link_makes_an_administrator_and_logs_in(client: Client) -> None:
    path = first_account_path()
    assert path is not None
    assert client.get(path).status_code == 200

    answer = client.post(path, CHOICE | {"email": "Root@Example.com"})

    assert (answer.status_code, answer["Location"]) == (302, "/")
    root = User.objects.get()
    assert (root.username, root.email) == ("root", "root@example.com")
    assert root.is_staff
    assert root.is_superuser
    assert client.get("/accounts/sessions/").context["session_count"] == 1


def test_password_is_validated(client: Client) -> None:
    path = first_account_path()
    assert path is not None
    answer = client.post(path, {"username": "root", "password1": "12345", "password2": "12345"})
    assert answer.status_code == 200
    assert answer.context["form"].errors.keys() == {"password1"}
    answer = client.post(path, CHOICE | {"password2": "Another-42-lamp"})
    assert answer.context["form"].errors.keys() == {"password2"}
    assert not User.objects.exists()


def test_wrong_code_and_used_link_are_the_same_404(client: Client) -> None:
    path = first_account_path()
    assert path is not None
    wrong = client.get(f"/start/{'0' * 64}")
    client.post(path, CHOICE)
    client.logout()
    used = client.get(path)
    late = client.post(path, CHOICE | {"username": "second"})
    unknown = client.get("/start/")

    assert {answer.status_code for answer in (wrong, used, late, unknown)} == {404}
    assert wrong.content == used.content == late.content == unknown.content
    assert User.objects.count() == 1


@pytest.mark.parametrize("code", ["", "0", "é", "0" * 64, "a" * 5000])
def test_nothing_opens_without_the_code(client: Client, code: str) -> None:
    assert client.post(f"/start/{code}", CHOICE).status_code == 404
    assert client.post(f"/start/{first_account_code()}0", CHOICE).status_code == 404
    assert not User.objects.exists()


def test_deactivated_account_closes_the_link_too(client: Client) -> None:
    User.objects.create(username="gone", is_active=False)
    assert first_account_path() is None
    assert client.get(f"/start/{first_account_code()}").status_code == 404


def test_code_depends_on_the_secret_key() -> None:
    before = first_account_code()
    with override_settings(SECRET_KEY="another-key-0123456789-0123456789-0123456789-012345"):
        assert first_account_code() != before
    assert first_account_code() == before
    assert len(before) == 64


@pytest.mark.parametrize("path", ["/", "/accounts/login/"])
def test_without_an_account_the_page_says_where_the_link_is(client: Client, path: str) -> None:
    page = client.get(path, follow=True).content.decode()
    assert "in the server’s log" in page
    assert first_account_code() not in page
    User.objects.create(username="root")
    assert "in the server’s log" not in client.get(path, follow=True).content.decode()


@override_settings(SIGNUP="open")
def test_open_sign_up_does_not_make_the_first_account(client: Client) -> None:
    client.post("/accounts/signup/", CHOICE)
    assert not User.objects.exists()


def test_command_prints_the_link_until_an_account_exists() -> None:
    def printed(**options: Any) -> str:
        out = StringIO()
        call_command("first_account_link", stdout=out, **options)
        return out.getvalue()

    assert printed(base_url="https://chat.example/") == (
        f"https://chat.example/start/{first_account_code()}\n"
    )
    User.objects.create(username="root")
    assert printed() == ""


RACE = """
import threading
import django
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from chat.first_account import create_first_account

call_command("migrate", verbosity=0)
start = threading.Barrier(6)
won = []

def use_link(number):
    user = User(username=f"root{number}")
    start.wait()
    try:
        won.append(create_first_account(user))
    finally:
        connection.close()

threads = [threading.Thread(target=use_link, args=[number]) for number in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted(won), User.objects.filter(is_superuser=True).count())
"""


def test_used_by_several_at_once_it_makes_one_account(tmp_path: Path) -> None:
    """In a process of its own: the tests' database is one connection with no locks to wait for."""
    database = {"DATABASE_URL": f"sqlite:///{tmp_path / 'race.sqlite3'}"}
    done = subprocess.run(
        [sys.executable, "-c", RACE],
        cwd=ROOT,
        env=os.environ | database,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == f"{[False] * 5 + [True]} 1", done.stderr
