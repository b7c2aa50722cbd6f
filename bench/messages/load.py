"""A load of messages from people whose sockets stay open.

`python -m bench.messages.load` reads a line with the port, the model and the cookies (one session
for each person), opens the sockets and prints `{"ready": true}`. Each further line is an `Order`;
it is answered by a line `{"begin": true}` when the first message leaves, and by one with the
figures when the last reply has ended. Standard input closes to end it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec

from bench.load import Job, Socket, Tally, percentile

PATIENCE = 120.0
"""Seconds after which a message whose reply has not ended counts as lost."""
QUIET = 0.15
"""Seconds after an end in which the server finishes the work of that message."""
TOO_LATE = 500_000_000
"""Nanoseconds to the first token that nobody should have to wait for longer."""


class People(msgspec.Struct):
    """The first line: who they are, and where."""

    port: int
    model: str
    tokens: int
    cookies: list[str]


class Order(msgspec.Struct):
    """The work of the clients."""

    kind: str
    """`rate`: messages at a rate; `burst`: all at once; `series`: one after the other's end."""
    count: int
    rate: float = 0.0
    new: bool = False
    """True if each message begins a conversation, else it follows up the person's last one."""
    person: int | None = None
    """The one person who sends them all, where it is not everybody in turn."""
    conversation: str | None = None
    parent: str | None = None
    """With a person: the conversation to go on with, and its leaf."""
    impatient: bool = False
    """Give up sending once more than one in a hundred has waited too long for the first token."""


@dataclass
class Message:
    """One message: times of its sending and of its frames (nanoseconds of the clock)."""

    id: str
    ended: asyncio.Future[None]
    sent: int = 0
    accepted: int = 0
    first: int = 0
    end: int = 0
    reply: str = ""
    text: list[str] = field(default_factory=list)
    problem: str = ""
    refused: bool = False


class Person(Socket):
    """A socket on which any number of messages are sent."""

    def __init__(self, job: Job, tally: Tally, number: int) -> None:
        super().__init__(job, tally, number)
        self.conversation: str | None = None
        self.leaf: str | None = None
        self.asked: dict[str, Message] = {}
        self.replies: dict[str, Message] = {}

    def ask(self, *, new: bool) -> Message:
        """Send a message."""
        ended = asyncio.get_running_loop().create_future()
        message = Message(str(uuid.uuid4()), ended)
        self.asked[message.id] = message
        place = (None, None) if new else (self.conversation, self.leaf)
        fields = {"id": message.id, "conversation": place[0], "parent": place[1]}
        message.sent = time.monotonic_ns()
        self.send({"type": "send", **fields, "text": "Go on", "model": self.job.model})
        return message

    def frame(self, data: bytes) -> None:
        now = time.monotonic_ns()
        frame = msgspec.json.decode(data)
        match frame["type"]:
            case "ready":
                self.ready.set_result(None)
            case "accepted":
                message = self.asked[frame["id"]]
                message.accepted, message.reply = now, frame["reply"]
                self.conversation, self.leaf = frame["conversation"], frame["reply"]
                self.replies[message.reply] = message
            case "delta" | "snapshot" | "end":
                if message := self.replies.get(frame["reply"]):  # type: ignore[assignment]
                    self._take(message, frame, now)
            case "error":
                self._failed(frame)

    def _take(self, message: Message, frame: dict[str, Any], now: int) -> None:
        if frame["type"] == "end":
            message.end = now
            text = "".join(message.text)
            if hashlib.sha256(text.encode()).hexdigest() != frame["sha256"]:
                message.problem = "the text is not the one that was stored"
            elif frame["status"] != "complete":
                message.problem = f"ended as {frame['status']}: {frame['error']}"
            elif text.count(" ") != self.job.tokens:
                message.problem = f"{text.count(' ')} tokens of {self.job.tokens}"
            self._leave(message)
            return
        if frame["type"] == "snapshot":
            message.text.clear()
        message.text.append(frame["text"])
        if frame["text"] and not message.first:
            message.first = now

    def _failed(self, frame: dict[str, Any]) -> None:
        message = self.asked.get(frame.get("id", "")) or self.replies.get(frame.get("reply", ""))
        if message is not None:
            message.problem = f"{frame['code']}: {frame['message']}"
            message.refused = not message.accepted
            self._leave(message)

    def fail(self, problem: str) -> None:
        self.tally.problems.append(problem)
        if not self.ready.done():
            self.ready.set_result(None)
        for message in list(self.asked.values()):
            message.problem = problem
            self._leave(message)

    def _leave(self, message: Message) -> None:
        self.asked.pop(message.id, None)
        self.replies.pop(message.reply, None)
        if not message.ended.done():
            message.ended.set_result(None)


