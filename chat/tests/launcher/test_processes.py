"""Whatever ends `make run`, nothing of it stays behind."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[3]
START = """
import os, sys
from pathlib import Path
from launcher.processes import Processes

if __name__ == "__main__":
    commands = {"one": sys.argv[1] if sys.argv[1:] else "exec sleep 61", "two": "exec sleep 62"}
    sys.exit(Processes(commands, dict(os.environ), Path.cwd()).run())
"""
SECONDS = 10


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[psutil.Popen]:
    """Two sleeping processes under a runner that leads a process group, as make's child does."""
    script = tmp_path / "start.py"
    script.write_text(START)
    process = psutil.Popen(
        [sys.executable, str(script)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    yield process
    for leftover in [*process.children(recursive=True), process] if process.is_running() else []:
        leftover.kill()
    process.stdout.close()


def sleepers(runner: psutil.Popen) -> list[psutil.Process]:
    """Both, once they run."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        found = [child for child in runner.children(recursive=True) if child.name() == "sleep"]
        if len(found) == 2:
            return found
        time.sleep(0.02)
    raise AssertionError("the processes did not start")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_of_it_without_an_error(
    runner: psutil.Popen, number: signal.Signals
) -> None:
    children = sleepers(runner)
    runner.send_signal(number)

    assert runner.wait(SECONDS) == 0
    assert psutil.wait_procs(children, SECONDS)[1] == []
    assert "Traceback" not in runner.stdout.read()


def test_a_signal_in_the_middle_of_the_start_ends_all_of_it(runner: psutil.Popen) -> None:
    until = time.monotonic() + SECONDS
    while not runner.children() and time.monotonic() < until:
        time.sleep(0.001)
    runner.send_signal(signal.SIGTERM)

    assert runner.wait(SECONDS) == 0
    assert "Traceback" not in runner.stdout.read()


def test_when_one_is_killed_the_others_end_and_it_is_an_error(runner: psutil.Popen) -> None:
    children = sleepers(runner)
    children[0].kill()

    assert runner.wait(SECONDS) == 1
    assert psutil.wait_procs(children, SECONDS)[1] == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs prctl")
def test_when_the_runner_itself_is_killed_nothing_survives(runner: psutil.Popen) -> None:
    sleepers(runner)
    everything = runner.children(recursive=True)
    runner.kill()

    assert psutil.wait_procs(everything, SECONDS)[1] == []


TALKS = "line=$(printf '%02000d' 0); while :; do echo $line; sleep 0.01; done"


@pytest.fixture
def talker(tmp_path: Path) -> Iterator[psutil.Popen]:
    """The same, one of which writes without an end."""
    script = tmp_path / "talker.py"
    script.write_text(START)
    process = psutil.Popen(
        [sys.executable, str(script), TALKS],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline()
    yield process
    for leftover in [*process.children(recursive=True), process] if process.is_running() else []:
        leftover.kill()
    process.stdout.close()
    process.stderr.close()


def test_when_nobody_reads_its_lines_any_more_all_of_it_ends(talker: psutil.Popen) -> None:
    """`make run | head`"""
    everything = talker.children(recursive=True)
    talker.stdout.close()

    assert talker.wait(SECONDS) == 0
    assert psutil.wait_procs(everything, SECONDS)[1] == []
    assert talker.stderr.read() == ""


def test_a_reader_that_takes_no_lines_keeps_nothing_from_ending(talker: psutil.Popen) -> None:
    """`make run | less`, with a pipe that is full."""
    time.sleep(1.5)  # it takes 64 KiB, which are written in half a second
    everything = talker.children(recursive=True)
    talker.send_signal(signal.SIGTERM)

    assert talker.wait(SECONDS) == 0
    assert psutil.wait_procs(everything, SECONDS)[1] == []
    assert "Traceback" not in talker.stderr.read()
