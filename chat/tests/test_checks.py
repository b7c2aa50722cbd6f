"""System checks: each finds its combination of settings, and only that."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage
from pytest_django import Settings

from chat import checks
from chat.models import Endpoint, OfferedModel
from chatproject.database_url import is_pooled

ROOT = Path(__file__).resolve().parents[2]


def ids(check: Callable[[], list[CheckMessage]]) -> list[str | None]:
    found = check()
    assert all(message.hint for message in found)
    return [message.id for message in found]


def change(settings: Settings, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(settings, name, value)


@pytest.mark.parametrize(
    ("debug", "hosts", "expected"),
    [
        (True, ["*"], ["parley.E001"]),
        (True, ["localhost", "chat.example"], ["parley.E001"]),
        (True, ["localhost", "127.0.0.1", "[::1]"], []),
        (False, ["*"], []),
    ],
)
def test_debug_is_for_this_machine_only(
    settings: Settings, debug: bool, hosts: list[str], expected: list[str]
) -> None:
    change(settings, {"DEBUG": debug, "ALLOWED_HOSTS": hosts})
    assert ids(checks.check_debug) == expected


@pytest.mark.parametrize(
    ("https", "platform", "proxies", "expected"),
    [
        (True, True, [], ["parley.E002"]),
        (True, True, ["*"], []),
        (True, False, [], []),
        (False, True, [], []),
    ],
)
def test_https_behind_a_router_needs_its_header(
    settings: Settings, https: bool, platform: bool, proxies: list[str], expected: list[str]
) -> None:
    change(settings, {"HTTPS": https, "ON_PLATFORM": platform, "TRUSTED_PROXIES": proxies})
    assert ids(checks.check_https_behind_router) == expected


@pytest.mark.parametrize(
    ("sqlite", "connections", "expected"),
    [(False, 7, ["parley.E004"]), (False, 8, []), (True, 1, [])],
)
def test_postgres_needs_enough_connections(
    settings: Settings, sqlite: bool, connections: int, expected: list[str]
) -> None:
    change(settings, {"SQLITE": sqlite, "DATABASE_CONNECTIONS": connections})
    assert ids(checks.check_connections) == expected


@pytest.mark.parametrize(
    ("sqlite", "pooled", "listen", "expected"),
    [
        (False, True, True, ["parley.W006"]),
        (False, True, False, []),
        (False, False, True, []),
        (True, True, True, []),
    ],
)
def test_a_pooler_that_cannot_listen_is_told(
    settings: Settings, sqlite: bool, pooled: bool, listen: bool, expected: list[str]
) -> None:
    change(settings, {"SQLITE": sqlite, "DATABASE_POOLED": pooled, "DATABASE_LISTEN": listen})
    assert ids(checks.check_pooler) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://u:p@pgbouncer/parley", True),
        ("postgres://u:p@db-pgbouncer.example/parley", True),
        ("postgres://u:p@db.example:6432/parley", True),
        ("postgres://u:p@db.example/parley?pgbouncer=true", True),
        ("postgres://u:p@db.example/parley?pgbouncer=false", False),
        ("postgres://u:p@db.example:5432/pgbouncer", False),
        ("sqlite:////pgbouncer.sqlite3", False),
    ],
)
def test_a_pooler_is_seen_by_its_address(url: str, expected: bool) -> None:
    assert is_pooled(url) is expected


def test_names_that_nothing_reads_are_told(settings: Settings) -> None:
    settings.UNKNOWN_NAMES = {"ALOWED_HOSTS": "ALLOWED_HOSTS", "OTHER": ""}
    first, second = checks.check_names()
    assert "ALOWED_HOSTS" in first.msg
    assert "ALLOWED_HOSTS" in str(first.hint)
    assert "OTHER" in second.msg


def test_any_host_is_told_where_it_is_not_refused(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert ids(checks.check_any_host) == ["parley.W008"]


def test_a_server_makes_the_checks_that_need_no_database(settings: Settings) -> None:
    change(settings, {"HTTPS": True, "ON_PLATFORM": True, "TRUSTED_PROXIES": []})
    settings.UNKNOWN_NAMES = {"ALOWED_HOSTS": "ALLOWED_HOSTS"}
    errors, warnings = checks.at_start()
    assert [error for error in errors if "TRUSTED_PROXIES" in error]
    assert [warning for warning in warnings if "ALOWED_HOSTS" in warning]


@pytest.mark.parametrize(
    ("sqlite", "redis", "expected"),
    [(False, "", ["parley.W001"]), (False, "redis://cache", []), (True, "", [])],
)
def test_postgres_without_redis_is_slower(
    settings: Settings, sqlite: bool, redis: str, expected: list[str]
) -> None:
    change(settings, {"SQLITE": sqlite, "REDIS_URL": redis})
    assert ids(checks.check_redis) == expected


@pytest.mark.django_db
def test_no_model_names_the_settings_that_give_one(settings: Settings) -> None:
    (warning,) = checks.check_model(databases=["default"])
    assert warning.id == "parley.W002"
    assert "OPENAI_API_KEY" in str(warning.hint)
    settings.OPENAI_API_KEY = "sk-test"
    assert checks.check_model(databases=["default"]) == []


@pytest.mark.django_db
def test_a_model_of_the_database_is_one() -> None:
    endpoint = Endpoint.objects.create(slug="own", label="Own", base_url="http://own:1/v1")
    OfferedModel.objects.create(endpoint=endpoint, name="m")
    assert checks.check_model(databases=["default"]) == []


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a" * 60, ["parley.E005"]),
        ("django-insecure-0123456789-abcdefghijklmnopqrstuvwxyz", ["parley.E005"]),
        ("please-change-this-0123456789-abcdefghijklmnopqrstuvw", ["parley.E005"]),
        ("vS1Jq0bX9mZk3rT7yLw2eNf8cHd5pUa4gQi6oBxRjKtMzWlEnVs", []),
        ("1234567890abcde1234567890abcdef1234567890abcde1234567890abcde123".replace("f", "0"), []),
    ],
)
def test_secret_key_is_no_example(settings: Settings, key: str, expected: list[str]) -> None:
    settings.SECRET_KEY = key
    assert ids(checks.check_secret_key) == expected


PRODUCTION = {
    "ENV_FILE": "",
    "SECRET_KEY": "vS1Jq0bX9mZk3rT7yLw2eNf8cHd5pUa4gQi6oBxRjKtMzWlEnVs-Hy_3uC",
    "HTTPS": "on",
    "DEBUG": "off",
    "ALLOWED_HOSTS": ".herokuapp.com",
    "TRUSTED_PROXIES": "*",
    "PORT": "5000",
    "OPENAI_API_KEY": "sk-test",
    "DATABASE_URL": "postgres://parley:secret@database.example:5432/parley",
    "REDIS_URL": "rediss://:secret@cache.example:6379",
}


def check_deploy(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_production_environment_is_clean() -> None:
    done = check_deploy(PRODUCTION)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("System check identified no issues ("), done.stdout


def test_a_wrong_environment_stops_the_deploy() -> None:
    done = check_deploy(PRODUCTION | {"TRUSTED_PROXIES": "", "REDIS_URL": ""})
    assert done.returncode == 1
    assert "parley.E002" in done.stderr
    assert "parley.W001" in done.stderr
