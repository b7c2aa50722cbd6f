"""The worker takes jobs to the dispatch, whatever becomes of its connections."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from chat import models
from chat.database.threads import GENERATION
from chat.models import Process, Reply, Status
from chat.models.changes import wake
from chat.replies import ReplyProcess
from chat.tests.live.server import fake_upstream
from chat.tests.models.conftest import forget_jobs, stored_jobs

if TYPE_CHECKING:
    from chat.replies.worker import Worker

on_postgres = pytest.mark.skipif(settings.SQLITE, reason="test_on_postgres.py runs these")

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 30


class Office:
    """Stands for a process: writes down what it is to look at."""

    def __init__(self, look: Callable[[int], Awaitable[None]] | None = None) -> None:
        self.draining = False
        self.taken: list[int] = []
        self._look = look

    async def take(self, pk: int) -> None:
        self.taken.append(pk)
        if self._look is not None:
            await self._look(pk)


def worker(office: Office) -> Worker:
    from chat.replies.worker import Worker

    return Worker(office)  # type: ignore[arg-type]


async def until(ready: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not ready():
            await asyncio.sleep(0.02)


async def ask[T](function: Callable[..., T], *args: Any) -> T:
    """Database work beside the loop."""
    return await GENERATION.run(function, *args)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await scenario()

    asyncio.run(main())


@pytest.fixture
def _jobs(transactional_db: None) -> Iterator[None]:
    """A table without jobs, before and after."""
    forget_jobs()
    yield
    forget_jobs()


@contextmanager
def server_itself() -> Iterator[Any]:
    """A connection to another database of the server, which the tests' own trouble leaves alone."""
    import psycopg

    where = settings.DATABASES["default"]
    with psycopg.connect(
        host=where["HOST"], user=where["USER"], dbname="template1", autocommit=True
    ) as server:
        yield server


def backends(server: Any) -> dict[str, int]:
    """Number of connections the tests' database has, by application name."""
    name = connection.settings_dict["NAME"]
    rows = server.execute(
        "SELECT application_name, count(*) FROM pg_stat_activity WHERE datname = %s GROUP BY 1",
        [name],
    )
    return dict(rows.fetchall())


def pids(server: Any, use: str) -> set[int]:
    """The worker's connections that are for this."""
    rows = server.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = %s AND application_name LIKE %s",
        [connection.settings_dict["NAME"], f"% {use}"],
    )
    return {pid for (pid,) in rows}


def cut(server: Any, use: str) -> set[int]:
    """Terminate those; returns which they were."""
    found = pids(server, use)
    for pid in found:
        server.execute("SELECT pg_terminate_backend(%s)", [pid])
    return found


# --- fetching ---------------------------------------------------------------------------------


@on_postgres
@pytest.mark.usefixtures("_jobs")
@pytest.mark.parametrize("listens", [True, False])
def test_a_job_is_brought_to_the_dispatch_and_deleted(settings: Settings, listens: bool) -> None:
    settings.DATABASE_LISTEN = listens

    async def scenario() -> None:
        office = Office()
        one = worker(office)
        one.start()
        await ask(wake, [7])
        await until(lambda: office.taken == [7])
        await one.close()
        with server_itself() as server:
            assert not [name for name in backends(server) if name.endswith((" worker", " listens"))]

    run(scenario)
    assert stored_jobs() == []


@on_postgres
@pytest.mark.usefixtures("_jobs")
def test_a_job_comes_to_one_of_many_workers() -> None:
    async def scenario() -> None:
        offices = [Office(), Office()]
        workers = [worker(office) for office in offices]
        for one in workers:
            one.start()
        await ask(wake, list(range(100)))
        await until(lambda: sum(len(office.taken) for office in offices) >= 100)
        for one in workers:
            await one.close()
        taken = Counter(pk for office in offices for pk in office.taken)
        assert taken == Counter(range(100))

    run(scenario)


@on_postgres
@pytest.mark.usefixtures("_jobs")
def test_two_jobs_of_one_reply_in_two_workers_make_one_claim(
    alice: User, settings: Settings
) -> None:
    settings.OPENAI_API_KEY = "sk-test"
    settings.CHAT_MODEL = ["one"]
    reply = send(alice)
    wake([reply] * 5)
    owners = [Process.objects.create(uid=uuid4(), name=f"here:{number}") for number in (1, 2)]
    claims = []

    def office(owner: int) -> Office:
        async def look(pk: int) -> None:
            claims.append(await ask(Reply.objects.claim, pk, owner))

        return Office(look)

    async def scenario() -> None:
        workers = [worker(office(owner.pk)) for owner in owners]
        for one in workers:
            one.start()
        await until(lambda: len(claims) == 6)
        for one in workers:
            await one.close()

    run(scenario)
    assert len([claim for claim in claims if claim is not None]) == 1
    assert Reply.objects.get(pk=reply).attempt == 1


