"""Wake-ups on Postgres: stored with what made them necessary, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from time import sleep
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import Error, OperationalError, connection, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from chat.models import Accepted, Process, Reason, Reply, Status, Unsaved
from chat.models.changes import Counter, wake
from chat.replies import leases
from chat.tests.models.conftest import Heard, stored_jobs

pytestmark = pytest.mark.skipif(settings.SQLITE, reason="test_on_postgres.py runs these")

type Send = Callable[..., Accepted]
type Get = Callable[[Accepted], Reply]


def long_ago(reply: Reply) -> None:
    """Nobody has looked at it for a minute."""
    then = timezone.now() - timedelta(minutes=1)
    Reply.objects.filter(pk=reply.pk).update(created=then, woken_at=then)


def fetched(*, by_worker_seen: str | None = None) -> None:
    """A worker has taken all jobs, and was last seen so long ago."""
    with connection.cursor() as cursor:
        worker = None
        if by_worker_seen is not None:
            cursor.execute(
                "INSERT INTO procrastinate_workers (last_heartbeat)"
                " VALUES (now() - %s::interval) RETURNING id",
                [by_worker_seen],
            )
            (worker,) = cursor.fetchone()
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s", [worker])


def count_jobs() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs")
        number: int = cursor.fetchone()[0]
        return number


def test_a_job_is_stored_with_the_message_that_needs_it(heard: Heard, send: Send, get: Get) -> None:
    accepted = send()
    assert stored_jobs() == [{"reply": get(accepted).pk}]


def test_a_transaction_that_fails_leaves_no_job(heard: Heard, send: Send) -> None:
    with transaction.atomic():
        send()
        assert len(stored_jobs()) == 1, "in the transaction itself"
        transaction.set_rollback(True)
    assert stored_jobs() == []


def test_database_that_goes_away_in_between_is_an_error_of_the_database(heard: Heard) -> None:
    """It is waited for, then: an end that could not be stored is stored again."""

    def cut(pid: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        connection.close()

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (pid,) = cursor.fetchone()
        with ThreadPoolExecutor(1) as threads:
            threads.submit(cut, pid).result(timeout=30)
        with pytest.raises(OperationalError):
            wake([1])
        transaction.set_rollback(True)


def test_many_replies_are_woken_by_one_statement(
    heard: Heard, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        wake([3, 1, 2])
    assert stored_jobs() == [{"reply": 3}, {"reply": 1}, {"reply": 2}]


def test_what_a_dead_process_left_gets_a_new_job(
    heard: Heard, send: Send, get: Get, process: Process
) -> None:
    reply = get(send())
    Reply.objects.claim(reply.pk, process.pk)
    fetched(by_worker_seen="1 hour")
    running = Reply.objects.filter(status=Status.RUNNING)
    Reply.objects.put_back(running, Reason.TAKEOVER, fault=True)
    assert stored_jobs() == [{"reply": reply.pk}]


def test_a_lost_job_is_replaced_and_a_waiting_one_is_enough(
    heard: Heard, send: Send, get: Get
) -> None:
    reply = get(send())
    heard.forget_woken()
    long_ago(reply)
    assert Reply.objects.wake_forgotten() == [reply.pk]
    assert stored_jobs() == [{"reply": reply.pk}]

    long_ago(reply)
    Reply.objects.wake_forgotten()
    assert stored_jobs() == [{"reply": reply.pk}], "no worker: they would pile up"


def test_of_many_processes_that_sweep_one_wakes(heard: Heard, send: Send, get: Get) -> None:
    replies = [get(send()) for _ in range(5)]
    heard.forget_woken()
    for reply in replies:
        long_ago(reply)
    together = Barrier(4)

    def sweep(_: int) -> list[int]:
        try:
            together.wait()
            woken: list[int] = Reply.objects.wake_forgotten()
            return woken
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        found = [pk for woken in threads.map(sweep, range(4)) for pk in woken]
    assert sorted(found) == [reply.pk for reply in replies]
    assert sorted(job["reply"] for job in stored_jobs()) == [reply.pk for reply in replies]


def test_sweeping_waits_for_nobody_who_holds_a_row(heard: Heard, send: Send, get: Get) -> None:
    one, two = get(send()), get(send())
    heard.forget_woken()
    for reply in (one, two):
        long_ago(reply)

    def sweep() -> list[int]:
        try:
            woken: list[int] = Reply.objects.wake_forgotten()
            return woken
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads, transaction.atomic():
        Reply.objects.locked().get(pk=one.pk)
        assert threads.submit(sweep).result(timeout=30) == [two.pk]


def test_what_dead_workers_left_is_dropped_and_nothing_else(
    heard: Heard, send: Send, get: Get
) -> None:
    from chat.models.attempting.jobs import forget_stalled

    send()
    fetched(by_worker_seen="1 hour")
    assert forget_stalled() == 1

    send()
    fetched(by_worker_seen="1 second")
    waits = get(send())
    assert forget_stalled() == 0
    assert count_jobs() == 2
    assert stored_jobs() == [{"reply": waits.pk}]


def test_what_somebody_holds_is_left_to_the_next_sweep(
    heard: Heard, send: Send, get: Get, process: Process
) -> None:
    """A stopped process may hold any lock; other replies do not wait for it."""
    replies = [get(send()) for _ in range(2)]
    for reply in replies:
        Reply.objects.claim(reply.pk, process.pk)
    Process.objects.update(seen=timezone.now() - timedelta(hours=1))
    me = Process.objects.create(uid=uuid4(), name="me")

    def sweep() -> list[str]:
        try:
            leases.sweep(me.pk, (), alone=False)
            found = Reply.objects.order_by("pk").values_list("status", flat=True)
            return [*found, *Process.objects.order_by("pk").values_list("name", flat=True)]
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            Counter.objects.lock(replies[0].user_id)
            found = threads.submit(sweep).result(timeout=30)
            assert found == ["running", "running", process.name, "me"]
        with transaction.atomic():
            Reply.objects.locked().get(pk=replies[0].pk)
            found = threads.submit(sweep).result(timeout=30)
            assert found == ["running", "queued", process.name, "me"]
        assert threads.submit(sweep).result(timeout=30) == ["queued", "queued", "me"]


def take(lock: str, reply: Reply, process: Process) -> None:
    """One of the locks that a process takes."""
    match lock:
        case "counter":
            Counter.objects.lock(reply.user_id)
        case "checkpoint":
            assert Reply.objects.checkpoint(process.pk, [Unsaved(reply.pk, 1, ())])
        case "wake-up":
            assert Reply.objects.wake_forgotten() == [reply.pk]
        case "row":
            Reply.objects.locked().get(pk=reply.pk)


def prepared(reply: Reply, process: Process) -> Callable[[str], None]:
    """Takes locks of this reply, in a transaction and a connection of its own."""

    def take_alone(lock: str) -> None:
        try:
            with transaction.atomic():
                take(lock, reply, process)
        finally:
            connection.close()

    return take_alone


@pytest.mark.parametrize("lock", ["counter", "checkpoint", "wake-up"])
def test_who_holds_a_lock_and_falls_silent_is_cut_off(
    heard: Heard, send: Send, get: Get, process: Process, settings: Settings, lock: str
) -> None:
    reply = get(send())
    if lock == "checkpoint":
        Reply.objects.claim(reply.pk, process.pk)
    long_ago(reply)
    other = prepared(reply, process)

    def hold(threads: ThreadPoolExecutor) -> None:
        with transaction.atomic():
            settings.LEASE_SECONDS = 0.2
            take(lock, reply, process)
            settings.LEASE_SECONDS = 60
            threads.submit(other, lock if lock != "wake-up" else "row").result(timeout=30)
            Counter.objects.current(reply.user_id)

    with ThreadPoolExecutor(1) as threads, pytest.raises(Error, match="idle-in-transaction"):
        hold(threads)
    connection.close()


@pytest.mark.parametrize("lock", ["counter", "checkpoint"])
def test_who_waits_for_a_lock_gives_up(
    heard: Heard, send: Send, get: Get, process: Process, settings: Settings, lock: str
) -> None:
    reply = get(send())
    Reply.objects.claim(reply.pk, process.pk)
    other = prepared(reply, process)
    with ThreadPoolExecutor(1) as threads, transaction.atomic():
        settings.LEASE_SECONDS = 60
        take(lock, reply, process)
        settings.LEASE_SECONDS = 0.2
        with pytest.raises(OperationalError, match="lock timeout"):
            threads.submit(other, lock).result(timeout=30)


def test_a_conversation_is_deleted_in_the_middle_of_a_checkpoint(
    heard: Heard, send: Send, get: Get, process: Process
) -> None:
    reply = get(send())
    Reply.objects.claim(reply.pk, process.pk)
    new = [Unsaved(reply.pk, 1, (("text", 0, "Some words"),))]

    def remove() -> None:
        try:
            reply.conversation.remove()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            assert Reply.objects.checkpoint(process.pk, new)
            removed = threads.submit(remove)
            until_somebody_waits()
        removed.result(timeout=30)
    assert Reply.objects.checkpoint(process.pk, new) == {}
    assert not Reply.objects.exists()


def until_somebody_waits() -> None:
    """Another transaction waits for a lock of this one."""
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # or a transaction sees one for ever
            cursor.execute(
                "SELECT 1 FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone():
                return
            sleep(0.01)