class Crowd:
    """All people, and how each kind of order is carried out."""

    def __init__(self, people: list[Person]) -> None:
        self.people = people
        self._turn = 0

    def _next(self, order: Order) -> Person:
        if order.person is not None:
            return self.people[order.person]
        self._turn += 1
        return self.people[self._turn % len(self.people)]

    async def carry_out(self, order: Order) -> list[Message]:
        """Send the messages and wait for the ends."""
        if order.conversation is not None and order.person is not None:
            person = self.people[order.person]
            person.conversation, person.leaf = order.conversation, order.parent
        kinds: dict[str, Callable[[Order], Awaitable[list[Message]]]] = {
            "rate": self._at_a_rate,
            "burst": self._at_once,
            "series": self._one_by_one,
        }
        return await kinds[order.kind](order)

    async def _wait(self, messages: list[Message]) -> None:
        ends = [message.ended for message in messages]
        if ends:
            await asyncio.wait(ends, timeout=PATIENCE)

    async def _at_once(self, order: Order) -> list[Message]:
        sent = [self._next(order).ask(new=order.new) for _ in range(order.count)]
        await self._wait(sent)
        return sent

    async def _one_by_one(self, order: Order) -> list[Message]:
        sent = []
        for _ in range(order.count):
            sent.append(self._next(order).ask(new=order.new))
            await self._wait(sent[-1:])
            await asyncio.sleep(QUIET)
        return sent

    async def _at_a_rate(self, order: Order) -> list[Message]:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        sent: list[Message] = []
        for number in range(order.count):
            await asyncio.sleep(max(begin + number / order.rate - loop.time(), 0))
            if order.impatient and _late(sent) > order.count / 100:
                break
            sent.append(self._next(order).ask(new=order.new))
        await self._wait(sent)
        return sent


def _late(messages: list[Message]) -> int:
    """The number of those whose first token has come, or will come, too late."""
    now = time.monotonic_ns()
    return sum((message.first or now) - message.sent > TOO_LATE for message in messages)


def figures(messages: list[Message], problems: list[str]) -> dict[str, Any]:
    """The result of an order."""
    good = [m for m in messages if m.end and not m.problem]
    firsts = [m.first - m.sent for m in messages if m.first]
    accepted = [m.accepted - m.sent for m in messages if m.accepted]
    wrong = {m.problem or "no end came" for m in messages if m.problem or not m.end}
    ends = [m.end for m in messages if m.end]
    refused = sum(m.refused for m in messages)
    return {
        "messages": len(messages),
        "refused": refused,
        "lost": len(messages) - len(good) - refused,
        "problems": sorted({*wrong, *problems})[:5],
        "seconds": (max(ends) - messages[0].sent) / 1e9 if ends else 0.0,
        "accepted_p50_ms": percentile(accepted, 0.5),
        "first_p50_ms": percentile(firsts, 0.5),
        "first_p99_ms": percentile(firsts, 0.99),
    }


def _say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


async def run(given: People) -> None:
    """Open the sockets, then take orders until the input closes."""
    loop, tally = asyncio.get_running_loop(), Tally()
    job = Job("ws", given.port, len(given.cookies), given.model, given.tokens, given.cookies)
    people: list[Person] = []
    for number in range(job.streams):
        make = partial(Person, job, tally, number)
        _, person = await loop.create_connection(make, "127.0.0.1", job.port)
        people.append(person)
        await asyncio.wait_for(person.ready, 30)
    _say(ready=True, problems=tally.problems[:5])
    crowd = Crowd(people)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = msgspec.json.decode(line, type=Order)
        _say(begin=True)
        _say(**figures(await crowd.carry_out(order), tally.problems))
    for person in people:
        person.transport.abort()


def main() -> None:
    """Read who they are, and begin."""
    asyncio.run(run(msgspec.json.decode(sys.stdin.readline(), type=People)))


if __name__ == "__main__":
    main()
