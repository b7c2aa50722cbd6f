"""Faults at random, for as long as asked: `make soak [SECONDS=300] [SEED=1]`.

Some people chat through several processes on one Postgres and one Valkey, while processes are
killed, frozen beyond their lease and asked to end, and Valkey and Postgres are taken away for
seconds. A seed, which is printed, decides the messages and the faults (how they meet
is the machine's business). Afterwards everything is brought back, and must hold: accepted
messages are there once, every reply has its end, people were shown the stored text, and nothing is
left in any process. Prints faults and findings; exit code 1 if something did not hold.
"""

from __future__ import annotations

import chat.tests.environment  # noqa: F401  before Django reads its settings

# isort: split
import argparse
import asyncio
import hashlib
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import django
from websockets.exceptions import WebSocketException

django.setup()

from chat.tests.cluster.cluster import QUICK, Cluster, Node, a_cluster  # noqa: E402
from chat.tests.cluster.valkey import Valkey  # noqa: E402
from chat.tests.live.client import Client, Frame, Shown, socket  # noqa: E402
from chat.tests.live.server import LONG, SHORT, SLOW, THOUGHTS, fake_upstream  # noqa: E402
from chat.tests.postgres import server as postgres_server  # noqa: E402
from fake_endpoint import expected_text  # noqa: E402

if TYPE_CHECKING:
    from chat.tests.live.database import Person

LOST_PATIENCE = 4.0
"""Seconds without a frame after which a page tries another process."""
SETTLE_SECONDS = 120
CONNECTIONS = 8
PASSING = {"unavailable", "draining", "rate_limited", "too_many"}


@dataclass
class Asked:
    """A message that was accepted, and the shown part of its reply."""

    person: Person
    model: str
    text: str
    accepted: Frame
    stopped: bool = False
    end: Frame | None = None
    shown: str | None = None