# --- ending -----------------------------------------------------------------------------------


@on_postgres
@pytest.mark.usefixtures("_jobs")
def test_who_was_told_to_stop_takes_nothing_more() -> None:
    async def scenario() -> None:
        office = Office()
        one = worker(office)
        one.start()
        await ask(wake, [1])
        await until(lambda: office.taken == [1])
        await asyncio.sleep(0.5)  # a fetch that is under way would still bring one
        one.stop_fetching()
        await ask(wake, [2])
        await one.close()
        assert office.taken == [1]

    run(scenario)
    assert stored_jobs() == [{"reply": 2}]


@on_postgres
@pytest.mark.usefixtures("_jobs")
def test_who_is_told_to_stop_at_once_never_begins() -> None:
    async def scenario() -> None:
        office = Office()
        one = worker(office)
        one.start()
        one.stop_fetching()
        await ask(wake, [1])
        await one.close()
        assert office.taken == []

    run(scenario)


@on_postgres
@pytest.mark.usefixtures("_jobs")
def test_what_comes_to_a_process_that_drains_goes_to_another() -> None:
    async def scenario() -> None:
        office = Office()
        one = worker(office)
        one.start()
        office.draining = True
        await ask(wake, [5])
        await until(lambda: office.taken == [5])
        await one.close()
        assert office.taken == [5]

        other = Office()
        two = worker(other)
        two.start()
        await until(lambda: other.taken == [5])
        await two.close()

    run(scenario)


