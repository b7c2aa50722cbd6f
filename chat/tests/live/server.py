"""The processes of these tests: Parley under daphne, and the fake endpoint it asks."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any
from urllib.parse import urlencode

from chat.tests.live.database import Database, Person
from chat.tests.quick_starts import Process, start

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 60
"""Seconds for which a start may take before a test gives up; on a quiet machine it takes two."""

SHORT = "words?n=40&rate=100"
SLOW = "words?n=120&rate=30&seed=2"
LONG = "words?n=250&rate=40"
ENDLESS = "words?n=9000&rate=60"
THOUGHTS = "reasoning"
TOO_LARGE = "large?n=1500000"
SILENT = "stall"
HALF = "stall?after=text"
UNKNOWN = "a-model-nobody-has"
MODELS = (
    SHORT,
    SLOW,
    LONG,
    ENDLESS,
    THOUGHTS,
    TOO_LARGE,
    SILENT,
    HALF,
    UNKNOWN,
    "status?code=401",
    "status?code=429&after=7",
    *(f"refuses?setting={name}" for name in ("prompt_cache_key", "seed", "verbosity")),
    "status?code=500",
    "status?code=502&html=1",
    "html",
    "closes?reset=1",
    "not-http",
    "empty",
    "error?text=0",
    "no-finish",
    "cut",
    "reset",
    "bad-json",
    "error",
    "surrogates",
    "think",
    "ends?reason=length",
)
"""Each names what the fake endpoint plays (`fake_endpoint/`); public ids begin `openai/`."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def migrated_file(directory: Path) -> Path:
    """An empty database with all its tables, to be copied."""
    path = directory / "template.sqlite3"
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{path}"}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    return path


class Upstream:
    """The fake endpoint, in a process of its own."""

    def __init__(self, url: str, process: subprocess.Popen[bytes]) -> None:
        self.url = url
        self._process = process
        self._control = url.removesuffix("/v1") + "/control"

    def play(self, text: str, *, rate: float = 0, splits: list[int] | None = None) -> None:
        """Answer the next request, whatever its model, with this text."""
        self._ask({"text": text, "rate": rate, "splits": splits})

    def stop_playing(self) -> None:
        """Forget what nobody has asked for."""
        self._ask({"plays": None})

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """It reads nothing; whoever connects waits."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def requests(self, about: str) -> list[dict[str, Any]]:
        """The requests whose prompt has a message that contains this, oldest first."""
        found: list[dict[str, Any]] = self._ask(None)["requests"]
        return [
            request
            for request in found
            if any(about in message["content"] for message in request["body"]["messages"])
        ]

    def _ask(self, body: dict[str, Any] | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        with urllib.request.urlopen(
            urllib.request.Request(self._control, data, headers), timeout=10
        ) as answer:
            return json.load(answer)


@contextmanager
def fake_upstream() -> Iterator[Upstream]:
    command = [sys.executable, "-m", "fake_endpoint", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield Upstream(json.loads(process.stdout.readline())["url"], process)
        finally:
            process.kill()


class Server:
    """One daphne on one SQLite file and one port, which it keeps over restarts."""

    application = "chatproject.asgi:application"

    def __init__(self, directory: Path, template: Path, upstream_url: str, **settings: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.database = Database(directory / "parley.sqlite3")
        if not self.database.path.exists():
            shutil.copy(template, self.database.path)
        self._log = directory / f"server-{self.port}.log"
        self._process: Process | None = None
        self._environment = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{self.database.path}",
            "ALLOWED_HOSTS": "127.0.0.1,localhost,chat.test",
            "OPENAI_API_KEY": "the-key-of-the-tests",
            "OPENAI_BASE_URL": upstream_url,
            "CHAT_MODEL": ",".join(MODELS),
            "SESSION_CHECK_SECONDS": "1",
            "DRAIN_SECONDS": "1",
            "UPSTREAM_TRIES": "1",
        } | settings

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """Its output since it was made, on both streams."""
        return self._log.read_text() if self._log.exists() else ""

    def begin(self) -> None:
        """Start it without waiting."""
        assert self._process is None or self._process.poll() is not None
        command = ["-m", "daphne", "-v", "0", "-b", "127.0.0.1"]
        command += ["-p", str(self.port), self.application]
        with open(self._log, "ab") as log:
            self._process = start(command, self._environment, log)

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.begin()
        self.until_it_answers()

    def until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self._process is not None
            assert self._process.poll() is None, self.log
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError(f"The server did not start: {self.log}")

    def kill(self) -> None:
        """End it without notice, as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self, seconds: float = 30) -> int:
        """The exit code of a server that is ending."""
        assert self._process is not None
        return self._process.wait(seconds)

    def manage(self, *arguments: str, **variables: str) -> str:
        """Run a management command in this server's environment; returns both of its outputs."""
        with TemporaryFile() as written:
            start(["manage.py", *arguments], self._environment | variables, written).wait(60)
            written.seek(0)
            return written.read().decode()

    def log_out(self, person: Person) -> int:
        """Press the button of the page that does it; returns the status."""
        path = "/accounts/logout/"
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request("GET", path, headers={"Cookie": person.cookie})
            page = connection.getresponse()
            found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
            assert found is not None
            given = SimpleCookie(page.headers["Set-Cookie"])["csrftoken"].value
            form = urlencode({"csrfmiddlewaretoken": found[1]})
            headers = {
                "Cookie": f"{person.cookie}; csrftoken={given}",
                "Content-Type": "application/x-www-form-urlencoded",
            }
            connection.request("POST", path, form, headers)
            return connection.getresponse().status

    def ask(self, person: Person, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and JSON of a request to the API, with the cookies a page has."""
        token = "t" * 32
        headers = {
            "Cookie": f"{person.cookie}; csrftoken={token}",
            "X-CSRFToken": token,
            "Content-Type": "application/json",
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.origin + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, raw = answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            status, raw = refused.code, refused.read()
        return status, json.loads(raw) if raw else None