class Soak:
    def __init__(self, cluster: Cluster, seed: int, seconds: float) -> None:
        self.cluster = cluster
        self.seed = seed
        self.asked: list[Asked] = []
        self.found: list[str] = []
        """Violations."""
        self.done: Counter[str] = Counter()
        self.most_connections = 0
        self._began = time.monotonic()
        self._until = self._began + seconds
        self._busy: set[object] = set()

    @property
    def over(self) -> bool:
        return time.monotonic() > self._until

    def finish(self) -> None:
        """Nobody asks anything more."""
        self._until = 0

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:7.1f}  {text}", flush=True)

    def wrong(self, text: str) -> None:
        self.found.append(text)
        self.say(f"WRONG: {text}")

    async def run(self, people: list[Person]) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._break_things())
            tasks.create_task(self._count_connections())
            for person in people:
                tasks.create_task(Visitor(self, person).run())

    # --- faults ---------------------------------------------------------------------------

    async def _break_things(self) -> None:
        draw = random.Random(f"{self.seed}-faults")
        kinds: list[Callable[[random.Random], Coroutine[Any, Any, None] | None]] = [
            self._kill, self._kill, self._freeze, self._freeze, self._end, self._restart_valkey,
            self._cut_valkey, self._flush_valkey, self._stop_postgres,
        ]  # fmt: skip
        async with asyncio.TaskGroup() as tasks:
            while not self.over:
                await asyncio.sleep(draw.uniform(0.3, 5))
                fault = draw.choice(kinds)(draw)
                if fault is not None:
                    tasks.create_task(fault)

    def _victim(self, draw: random.Random) -> Node | None:
        """A process to break; one is always left whole."""
        node = draw.choice(self.cluster.nodes)
        broken = {one for one in self._busy if isinstance(one, Node)}
        if node in broken or len(broken) + 1 >= len(self.cluster.nodes):
            return None
        self._busy.add(node)
        return node

    def _note(self, fault: str, name: object, *seconds: float) -> None:
        self.done[fault] += 1
        self.say(f"{fault} {name} {' '.join(f'{one:.1f} s' for one in seconds)}")

    def _kill(self, draw: random.Random) -> Coroutine[Any, Any, None] | None:
        node, pause = self._victim(draw), draw.uniform(0, 5)
        return self._killed(node, pause) if node else None

    async def _killed(self, node: Node, pause: float) -> None:
        self._note("kill", node.port, pause)
        node.kill()
        await asyncio.sleep(pause)
        await self._bring_back(node)

    def _freeze(self, draw: random.Random) -> Coroutine[Any, Any, None] | None:
        node, pause = self._victim(draw), draw.choice((0.5, 1.5, 2.5, 5.0, 9.0))
        return self._frozen(node, pause) if node else None

    async def _frozen(self, node: Node, pause: float) -> None:
        self._note("freeze", node.port, pause)
        node.freeze()
        await asyncio.sleep(pause)
        node.thaw()
        self._busy.discard(node)

    def _end(self, draw: random.Random) -> Coroutine[Any, Any, None] | None:
        node, pause = self._victim(draw), draw.uniform(0, 3)
        return self._ended(node, pause) if node else None

    async def _ended(self, node: Node, pause: float) -> None:
        self._note("end", node.port, pause)
        node.signal(signal.SIGTERM)
        try:
            code = await asyncio.to_thread(node.wait, 40)
        except Exception:
            self.wrong(f"{node.port} did not end within 40 s of SIGTERM")
            node.kill()
        else:
            if code != 0:
                self.wrong(f"{node.port} ended with {code}: {node.log[-300:]}")
        await asyncio.sleep(pause)
        await self._bring_back(node)

    async def _bring_back(self, node: Node) -> None:
        """Start it as often as it takes, as a platform does."""
        for _ in range(60):
            try:
                if not node.running:
                    node.begin()
                await asyncio.to_thread(node.until_it_answers)
            except Exception:
                self.done["failed start"] += 1
                await asyncio.sleep(1)
            else:
                self._busy.discard(node)
                return
        self.wrong(f"{node.port} does not start any more: {node.log[-1000:]}")

    def _restart_valkey(self, draw: random.Random) -> Coroutine[Any, Any, None] | None:
        return self._alone(self._valkey_away(draw.choice((0.0, 1.0, 4.0))), self.cluster.valkey)

    async def _valkey_away(self, pause: float) -> None:
        assert self.cluster.valkey is not None
        self._note("restart", "valkey", pause)
        self.cluster.valkey.kill()
        await asyncio.sleep(pause)
        await asyncio.to_thread(self.cluster.valkey.start)

    def _cut_valkey(self, draw: random.Random) -> Coroutine[Any, Any, None] | None:
        kind = draw.choice(("normal", "pubsub"))
        return self._alone(self._run_in_valkey("CLIENT", "KILL", "TYPE", kind), self.cluster.valkey)

    def _flush_valkey(self, draw: random.Random) -> Coroutine[Any, Any, None] | None:
        return self._alone(self._run_in_valkey("FLUSHALL"), self.cluster.valkey)

    async def _run_in_valkey(self, *command: str) -> None:
        assert self.cluster.valkey is not None
        self._note(" ".join(command).lower(), "valkey")
        await asyncio.to_thread(self.cluster.valkey.ask, *command)

    def _stop_postgres(self, draw: random.Random) -> Coroutine[Any, Any, None] | None:
        mode, pause = draw.choice(("fast", "immediate")), draw.choice((0.2, 1.0, 3.0, 6.0))
        return self._alone(self._postgres_away(mode, pause), self.cluster.postgres)

    async def _postgres_away(self, mode: str, pause: float) -> None:
        self._note("stop", f"postgres ({mode})", pause)
        await asyncio.to_thread(self.cluster.postgres.stop, mode)
        await asyncio.sleep(pause)
        await asyncio.to_thread(self.cluster.postgres.start)

    def _alone(
        self, fault: Coroutine[Any, Any, None], target: object
    ) -> Coroutine[Any, Any, None] | None:
        """Cause one fault at a time of the services that are there once."""
        if target in self._busy:
            fault.close()
            return None
        self._busy.add(target)

        async def run() -> None:
            try:
                await fault
            finally:
                self._busy.discard(target)

        return run()

    async def _count_connections(self) -> None:
        while not self.over:
            await asyncio.sleep(2)
            counts = await asyncio.to_thread(self.cluster.database.connections)
            self.most_connections = max([self.most_connections, *counts.values()])

    # --- rules ----------------------------------------------------------------------------

    async def check(self) -> None:
        """Bring everything back, and look."""
        cluster = self.cluster
        await asyncio.to_thread(cluster.heal)
        deadline = time.monotonic() + SETTLE_SECONDS
        chats = list({asked.accepted["conversation"] for asked in self.asked})
        while left := await asyncio.to_thread(cluster.database.unfinished, chats):
            if time.monotonic() > deadline:
                keys = ("uid", "status", "reason", "attempt", "faults", "owner_id")
                for row in left:
                    self.wrong(f"no end: {[str(row[key]) for key in keys]}")
                break
            await asyncio.sleep(0.5)
        rows = {str(row["uid"]): row for row in cluster.database.messages_of(chats)}
        for asked in self.asked:
            self._check(asked, rows)
        extra = len(rows) - 2 * len(self.asked)
        if extra:
            self.wrong(f"{extra} messages more than were accepted")
        if parts := cluster.database.parts_of(chats):
            self.wrong(f"{parts} parts left")
        if self.most_connections > CONNECTIONS:
            self.wrong(f"{self.most_connections} connections of one process")
        for complaint, times in Counter(cluster.complaints()).items():
            self.wrong(f"traceback, {times} times: {complaint}")
        for name in ("replies_live", "replies_followed", "followers", "sockets"):
            await self._zero(name)

    async def _zero(self, name: str) -> None:
        for node in self.cluster.webs:
            for _ in range(20):
                value = node.metric(f"parley_{name}")
                if not value:
                    break
                await asyncio.sleep(1)
            else:
                self.wrong(f"{node.port}: {name} is {value:g} with nobody there")

    def _check(self, asked: Asked, rows: dict[str, dict[str, Any]]) -> None:
        accepted = asked.accepted
        message, reply = rows.get(accepted["message"]), rows.get(accepted["reply"])
        name = f"{accepted['reply']} ({asked.model})"
        if message is None or reply is None or message["text"] != asked.text:
            self.wrong(f"{name}: accepted, and not there")
            return
        status, text, faults = reply["status"], reply["text"], reply["faults"]
        self.done[f"{status}, {reply['attempt']} attempts"] += 1
        if asked.shown is None:
            self.wrong(f"{name}: its end was never shown")
        elif asked.shown != text:
            self.wrong(f"{name}: {len(asked.shown)} characters shown, {len(text)} stored")
        if asked.end is not None and (
            asked.end["sha256"] != hashlib.sha256(text.encode()).hexdigest()
            or asked.end["status"] != status
        ):
            self.wrong(f"{name}: another end was sent than is stored")
        whole = expected_text(asked.model) if asked.model.startswith("words") else None
        if status == "complete" and whole is not None and text != whole:
            self.wrong(f"{name}: complete with {len(text)} characters of {len(whole)}")
        if whole is not None and not whole.startswith(text):
            same = next(n for n, c in enumerate(text) if not whole.startswith(text[: n + 1]))
            self.wrong(
                f"{name}: {status}, {reply['attempt']} attempts, {faults} faults: its text is not"
                f" the beginning of the model's answer; up to {same} of {len(text)} it is, then"
                f" {text[same : same + 60]!r} instead of {whole[same : same + 60]!r}"
            )
        if status == "stopped" and not asked.stopped:
            self.wrong(f"{name}: stopped, and nobody asked for it")
        if status in ("interrupted", "failed") and faults < 3:
            self.wrong(f"{name}: {status} after {faults} faults: {reply['error_code']}")