@on_postgres
@pytest.mark.usefixtures("_jobs")
def test_a_claim_that_hangs_does_not_hold_up_the_end(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        office = Office(lambda _: asyncio.sleep(PATIENCE * 10))
        one = worker(office)
        one.start()
        await ask(wake, [1])
        await until(lambda: office.taken == [1])
        await asyncio.wait_for(one.close(), PATIENCE)

    run(scenario)
    assert "did not end" not in caplog.text


# --- trouble ----------------------------------------------------------------------------------


@on_postgres
@pytest.mark.usefixtures("_jobs")
@pytest.mark.parametrize("use", ["worker", "listens"])
def test_a_connection_that_was_cut_is_replaced(use: str) -> None:
    async def scenario() -> None:
        office = Office()
        one = worker(office)
        one.start()
        with server_itself() as server:
            for pk in range(2):
                await ask(wake, [pk])
                await until(lambda pk=pk: pk in office.taken)  # type: ignore[misc]
                old = cut(server, use)
                assert old
                await until(lambda old=old: pids(server, use) - old)  # type: ignore[misc]
        await one.close()
        assert office.taken == [0, 1]

    run(scenario)


@on_postgres
@pytest.mark.usefixtures("_jobs")
def test_a_database_that_is_away_is_waited_for(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.replies.worker.CONNECT_SECONDS", 0.3)
    name = quote_name(connection.settings_dict["NAME"])

    async def scenario() -> None:
        office = Office()
        one = worker(office)
        one.start()
        with server_itself() as server:
            await ask(wake, [1])
            await until(lambda: office.taken == [1])
            server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            try:
                cut(server, "worker")
                cut(server, "listens")
                await until(lambda: caplog.text.count("it starts again in") >= 2)
            finally:
                server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            await ask(wake, [2])
            await until(lambda: office.taken == [1, 2])
        await one.close()

    run(scenario)
    assert "Traceback" not in caplog.text


def quote_name(name: str) -> str:
    return connection.ops.quote_name(name)


# --- whole processes ------------------------------------------------------------------------


@pytest.fixture
def _a_model(settings: Settings) -> Iterator[None]:
    with fake_upstream() as upstream:
        settings.OPENAI_API_KEY = "sk-test"
        settings.OPENAI_BASE_URL = upstream.url
        settings.CHAT_MODEL = ["words?n=5&rate=100"]
        yield


@on_postgres
@pytest.mark.usefixtures("_jobs", "_a_model")
def test_an_embedded_worker_has_messages_answered(alice: User) -> None:
    async def scenario() -> None:
        process = ReplyProcess()
        await process.start()
        reply = await ask(send, alice)
        async with asyncio.timeout(PATIENCE):
            while await ask(status_of, reply) != Status.COMPLETE:
                await asyncio.sleep(0.05)
        await process.drain()

    run(scenario)
    assert stored_jobs() == []


@on_postgres
@pytest.mark.usefixtures("_jobs", "_a_model")
def test_with_separate_workers_a_web_process_claims_nothing(
    alice: User, settings: Settings
) -> None:
    settings.WORKERS = "separate"
    settings.LEASE_SECONDS = 1
    reply = send(alice)
    forget_jobs()  # lost: the sweep finds it
    long_ago = timezone.now() - timedelta(minutes=1)
    Reply.objects.update(created=long_ago)

    async def scenario() -> None:
        process = ReplyProcess()
        await process.start()
        async with asyncio.timeout(PATIENCE):
            while not await ask(stored_jobs):
                await asyncio.sleep(0.05)
        await process.drain()

    run(scenario)
    assert stored_jobs() == [{"reply": reply}]
    row = Reply.objects.get(pk=reply)
    assert (row.status, row.attempt) == (Status.QUEUED, 0)
    assert row.woken_at is not None


def status_of(pk: int) -> str:
    status: str = Reply.objects.get(pk=pk).status
    return status


# --- the command ------------------------------------------------------------------------------


def send(user: User) -> int:
    accepted = models.send(
        user.pk, uuid4(), conversation=None, parent=None, text="Hello", model=None
    )
    reply: int = Reply.objects.get(uid=accepted.reply).pk
    return reply


@on_postgres
@pytest.mark.usefixtures("_jobs")
def test_a_worker_with_200_live_replies_stays_within_its_connections(
    alice: User, settings: Settings, tmp_path: Path
) -> None:
    settings.OPENAI_API_KEY = "sk-test"
    settings.CHAT_MODEL = ["words?n=9000&rate=1"]  # alive is enough
    settings.RUNNING_REPLIES_PER_USER = settings.QUEUED_REPLIES_PER_USER = 200
    where = settings.DATABASES["default"]
    name = connection.settings_dict["NAME"]
    with fake_upstream() as upstream, open(tmp_path / "log", "wb") as log:
        environment = os.environ | {
            "DATABASE_URL": f"postgresql://postgres:@{quote(where['HOST'], safe='')}/{name}",
            "WORKERS": "separate",
            "RUNNING_REPLIES_PER_USER": "200",
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_BASE_URL": upstream.url,
            "CHAT_MODEL": settings.CHAT_MODEL[0],
            "DRAIN_SECONDS": "0.2",
        }
        command = [sys.executable, "manage.py", "worker"]
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            for _ in range(200):
                send(alice)
            running = Reply.objects.filter(status=Status.RUNNING, length=None)
            most = 0
            deadline = time.monotonic() + 2 * PATIENCE
            with server_itself() as server:
                while running.count() < 200:
                    assert time.monotonic() < deadline, (tmp_path / "log").read_text()
                    most = max(most, of_process(backends(server), process.pid))
                    time.sleep(0.05)
                for _ in range(40):  # checkpoints, sweeps and polls of two seconds
                    most = max(most, of_process(backends(server), process.pid))
                    time.sleep(0.05)
                assert 3 <= most <= 6
                process.send_signal(signal.SIGTERM)
                while process.poll() is None and time.monotonic() < deadline:
                    process.send_signal(signal.SIGINT)  # until its last moment
                    time.sleep(0.05)
                assert process.wait(PATIENCE) == 0, (tmp_path / "log").read_text()
                assert of_process(backends(server), process.pid) == 0
        finally:
            process.kill()
            process.wait()
    assert "Traceback" not in (tmp_path / "log").read_text()
    left = Reply.objects.filter(status=Status.QUEUED, reason="restart", owner=None)
    assert left.count() == 200
    assert {job["reply"] for job in stored_jobs()} == set(left.values_list("pk", flat=True))


def of_process(found: dict[str, int], pid: int) -> int:
    return sum(number for name, number in found.items() if f":{pid}" in name)


@pytest.mark.skipif(not settings.SQLITE, reason="about SQLite")
def test_with_sqlite_a_worker_of_its_own_is_refused() -> None:
    with pytest.raises(CommandError, match="needs Postgres"):
        call_command("worker")


@pytest.mark.skipif(not settings.SQLITE, reason="about SQLite")
def test_with_sqlite_procrastinate_is_neither_installed_nor_imported() -> None:
    look = (
        "import sys, chatproject.asgi;"
        "from django.conf import settings;"
        "from chat.replies import process;"
        "print([name for name in [*sys.modules, *settings.INSTALLED_APPS]"
        " if name.startswith(('procrastinate', 'psycopg'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@on_postgres
def test_a_job_that_nobody_asks_about_is_not_a_traceback() -> None:
    from chat.replies.worker import _not_of_a_job

    job = logging.makeLogRecord({"msg": "Task exception was never retrieved … _process_job() …"})
    other = logging.makeLogRecord({"msg": "Task exception was never retrieved … _renew() …"})
    assert not _not_of_a_job(job)
    assert _not_of_a_job(other)
