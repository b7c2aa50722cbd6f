"""Several processes of Parley on one database, and what can be done to each of them."""

from __future__ import annotations

import os
import signal
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chat.tests.cluster.rows import Rows
from chat.tests.cluster.valkey import Valkey
from chat.tests.live.client import Client, Frame, eventually
from chat.tests.live.server import MODELS, START_SECONDS, Server, free_port
from chat.tests.postgres import Postgres, fresh
from chat.tests.quick_starts import Process, start

TOKEN = "the-token-of-the-tests"

QUICK = {"CHECKPOINT_SECONDS": "0.2", "LEASE_SECONDS": "2"}
"""No long waits; everything else is as in a deployment."""


class Node(Server):
    """One daphne of several. It keeps its port over restarts."""

    database: Rows

    def __init__(self, directory: Path, rows: Rows, environment: dict[str, str]) -> None:
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.database = rows
        self._log = directory / f"node-{self.port}.log"
        self._process: Process | None = None
        self._environment = environment
        self.frozen = False

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def row(self) -> dict[str, Any] | None:
        """Its lease."""
        found = self.database.rows(
            "SELECT * FROM chat_process WHERE name LIKE ? ORDER BY id DESC LIMIT 1", f"%:{self.pid}"
        )
        return found[0] if found else None

    def until_it_answers(self) -> None:
        """Wait until it has its lease, and so takes part."""
        super().until_it_answers()
        self._until_registered()

    def _until_registered(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self.row is None:
            assert self.running, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def forget_log(self) -> None:
        os.truncate(self._log, 0)

    def freeze(self) -> None:
        """Stop it as a machine does that sleeps: its connections stay open."""
        self.signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self) -> None:
        if self.frozen and self.running:
            self.signal(signal.SIGCONT)
        self.frozen = False

    def kill(self) -> None:
        super().kill()
        self.frozen = False

    def metric(self, name: str) -> float:
        """The sum of the samples of this name."""
        request = urllib.request.Request(
            self.origin + "/metrics", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            lines = answer.read().decode().splitlines()
        samples = [line.rpartition(" ") for line in lines if not line.startswith("#")]
        return sum(float(value) for key, _, value in samples if key.partition("{")[0] == name)


class Worker(Node):
    """`manage.py worker`: produces, and serves nobody."""

    def begin(self) -> None:
        assert not self.running
        with open(self._log, "ab") as log:
            self._process = start(["manage.py", "worker"], self._environment, log)

    def until_it_answers(self) -> None:
        self._until_registered()


class Cluster:
    """Web processes (and workers, where asked for), their database and their Valkey."""

    def __init__(
        self,
        directory: Path,
        environment: dict[str, str],
        postgres: Postgres,
        valkey: Valkey | None,
        upstream_url: str,
        name: str,
    ) -> None:
        self.postgres = postgres
        self.valkey = valkey
        self.database = Rows(postgres, name)
        self.webs: list[Node] = []
        self.workers: list[Worker] = []
        self._directory = directory
        self._environment = {
            **environment,
            "DATABASE_URL": self.database.url,
            "REDIS_URL": valkey.url if valkey else "",
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "OPENAI_API_KEY": "the-key-of-the-tests",
            "OPENAI_BASE_URL": upstream_url,
            "CHAT_MODEL": ",".join(MODELS),
            "METRICS_TOKEN": TOKEN,
            "SESSION_CHECK_SECONDS": "1",
            "DRAIN_SECONDS": "0.5",
            "UPSTREAM_TRIES": "1",
        }

    @property
    def nodes(self) -> list[Node]:
        return [*self.webs, *self.workers]

    def add(self, webs: int, workers: int = 0, **settings: str) -> None:
        """Start so many more processes, and wait until all take part."""
        environment = self._environment | settings
        new = [Node(self._directory, self.database, environment) for _ in range(webs)]
        more = [Worker(self._directory, self.database, environment) for _ in range(workers)]
        self.webs += new
        self.workers += more
        for node in (*new, *more):
            node.begin()
        for node in (*new, *more):
            node.until_it_answers()

    def heal(self) -> None:
        """Bring back whatever a test has taken away."""
        self.postgres.start()
        if self.valkey is not None:
            self.valkey.start()
        for node in self.nodes:
            node.thaw()
        down = [node for node in self.nodes if not node.running]
        for node in down:
            node.begin()
        for node in down:
            node.until_it_answers()

    def tidy(self) -> None:
        """Nothing of an earlier test that failed is left: one failure is one failure."""
        for node in self.nodes:
            node.forget_log()
        rows = self.database
        if rows.rows("SELECT 1 FROM chat_message WHERE role = 'assistant' AND ended IS NULL"):
            self.end()
            rows.change(
                "TRUNCATE chat_conversation, chat_message, chat_process, procrastinate_jobs CASCADE"
            )
            self.heal()

    def end(self) -> None:
        """End all of it, at once."""
        for node in self.nodes:
            node.kill()

    # --- who does what --------------------------------------------------------------------

    def owner(self, reply: str) -> Node | None:
        """The process that produces a reply now."""
        found = self.database.rows(
            "SELECT process.name FROM chat_message AS reply"
            " JOIN chat_process AS process ON process.id = reply.owner_id WHERE reply.uid = ?",
            reply,
        )
        pid = int(found[0]["name"].rpartition(":")[2]) if found else 0
        return next((node for node in self.nodes if node.running and node.pid == pid), None)

    async def producer(self, reply: str) -> Node:
        """The same, once one has it."""
        found = await eventually(lambda: self.owner(reply), f"producer of {reply}")
        assert found is not None
        return found

    def other(self, node: Node) -> Node:
        """A web process that is not this one."""
        return next(one for one in self.webs if one is not node and one.running)

    # --- what must hold, whatever happened ------------------------------------------------

    async def holds(self, *accepted: Frame) -> None:
        """Check that accepted messages are there, replies have ended, and nothing is left."""
        rows = self.database
        mine = list({frame["conversation"] for frame in accepted})
        await eventually(lambda: not rows.unfinished(mine), "an end of every reply")
        found = {str(row["uid"]): row for row in rows.messages_of(mine)}
        for frame in accepted:
            assert found[frame["message"]]["role"] == "user"
            assert found[frame["reply"]]["ended"] is not None
        assert rows.parts_of(mine) == 0
        await eventually(
            lambda: not rows.rows("SELECT * FROM procrastinate_jobs WHERE status = 'todo'"),
            "an empty queue of jobs",
        )

    def complaints(self) -> list[str]:
        """The nodes' tracebacks, each by its last line."""
        found = []
        for node in self.nodes:
            _, *rest = node.log.split("Traceback (most recent call last)")
            for piece in rest:
                lines = [line for line in piece.splitlines()[1:] if not line.startswith(" ")]
                found.append(lines[0] if lines else piece[-200:])
        return found


async def all_follow(pages: list[Client], *replies: str, length: int = 30) -> None:
    """Each of these pages follows each of these replies and has some of its text."""
    for page in pages:
        for reply in replies:
            if reply not in page.shown:
                await page.follow(reply)
    for page in pages:
        for reply in replies:
            await page.has(reply, length)


async def grows_as_it_is_written(page: Client, reply: str) -> None:
    """Within a few seconds, deltas come as quickly as to who sits where it is produced.

    A second of text is one delta or two by the rows, and twenty by hints.
    """
    for _ in range(20):
        # The first frame of the reply may be still on its way.
        length = len(await page.has(reply, 0))
        mark = len(page.frames)
        await page.has(reply, length + 240)
        new = page.frames[mark:]
        if sum(frame["type"] == "delta" and frame["reply"] == reply for frame in new) >= 8:
            return
    raise AssertionError(f"{reply} comes by its rows alone")


@contextmanager
def a_cluster(
    directory: Path,
    environment: dict[str, str],
    postgres: Postgres,
    valkey: Valkey | None,
    upstream_url: str,
) -> Iterator[Cluster]:
    """A cluster on a database of its own; what it logged must have no traceback."""
    with fresh(postgres) as name:
        cluster = Cluster(directory, environment, postgres, valkey, upstream_url, name)
        try:
            yield cluster
        finally:
            cluster.end()
            postgres.start()
