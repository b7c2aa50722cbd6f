"""The budget of connections, and what the checks say before it is broken."""

from __future__ import annotations

import pytest
from django.conf import settings
from pytest_django import Settings

from chat import checks

on_postgres = pytest.mark.skipif(settings.SQLITE, reason="test_on_postgres.py runs these")


@on_postgres
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("connections", "expected"),
    [(6, []), (150, ["parley.W003"]), (100_000, ["parley.E007"])],
)
def test_a_database_with_fewer_connections_than_needed_is_refused(
    settings: Settings, connections: int, expected: list[str]
) -> None:
    settings.DATABASE_CONNECTIONS = connections
    found = checks.check_connection_limit(databases=["default"])
    assert [message.id for message in found] == expected
    assert checks.check_connection_limit() == [], "without leave to ask the database"


@on_postgres
def test_djangos_pool_leaves_three_connections_to_the_worker(settings: Settings) -> None:
    options = settings.DATABASES["default"]["OPTIONS"]
    assert options["pool"]["max_size"] + 3 == settings.DATABASE_CONNECTIONS


@pytest.mark.parametrize(
    ("sqlite", "workers", "expected"),
    [(True, "separate", ["parley.E008"]), (True, "embedded", []), (False, "separate", [])],
)
def test_separate_workers_need_postgres(
    settings: Settings, sqlite: bool, workers: str, expected: list[str]
) -> None:
    settings.SQLITE, settings.WORKERS = sqlite, workers
    assert [message.id for message in checks.check_workers()] == expected