class Visitor:
    """Somebody with a browser: when a socket dies or falls silent, another process is tried."""

    def __init__(self, soak: Soak, person: Person) -> None:
        self.soak = soak
        self.person = person
        self.draw = random.Random(f"{soak.seed}-{len(person.name)}-{person.id}")

    async def run(self) -> None:
        last: Frame | None = None
        while not self.soak.over:
            model = self.draw.choice((SHORT, SHORT, SLOW, LONG, LONG, THOUGHTS))
            if self.draw.random() < 0.3:
                last = None
            asked = await self._ask(f"Question {self.draw.random()}", model, last)
            self.soak.asked.append(asked)
            stop_at = self.draw.choice((None, None, None, self.draw.randrange(400)))
            await self._watch(asked, stop_at)
            last = asked.accepted

    async def _ask(self, text: str, model: str, last: Frame | None) -> Asked:
        """Repeat it until it is accepted, always with the same id, so that it is there once."""
        fields: Frame = {
            "id": str(UUID(int=self.draw.getrandbits(128), version=4)),
            "conversation": last and last["conversation"],
            "parent": last and last["reply"],
            "text": text,
            "model": f"openai/{model}",
        }

        async def send(page: Client) -> Frame:
            await page.say("send", **fields)
            return await page.until(
                lambda: next((f for f in page.frames if f.get("id") == fields["id"]), None),
                "an answer",
                LOST_PATIENCE,
            )

        while True:
            frame = await self._on_a_page(send)
            if frame is not None and frame["type"] == "accepted":
                return Asked(self.person, model, text, frame)
            if frame is not None and frame.get("code") not in PASSING:
                self.soak.wrong(f"a message was answered with {frame}")
            await asyncio.sleep(0.5)

    async def _watch(self, asked: Asked, stop_at: int | None) -> None:
        """Follow it to its end, on as many sockets as it takes."""
        reply = asked.accepted["reply"]
        shown = Shown()
        began = time.monotonic()
        while asked.end is None:

            async def look(page: Client) -> None:
                nonlocal shown
                await page.follow(reply, shown)
                shown = page.shown[reply]
                await self._look(page, asked, shown, stop_at)

            await self._on_a_page(look)
            await asyncio.sleep(self.draw.uniform(0, 0.5))
            if time.monotonic() - began > SETTLE_SECONDS:
                self.soak.wrong(f"{reply}: nobody can see its end")
                return
        asked.shown = shown.text

    async def _look(self, page: Client, asked: Asked, shown: Shown, stop_at: int | None) -> None:
        """Follow on one socket, until the end or until that has to be done on another one."""
        reply, stopped = asked.accepted["reply"], False
        while shown.end is None:
            if stop_at is not None and len(shown.text) >= stop_at and not stopped:
                asked.stopped = stopped = True
                await page.say("stop", reply=reply)
            mark = len(page.frames)
            await page.until(lambda: len(page.frames) > mark or None, "news", LOST_PATIENCE)  # noqa: B023
            for frame in page.frames[mark:]:
                if frame["type"] == "error":
                    if frame["code"] not in PASSING:
                        self.soak.wrong(f"{reply}: {frame}")
                    return
            if self.draw.random() < 0.01:
                return
        await page.end(reply)
        asked.end = shown.end

    async def _on_a_page[T](self, work: Callable[[Client], Awaitable[T]]) -> T | None:
        """Do this on some process; None where the socket was cut or silent meanwhile."""
        node = self.draw.choice(self.soak.cluster.webs)
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(LOST_PATIENCE):
                    connection = await stack.enter_async_context(socket(node, self.person))
                page = Client(connection)
                stack.push_async_callback(page.leave)
                try:
                    return await work(page)
                except AssertionError as problem:
                    if not str(problem).startswith(("closed with", "missing: ")):
                        where = traceback.extract_tb(problem.__traceback__)[-1]
                        self.soak.wrong(
                            f"on {node.port}: {where.line} {problem} {page.frames[-3:]}"
                        )
        except (OSError, TimeoutError, WebSocketException):
            pass
        self.soak.done["socket lost"] += 1
        return None


