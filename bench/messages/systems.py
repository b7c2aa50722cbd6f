"""The systems that are compared: a tree of the code, on a database, in its processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from bench.servers import ROOT, free_port, wait_for

if TYPE_CHECKING:
    from chat.tests.cluster.valkey import Valkey
    from chat.tests.postgres import Postgres

TOKENS = 20
AT_ONCE = f"stamps?n={TOKENS}&rate=0"
"""The reply of most loads: all its tokens at once."""
IN_A_SECOND = f"stamps?n={TOKENS}&rate={TOKENS}"
"""A reply that is still running when the process next stores new text, and that only once."""
APPLICATION = "chatproject.asgi:application"
SECRET = "only-for-the-bench-0123456789-abcdefghijklmnopqrstuvwxyz"


@dataclass
class Place:
    """A database to serve from: its address, and that of Redis where there is one."""

    name: str
    database_url: str
    redis_url: str = ""
    drop: Callable[[], object] = field(default=lambda: None)
    cookies: list[str] = field(default_factory=list)
    """Sessions of its people, once it has its tables."""


@dataclass
class System:
    """A running system."""

    name: str
    port: int
    web: psutil.Process
    worker: psutil.Process | None
    cookies: list[str]
    environment: dict[str, str]
    tree: Path
    log: Path

    def cpu(self) -> tuple[float, float]:
        """Seconds of CPU that the web process and the worker beside it have used so far."""
        return _cpu(self.web), _cpu(self.worker) if self.worker else 0.0


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def environment(tree: Path, place: Place, url: str, **more: str) -> dict[str, str]:
    """The environment of the processes of a system."""
    found = os.environ | {
        "COOKIE_NAME": "django",
        "ENV_FILE": "",
        "DJANGO_SETTINGS_MODULE": "chatproject.settings",
        "PYTHONPATH": str(tree),
        "SECRET_KEY": SECRET,
        "ALLOWED_HOSTS": "127.0.0.1",
        "HTTPS": "off",
        "DATABASE_URL": place.database_url,
        "REDIS_URL": place.redis_url,
        "OPENAI_API_KEY": "key",
        "OPENAI_BASE_URL": url,
        "CHAT_MODEL": f"{AT_ONCE},{IN_A_SECOND}",
        "EMBEDDED_MODEL_URL": "",
        "TITLES": "first-words",
        "LOG_LEVEL": "WARNING",
    }
    found.pop("PORT", None)
    return found | more


@contextmanager
def _process(
    command: list[str], tree: Path, environment: dict[str, str], log: Path
) -> Iterator[subprocess.Popen[str]]:
    with (
        log.open("a") as errors,
        subprocess.Popen(
            command, cwd=tree, env=environment, stdout=errors, stderr=errors, text=True
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def manage(tree: Path, environment: dict[str, str], *words: str) -> str:
    """Run a Python command of this tree; returns its output."""
    command = [sys.executable, *words]
    done = subprocess.run(
        command, cwd=tree, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


@contextmanager
def serving(
    tree: Path,
    place: Place,
    url: str,
    people: int,
    folder: Path,
    *,
    worker: bool = False,
    application: str = APPLICATION,
    prepare: Callable[[dict[str, str]], object] | None = None,
    **more: str,
) -> Iterator[System]:
    """A system on its database, which gets its tables and people at the first time.

    `application` may be one of `bench.messages`, which a tree of an earlier commit does not have:
    it is found beside this tree's code then. `prepare` may fill the database before the start.
    """
    if worker:
        more["WORKERS"] = "separate"
    given = environment(tree, place, url, **more)
    if not place.cookies:
        manage(tree, given, "manage.py", "migrate", "-v", "0")
        place.cookies += json.loads(manage(tree, given, "-m", "bench.people", str(people)))
    if prepare is not None:
        prepare(given)
    name = f"{tree.name}-{place.name}"
    log = folder / f"{name}.log"
    port = free_port()
    if application != APPLICATION:
        given["PYTHONPATH"] = f"{tree}{os.pathsep}{Path(__file__).parent / 'served'}"
    command = [sys.executable, "-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(port)]
    command += ["--no-server-name", application]
    with ExitStack() as stack:
        web = stack.enter_context(_process(command, tree, given, log))
        beside = None
        if worker:
            separate = [sys.executable, "manage.py", "worker"]
            beside = psutil.Process(stack.enter_context(_process(separate, tree, given, log)).pid)
        try:
            wait_for(port, web)
            yield System(
                name, port, psutil.Process(web.pid), beside, place.cookies, given, tree, log
            )
        except Exception:
            print(f"The log of {name}:\n{log.read_text()[-3000:]}")
            raise


class Load:
    """The people of a system, in a process of their own."""

    def __init__(self, system: System, model: str, people: int) -> None:
        self.system = system
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.messages.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        given = {"port": system.port, "model": f"openai/{model}", "tokens": TOKENS}
        self._write(given | {"cookies": system.cookies[:people]})
        self.problems = self._read()["problems"]

    def order(self, kind: str, count: int, **more: Any) -> dict[str, Any]:
        """Have messages sent; the figures, with the CPU that each took."""
        self._write({"kind": kind, "count": count, **more})
        self._read()
        before = self.system.cpu()
        found = self._read()
        web, worker = (b - a for a, b in zip(before, self.system.cpu(), strict=True))
        sent = max(1, found["messages"])
        return found | {"cpu_ms": web / sent * 1000, "worker_cpu_ms": worker / sent * 1000}

    def close(self) -> None:
        """Have the sockets closed."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _write(self, value: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(value) + "\n")
        self._process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found


@contextmanager
def load(system: System, model: str = AT_ONCE, people: int = 200) -> Iterator[Load]:
    """People with open sockets, for as long as the block lasts."""
    crowd = Load(system, model, people)
    try:
        yield crowd
    finally:
        crowd.close()


@cache
def postgres() -> Postgres:
    """The one server of Postgres."""
    from chat.tests.postgres import server

    return server()


@cache
def valkey() -> Valkey:
    """The one server of Valkey."""
    import django

    # The starter of the tests is among modules that need Django.
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproject.settings")
    os.environ.setdefault("SECRET_KEY", SECRET)
    os.environ.setdefault("ENV_FILE", "")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    django.setup()
    from chat.tests.cluster.valkey import Valkey

    found = Valkey()
    found.start()
    return found


_numbers = iter(range(1, 1000))


def sqlite_place(folder: Path) -> Place:
    """A new file."""
    return Place("sqlite", f"sqlite:///{folder / f'bench{next(_numbers)}.sqlite3'}")


def postgres_place() -> Place:
    """A new database, with Valkey emptied."""
    name = f"bench_{next(_numbers)}"
    postgres().ask(f"CREATE DATABASE {name}")
    valkey().ask("FLUSHALL")
    return Place("postgres", postgres().url(name), valkey().url, lambda: postgres().drop(name))
