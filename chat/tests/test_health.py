"""Answers to monitors, without a server; `live/test_monitors.py` asks a running one."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from chat import health
from chat.tests.monitoring import ask_here

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def _strict(settings: Settings) -> None:
    """Set the hosts that Django would insist on."""
    settings.ALLOWED_HOSTS = []
    settings.SECURE_SSL_REDIRECT = True


async def test_alive_whatever_the_host_and_without_https() -> None:
    told = await ask_here("/healthz", Host="10.0.0.7:5000")
    assert (told.status, told.body) == (200, "ok\n")


@pytest.mark.parametrize("path", health.PAGES)
async def test_no_answer_is_kept_by_anybody(path: str) -> None:
    told = await ask_here(path)
    assert told.headers["Cache-Control"] == "no-store"
    assert told.headers["Content-Length"] == str(len(told.body))


async def test_head_has_no_body() -> None:
    told = await ask_here("/healthz", "HEAD")
    assert (told.status, told.body, told.headers["Content-Length"]) == (200, "", "3")


@pytest.mark.parametrize("path", health.PAGES)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_only_get_and_head(path: str, method: str) -> None:
    told = await ask_here(path, method)
    assert (told.status, told.body, told.headers["Allow"]) == (405, "", "GET, HEAD")


async def test_not_ready_before_the_start() -> None:
    """Tests may not use the database here, which no monitor is told in so many words."""
    told = await ask_here("/readyz")
    assert told.status == 503
    assert told.headers["Content-Type"] == "application/json"
    assert told.json["ready"] is False
    assert set(told.json["missing"]) <= {"database", "migrations", "lease"}
    assert told.json["missing"]
