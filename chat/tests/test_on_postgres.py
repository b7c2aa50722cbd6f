"""Tests that depend on the database, once more on Postgres: in a run of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chat.tests.postgres import Postgres, postgres

__all__ = ["postgres"]

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "tests",
    [
        ["models"],
        [
            "test_checks_connections.py",
            "replies/test_worker.py",
            "replies/test_replica_rows.py",
            "test_flow_control_memory.py",
            "replies/test_rations.py",
        ],
        [
            "api/test_conversations.py",
            "api/test_conversations_pages.py",
            "admin/test_transcripts.py",
        ],
    ],
    ids=["models", "worker", "api"],
)
def test_it_holds_on_postgres_too(postgres: Postgres, tests: list[str]) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "--reuse-db", "-W", "ignore"]
    done = subprocess.run(
        [*command, *(f"chat/tests/{name}" for name in tests)],
        cwd=ROOT,
        env={**os.environ, "TESTS_DATABASE_URL": postgres.url()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout
