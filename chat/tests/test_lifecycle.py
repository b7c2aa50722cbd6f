"""Start and drain of a server process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from pytest_django import Settings

from chat import checks, lifecycle
from chat.database.sqlite_file import Unusable
from chat.database.sqlite_lock import InUse


class Left(Exception):
    """The process has ended."""


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps of a start and a drain, in their order; none of them does anything."""
    found: list[str] = []

    def later(name: str) -> Callable[[], Awaitable[None]]:
        async def step() -> None:
            found.append(name)

        return step

    def give_up(sentence: str) -> None:
        found.append(sentence)
        raise Left

    monkeypatch.setattr(lifecycle, "_hold_database", lambda: found.append("hold"))
    monkeypatch.setattr(lifecycle, "_begin", later("begin"))
    monkeypatch.setattr(lifecycle, "_end", later("end"))
    monkeypatch.setattr(lifecycle, "_print_first_account", lambda: found.append("link"))
    monkeypatch.setattr(lifecycle, "_give_up", give_up)
    return found


def talk(steps: list[str], *kinds: str) -> None:
    """Let a server send these messages; the answers stand among the steps."""
    left = list(kinds)

    async def receive() -> dict[str, Any]:
        return {"type": f"lifespan.{left.pop(0)}"}

    async def send(message: dict[str, Any]) -> None:
        steps.append(message["type"].removeprefix("lifespan."))

    asyncio.run(lifecycle.lifespan(receive, send))


def test_the_database_is_held_before_anything_runs_and_a_drain_ends_it(steps: list[str]) -> None:
    talk(steps, "startup", "shutdown")
    assert steps == ["hold", "begin", "link", "startup.complete", "end", "shutdown.complete"]


@pytest.mark.parametrize("problem", [InUse("Another server."), Unusable("No right to write.")])
def test_a_database_that_cannot_be_held_is_one_sentence(
    steps: list[str], monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    def hold() -> None:
        raise problem

    monkeypatch.setattr(lifecycle, "_hold_database", hold)
    with pytest.raises(Left):
        talk(steps, "startup")
    assert steps == [f"Parley does not start: {problem}"]


def test_a_start_that_fails_is_one_sentence_and_a_traceback_only_where_nobody_foresaw_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sentence = lifecycle._why_no_start(OperationalError("connection refused"))
    assert sentence.startswith("Parley could not start: connection refused.")
    assert "\n" not in sentence
    assert not caplog.records
    assert "see the error above" in lifecycle._why_no_start(KeyError("x"))
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_unwise_settings_are_lines_of_the_log_and_wrong_ones_end_the_process(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(checks, "at_start", lambda: ([], ["This is unwise."]))
    lifecycle.check_settings()
    assert [record.getMessage() for record in caplog.records] == ["This is unwise."]
    monkeypatch.setattr(checks, "at_start", lambda: (["One is wrong.", "Another, too."], []))
    with pytest.raises(SystemExit, match=r"Parley does not start: One is wrong\. Another, too\."):
        lifecycle.check_settings()


@pytest.mark.django_db
def test_one_server_at_a_time_holds_a_file_and_holds_it_once(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path
) -> None:
    held: list[tuple[Path, float]] = []
    monkeypatch.setattr(lifecycle, "_lock", None)
    monkeypatch.setattr(lifecycle, "check_file", lambda path: None)

    def hold(path: Path, seconds: float) -> str:
        held.append((path, seconds))
        return "held"

    monkeypatch.setattr(lifecycle, "hold", hold)
    settings.DATABASES = {"default": {"NAME": tmp_path / "db.sqlite3"}}
    lifecycle._hold_database()
    lifecycle._hold_database()
    # The server before this one may drain for its whole time.
    assert held == [(tmp_path / "db.sqlite3", settings.DRAIN_SECONDS + 5)]
    monkeypatch.setattr(lifecycle, "_lock", None)
    for name in (":memory:", "file:memory?mode=memory"):
        settings.DATABASES = {"default": {"NAME": name}}
        lifecycle._hold_database()
    assert len(held) == 1


@pytest.mark.django_db
def test_the_link_is_printed_until_there_is_an_account(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lifecycle._print_first_account()
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("There are no accounts yet. Create the first one at /")
    caplog.clear()
    monkeypatch.setattr(lifecycle, "first_account_path", lambda: None)
    lifecycle._print_first_account()
    assert not caplog.records
