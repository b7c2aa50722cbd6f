"""Quick starts of server processes: each is forked from a process that has imported the libraries.

A start of Parley takes seconds of CPU time, most of them for imports of libraries that read no
settings. The fork gets its environment and its command, reads its settings and imports all modules
of Parley, as a process does that a shell has started. Where there is no `pidfd`, it is such a one.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path
from typing import IO, Protocol

ROOT = Path(__file__).resolve().parents[2]

LIBRARIES = (
    "aiohttp",
    "asyncio",
    "autobahn.websocket.protocol",
    "channels.generic.websocket",
    "channels_redis.pubsub",
    "cryptography.fernet",
    "django.contrib.admin",
    "django.core.handlers.asgi",
    "django.core.management",
    "django.db.backends.postgresql.base",
    "django.db.backends.sqlite3.base",
    "django.db.models",
    "django.views.debug",
    "environs",
    "genai_prices",
    "httpx2",
    "msgspec",
    "procrastinate",
    "prometheus_client",
    "psycopg_pool",
    "pydantic",
    "servestatic",
    "structlog",
    "twisted.internet.asyncioreactor",
    "twisted.internet.endpoints",
    "twisted.logger",
    "twisted.web.http",
)
"""Nothing of these reads Django's settings, installs a reactor or starts a thread."""


class Process(Protocol):
    """The part of `subprocess.Popen` that tests use of a server."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def kill(self) -> None: ...
    def send_signal(self, number: int, /) -> None: ...


class Forked:
    """A process that the parent has forked."""

    def __init__(self, parent: Parent, pid: int, command: list[str]) -> None:
        self.pid = pid
        self._parent, self._command = parent, command
        self._end = os.pidfd_open(pid)
        self._code: int | None = None
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """The exit code, once it has ended."""
        return self._reap(0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code; raises `TimeoutExpired` as `Popen` does."""
        ended = self._code is not None or select.select([self._end], [], [], timeout)[0]
        code = self._reap(0) if ended else None
        if code is None:
            raise subprocess.TimeoutExpired(self._command, timeout or 0)
        return code

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int, /) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def _reap(self, timeout: float) -> int | None:
        with self._lock:
            if self._code is None and select.select([self._end], [], [], timeout)[0]:
                self._code = self._parent.ask({"reap": self.pid})
            return self._code

    def __del__(self) -> None:
        os.close(self._end)


class Parent:
    """The process that has imported the libraries; it ends with the process of the tests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            subprocess.Popen(
                [sys.executable, "-m", "chat.tests.quick_starts", str(theirs.fileno())],
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )

    def ask(self, request: dict[str, object], *files: int) -> int:
        """Have something done; gives the number that is answered."""
        with self._lock:
            socket.send_fds(self._control, [json.dumps(request).encode()], files)
            return int(self._control.recv(64))

    def start(self, command: list[str], environment: dict[str, str], log: int) -> Forked:
        """Fork a process that runs this command."""
        request: dict[str, object] = {"command": command, "environment": environment}
        return Forked(self, self.ask(request, log), command)


@cache
def _parent() -> Parent:
    return Parent()


def start(command: list[str], environment: dict[str, str], log: IO[bytes]) -> Process:
    """Run `-m daphne …` or `manage.py …` with Python in the repository; it writes to `log`."""
    if hasattr(os, "pidfd_open"):
        return _parent().start(command, environment, log.fileno())
    return subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=environment, stdout=log, stderr=log
    )


# In the parent


def run(command: list[str], environment: dict[str, str], log: int) -> None:
    """Do in this process what `python` does with these arguments."""
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    # A shell that runs the tests in the background has them ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if command[0] == "-m":
        sys.argv = command[1:]
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = command
        runpy.run_path(command[0], run_name="__main__")


def serve(control: socket.socket) -> None:
    """Fork as asked until the tests have ended; returns in each fork, with its work done."""
    children: set[int] = set()
    while True:
        data, files, _, _ = socket.recv_fds(control, 1024 * 1024, 1)
        if not data:
            for pid in children:
                os.kill(pid, signal.SIGKILL)
            return
        request = json.loads(data)
        if "reap" in request:
            pid, status = os.waitpid(request["reap"], 0)
            children.discard(pid)
            control.send(str(os.waitstatus_to_exitcode(status)).encode())
            continue
        pid = os.fork()
        if pid == 0:
            control.close()
            run(request["command"], request["environment"], *files)
            return
        os.close(files[0])
        children.add(pid)
        control.send(str(pid).encode())


def main() -> None:
    """Import the libraries, then serve."""
    for name in LIBRARIES:
        importlib.import_module(name)
    assert "twisted.internet.reactor" not in sys.modules
    assert threading.active_count() == 1
    gc.collect()
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
