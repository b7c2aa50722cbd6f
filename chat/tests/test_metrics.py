"""Access to the metrics, and their values."""

from __future__ import annotations

import asyncio
import os
import sys
from types import SimpleNamespace

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from chat import metrics
from chat.tests.monitoring import Told, ask_here
from chatproject.environment import Environment
from chatproject.names import read_process_name

TOKEN = "the-token-of-the-tests"


async def page(token: str = TOKEN) -> Told:
    return await ask_here("/metrics", Authorization=f"Bearer {token}")


@pytest.fixture
def _token(settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN


@pytest.mark.asyncio
async def test_without_the_setting_there_is_no_page() -> None:
    assert (await page("")).status == 404
    assert (await page()).status == 404


@pytest.mark.asyncio
@pytest.mark.usefixtures("_token")
@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "ä"]
)
async def test_without_the_token_nobody_reads_it(given: str) -> None:
    told = await ask_here("/metrics", Authorization=given)
    assert (told.status, told.body) == (401, "")
    assert told.headers["Www-Authenticate"] == "Bearer"
    assert (await ask_here("/metrics")).status == 401


@pytest.mark.asyncio
@pytest.mark.usefixtures("_token")
async def test_every_sample_names_the_process_that_it_is_of() -> None:
    told = await page()
    assert told.status == 200
    assert told.headers["Content-Type"].startswith("text/plain; version=")
    samples = [line for line in told.body.splitlines() if not line.startswith("#")]
    assert samples
    assert [line for line in samples if 'process="web"' not in line] == []
    assert str(os.getpid()) not in {one for line in samples for one in line.split('"')}


@pytest.mark.asyncio
@pytest.mark.usefixtures("_token")
async def test_an_end_is_counted_with_its_tokens_and_its_time() -> None:
    before = await page()
    usage = {"prompt_tokens": 7, "completion_tokens": 40, "reasoning_tokens": 3}
    metrics.count_end("e", "m", "complete", "", SimpleNamespace(usage=usage, first_token_ms=300))
    metrics.count_end(
        "e", "m", "failed", "refused_key", SimpleNamespace(usage=None, first_token_ms=None)
    )
    after = await page()

    def more(name: str, **labels: str) -> float:
        return after.sample(name, **labels) - before.sample(name, **labels)

    assert more("parley_replies_total") == 2
    assert more("parley_replies_total", state="failed", code="refused_key") == 1
    assert more("parley_tokens_total", endpoint="e", model="m", kind="prompt") == 7
    assert more("parley_tokens_total", endpoint="e", model="m", kind="completion") == 40
    assert more("parley_tokens_total") == 47
    assert more("parley_first_token_seconds_count", endpoint="e") == 1
    assert more("parley_first_token_seconds_bucket", endpoint="e", le="0.25") == 0
    assert more("parley_first_token_seconds_bucket", endpoint="e", le="0.5") == 1


@pytest.mark.asyncio
@pytest.mark.usefixtures("_token")
async def test_tasks_are_counted_while_they_live() -> None:
    before = (await page()).sample("parley_tasks")
    assert before >= 1  # this test
    stay = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(stay.wait())
        assert (await page()).sample("parley_tasks") == before + 3
        stay.set()
    assert (await page()).sample("parley_tasks") == before


def test_the_worst_lag_is_told_once() -> None:
    lag = metrics.Lag()
    lag.worst = 1.5
    assert (lag.take(), lag.take()) == (1.5, 0)


def test_what_an_object_does_not_count_is_none() -> None:
    """With SQLite there are no notifications and no replicas."""
    process = SimpleNamespace(
        following=SimpleNamespace(lives=list),
        dispatch=SimpleNamespace(held=set),
        connections={},
        draining=False,
    )
    told = Told(200, {}, metrics.page(process, "p").decode())
    assert told.sample("parley_layer_messages_dropped_total", process="p") == 0
    process.notifications = SimpleNamespace(dropped=5)
    process.replicas = SimpleNamespace(gaps_healed=3)
    told = Told(200, {}, metrics.page(process, "p").decode())
    assert told.sample("parley_layer_messages_dropped_total", process="p") == 5
    assert told.sample("parley_gaps_healed_total", process="p") == 3


@pytest.mark.asyncio
@pytest.mark.usefixtures("_token")
async def test_requests_are_counted_by_route_and_never_by_address() -> None:
    before = await page()
    metrics.count_request("GET", "/c/<uuid:uid>", 200, 0.02)
    metrics.count_request("BREW", "", 404, 3)
    after = await page()

    def more(name: str, **labels: str) -> float:
        return after.sample(name, **labels) - before.sample(name, **labels)

    assert more("parley_requests_total", method="GET", route="/c/<uuid:uid>", status="200") == 1
    assert more("parley_requests_total", method="other", route="", status="404") == 1
    assert more("parley_request_seconds_count", route="/c/<uuid:uid>") == 1
    assert more("parley_request_seconds_bucket", route="", le="2.5") == 0


@pytest.mark.asyncio
@pytest.mark.usefixtures("_token")
async def test_what_runs_is_told() -> None:
    told = await page()
    assert told.sample("parley_build_info", version=django_settings.VERSION) == 1


def test_the_name_of_a_process_stays_over_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DYNO", "PROCESS_NAME"):
        monkeypatch.delenv(name, raising=False)
    assert read_process_name(Environment(), 8001) == "web:8001"
    monkeypatch.setattr(sys, "argv", ["manage.py", "worker"])
    assert read_process_name(Environment(), 8001) == "worker"
    monkeypatch.setenv("DYNO", "worker.2")
    assert read_process_name(Environment(), None) == "worker.2"
    monkeypatch.setenv("PROCESS_NAME", "lab:2")
    assert read_process_name(Environment(), None) == "lab:2"
