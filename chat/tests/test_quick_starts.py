"""Quick starts: what tests need to know of a process, as `subprocess.Popen` tells it."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from chat.tests.quick_starts import Process, start

SCRIPT = (
    "import os, signal, sys, time; sys.stderr.write(f'{os.environ[\"WORD\"]} {sys.argv[1:]} '); "
)


def run(directory: Path, code: str, *arguments: str) -> tuple[Process, Path]:
    """A process that runs this code after it has said what it was given."""
    script, log = directory / "script.py", directory / "log"
    script.write_text(SCRIPT + code)
    with open(log, "ab") as file:
        return start([str(script), *arguments], {"WORD": "hello"}, file), log


def test_its_environment_arguments_output_and_code_are_its_own(tmp_path: Path) -> None:
    process, log = run(tmp_path, "print(os.getpid()); sys.exit(3)", "a", "b")
    assert process.wait(60) == process.poll() == 3
    assert log.read_text() == f"hello ['a', 'b'] {process.pid}\n"
    assert "WORD" not in os.environ


def test_it_is_stopped_and_killed_like_any_process(tmp_path: Path) -> None:
    process, _ = run(tmp_path, "time.sleep(600)")
    assert process.poll() is None
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.05)
    process.kill()
    assert process.wait(60) == -signal.SIGKILL
    process.kill()


def test_its_exit_handlers_run(tmp_path: Path) -> None:
    process, log = run(tmp_path, "import atexit; atexit.register(print, 'the end')")
    assert process.wait(60) == 0
    assert log.read_text().endswith("the end\n")
