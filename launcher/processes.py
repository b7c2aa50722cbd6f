"""honcho's manager, made safe to be ended at any moment, in any way.

honcho gives each process a relay (a Python process that passes its lines on) and a session of
its own. Four things are added: an end asked for while processes are still starting is carried
out a moment later (honcho 2.0 fails with a KeyError there), relays ignore Ctrl-C from their
first line on, a reader of the lines may leave (`make run | head`), which ends all, or read none
of them, and on Linux nothing survives this process, not even after `kill -9`.
"""

import ctypes
import os
import select
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from honcho.manager import Manager
from honcho.printer import Printer
from honcho.process import Popen, Process

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Processes(Manager):  # type: ignore[misc]
    """Run commands until one of them ends or a signal comes."""

    returncode: int | None

    def __init__(self, commands: Mapping[str, str], env: dict[str, str], cwd: Path) -> None:
        super().__init__(Lines(self._nobody_reads))
        self._process_ctor = Relay
        for name, command in commands.items():
            self.add_process(name, command, env=env, cwd=str(cwd))

    def run(self) -> int:
        """Return 0 if the end was asked for, else 1: a process ended by itself."""
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        signal.signal(signal.SIGALRM, self._try_again)
        self.loop()
        # honcho sets these for an end that was asked for; a process that dies of a signal has
        # the negative number.
        asked = {128 + number for number in (*ENDS, signal.SIGPIPE)}
        return 0 if self.returncode in asked else 1

    def _nobody_reads(self) -> None:
        if self.returncode is None:
            self.returncode = 128 + signal.SIGPIPE
        self.terminate()

    def terminate(self) -> None:
        free_output()
        if all("pid" in process for process in self._processes.values()):
            super().terminate()
        else:
            signal.setitimer(signal.ITIMER_REAL, 0.1)

    def _try_again(self, signum: int, frame: FrameType | None) -> None:
        self.terminate()


class Lines(Printer):  # type: ignore[misc]
    """Writes lines to standard output for as long as somebody reads them."""

    def __init__(self, nobody_reads: Callable[[], None]) -> None:
        super().__init__(sys.stdout)
        self._nobody_reads = nobody_reads
        self._read = True

    def write(self, message: Any) -> None:
        if not self._read:
            return
        try:
            super().write(message)
        except OSError:  # a pipe whose reader has left, a terminal that was closed
            self._read = False
            discard_output()
            self._nobody_reads()
        except RuntimeError:
            pass  # from a signal's handler, in the middle of another line: this one is left out


def discard_output() -> None:
    """Let everything that is written from now on, or is being written, go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def free_output() -> None:
    """Discard it where nobody takes it: a write that waits would keep the process from ending."""
    with suppress(OSError, ValueError):
        if not select.select([], [sys.stdout], [], 0)[1]:
            discard_output()


class Relay(Process):  # type: ignore[misc]
    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        for number in ENDS:
            signal.signal(number, signal.SIG_IGN)
        _die_with_parent(signal.SIGKILL)
        self._child_ctor = partial(Popen, preexec_fn=_attach)
        super().run(events, ignore_signals)


def _attach() -> None:
    for number in ENDS:
        signal.signal(number, signal.SIG_DFL)
    _die_with_parent(signal.SIGTERM)


def _die_with_parent(number: signal.Signals) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