async def soak(arguments: argparse.Namespace, directory: Path, valkey: Valkey, url: str) -> int:
    environment = {**os.environ, **QUICK}
    with a_cluster(directory, environment, postgres_server(), valkey, url) as cluster:
        separate = {"WORKERS": "separate"} if arguments.workers else {}
        cluster.add(arguments.webs, arguments.workers, **separate)
        people = [cluster.database.add_person("visitor") for _ in range(arguments.people)]
        run = Soak(cluster, arguments.seed, arguments.seconds)
        await run.run(people)
        run.say("everything is brought back")
        await run.check()
        run.say(f"{len(run.asked)} messages were accepted")
        for fault, times in sorted(run.done.items()):
            print(f"{times:6}  {fault}")
        print(f"{run.most_connections:6}  connections of one process at most")
        print(f"{len(run.found)} times something did not hold (seed {arguments.seed})")
        for text in run.found:
            print(f"  {text}")
        return 1 if run.found else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--webs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=0, help="more than 0: WORKERS=separate")
    parser.add_argument("--people", type=int, default=6)
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="soak-"))
    print(
        f"Seed {arguments.seed}, {arguments.seconds:g} s; the logs are in {directory}", flush=True
    )
    valkey = Valkey()
    valkey.start()
    try:
        with fake_upstream() as upstream:
            return asyncio.run(soak(arguments, directory, valkey, upstream.url))
    finally:
        valkey.kill()


if __name__ == "__main__":
    sys.exit(main())
