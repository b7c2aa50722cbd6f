"""Replicas: whatever the channel layer loses, a follower shows the stored text in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError
from hypothesis import given
from hypothesis import strategies as st

from chat.models import Reply
from chat.protocol import Position
from chat.replies import notifications, publisher
from chat.replies import replicas as module
from chat.replies.live import LiveReply
from chat.replies.process import ReplyProcess
from chat.replies.replica_rows import Progress, ReplicaState
from chat.replies.replicas import EARLY_PIECES, Replica, Replicas
from chat.tests.replies.test_live import Reader, ended, reply
from chat.tests.replies.test_notifications import Hub, Layer, until

PIECES = ["a", "b ", "\n", "é", "日本", "👍", "👩‍👩‍👧", "x" * 50]


# --- joining ------------------------------------------------------------------------------


@given(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=12),
    st.lists(st.sampled_from(PIECES), max_size=4),
    st.data(),
)
def test_pieces_join_in_whatever_order_they_come(
    texts: list[str], thoughts: list[str], data: st.DataObject
) -> None:
    whole, thought = "".join(texts), "".join(thoughts)
    sent = [("text", len("".join(texts[:n])), text) for n, text in enumerate(texts)]
    sent += [("reasoning", len("".join(thoughts[:n])), text) for n, text in enumerate(thoughts)]
    start = data.draw(st.integers(0, len(whole)))
    sent.append(("text", start, whole[start : start + 60]))  # asked for again, from any position
    replica = Replica(reply(attempt=1, status="running"))
    for piece in data.draw(st.permutations(sent * 2)):
        replica.take([piece])
        assert whole.startswith(replica.live.text.whole())
    assert (replica.live.text.whole(), replica.live.reasoning.whole()) == (whole, thought)
    assert not replica.gap


def test_a_gap_keeps_few_early_pieces_and_shows_nothing_of_them() -> None:
    replica = Replica(reply(attempt=1, status="running"))
    for n in range(EARLY_PIECES):
        replica.take([("text", 10 + n, "x")])
    assert replica.gap
    assert not replica.live.text.length
    replica.take([("text", 10 + EARLY_PIECES, "x")])  # one too many: it is asked for again anyway
    replica.take([("text", 0, "0123456789")])
    assert replica.live.text.whole() == "0123456789"
    assert not replica.gap


def test_a_part_that_has_grown_since_it_was_read_leaves_no_gap() -> None:
    """A checkpoint whose answer was lost is repeated with more text."""
    replica = Replica(reply(attempt=1, status="running"))
    replica.take_stored([("text", 0, "one "), ("text", 4, "two ")], {"text": 4})
    assert replica.progress.since["text"] == 4, (
        "the last part is read again, the ones before are not"
    )
    replica.take_stored([("text", 8, "three "), ("text", 14, "four")], {"text": 14})
    assert replica.live.text.whole() == "one two three four"


def test_after_a_hole_in_the_parts_all_of_them_are_read_again() -> None:
    replica = Replica(reply(attempt=1, status="running"))
    replica.take_stored([("text", 0, "one "), ("text", 8, "three")], {"text": 8})
    assert (replica.live.text.whole(), replica.progress.since["text"]) == ("one ", 0)


# --- what the rows say --------------------------------------------------------------------


class Rows:
    """Stands for the database: one reply, its parts, and whoever asks."""

    def __init__(self) -> None:
        self.uid = uuid4()
        self.row = self.state(seq=1, status="queued")
        self.owner = ""
        self.parts: dict[str, list[tuple[int, str]]] = {"text": [], "reasoning": []}
        self.away = False
        self.reads = 0

    def state(self, **changes: Any) -> Any:
        fields: dict[str, Any] = {
            "pk": 1, "uid": self.uid, "user_id": 1, "conversation_id": 1, "model": "a/b",
            "attempt": 0, "reason": "", "retry_at": None, "ended": None, "text": "",
            "reasoning": "",
        }  # fmt: skip
        return SimpleNamespace(**fields | changes)

    def claimed(self, attempt: int, owner: str, kept: str = "") -> None:
        self.owner = owner
        self.parts = {"text": [(0, kept)] if kept else [], "reasoning": []}
        self.row = self.state(seq=self.row.seq + 1, status="running", attempt=attempt)

    def checkpoint(self, live: LiveReply) -> None:
        for track, text in (("text", live.text), ("reasoning", live.reasoning)):
            if more := text.after(len(self.stored(track))):
                self.parts[track].append((len(self.stored(track)), more))

    def stored(self, track: str = "text") -> str:
        return "".join(text for _, text in self.parts[track])

    def end(self, live: LiveReply) -> None:
        row = ended(live)
        self.row = self.state(**vars(row) | {"seq": self.row.seq + 1, "ended": True})
        self.parts = {"text": [], "reasoning": []}

    def read(self, places: Mapping[int, Progress]) -> dict[int, ReplicaState]:
        self.reads += 1
        if self.away:
            raise OperationalError
        if self.row is None:
            return {}
        found = ReplicaState(self.row, self.owner, None)
        if self.row.ended is None:
            place = places[1]
            same = place.attempt == self.row.attempt
            for track, parts in self.parts.items():
                have = place.have[track] if same else 0
                for at, text in parts:
                    if at >= (place.since[track] if same else 0):
                        found.pieces.append((track, max(at, have), text[max(have - at, 0) :]))
                        found.last[track] = at
        return {1: found}


class Node:
    """A process as far as replies and notifications go."""

    def __init__(self, rows: Rows, hub: Hub | None) -> None:
        self.process = ReplyProcess()
        self.process.replicas = Replicas(
            self.process.notifications, self.process.following.forget, rows.read
        )
        self.me = uuid4().hex
        self.process.notifications.rename(self.me)
        self.process.join_others(Layer(hub) if hub else None)
        self._rows = rows

    def follow(self) -> Reader:
        """Somebody follows the reply here, as a socket does."""
        live = self.process.following.adopt(self._rows.state(seq=1, status="queued"))
        return Reader(live)

    def leave(self, *readers: Reader) -> None:
        for reader in readers:
            reader.follower.leave()
            self.process.following.forget(reader.follower.live)

    def produce(self, attempt: int, kept: str = "") -> LiveReply:
        self._rows.claimed(attempt, self.me, kept)
        live = self.process.following.produce(self._rows.row)
        live.begin(attempt, "a/b", kept, "")
        self.tell()
        return live

    def tell(self) -> None:
        """A commit of this process is announced to the others."""
        self.process._notify_others(1, [("{}", self._rows.row.seq)])

    def over(self, live: LiveReply) -> None:
        self.process.following.release(live)
        self.process.publisher.drop(live)

    async def close(self) -> None:
        await self.process.replicas.close()
        await self.process.notifications.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(module, "WANT_AGAIN_SECONDS", 0.02)
    monkeypatch.setattr(module, "WANT_SECONDS", 0.1)
    monkeypatch.setattr(module, "BREATH_SECONDS", 0.002)
    monkeypatch.setattr(notifications, "ECHO_SECONDS", 0.1)
    monkeypatch.setattr(notifications, "BACK_OFF", (0.02,))


async def watch(*readers: Reader) -> None:
    """Pull like a socket does, until the end has come to all."""
    async with asyncio.timeout(20):
        while not all(reader.follower.finished for reader in readers):
            for reader in readers:
                reader.read()
            await asyncio.sleep(0.003)


async def shows(reader: Reader, live: LiveReply) -> None:
    """Pull until the reader has what the producer has."""
    async with asyncio.timeout(20):
        while reader.texts != {"text": live.text.whole(), "reasoning": live.reasoning.whole()}:
            reader.read()
            await asyncio.sleep(0.003)


@pytest.mark.asyncio
@pytest.mark.parametrize("seed", range(24))
async def test_whatever_is_lost_every_follower_shows_the_stored_text(seed: int) -> None:
    random = Random(seed)
    hub = Hub(seed, loss=random.choice([0, 0.2, 0.6]), repeat=0.3, delay=random.choice([0, 0.05]))
    rows = Rows()
    nodes = [Node(rows, hub) for _ in range(3)]
    producer, others = nodes[0], nodes[1:]
    readers = [node.follow() for node in nodes for _ in range(2)]
    watching = asyncio.create_task(watch(*readers))
    stale: LiveReply | None = None
    live = producer.produce(1)
    for step in range(60):
        live.append(*random.choice([("word ", ""), ("", "hm "), ("日本👍", "é")]))
        if stale is not None:
            stale.append("what nobody may see", "")
        if step % 10 == 9:
            rows.checkpoint(live)
        if step == 30 and seed % 2:  # it stands still; another takes the reply over
            stale, producer = live, others[0]
            live = producer.produce(2, rows.stored() if seed % 3 else "")
        hub.away = seed % 4 == 3 and 20 < step < 40
        rows.away = seed % 5 == 4 and 10 < step < 30
        await asyncio.sleep(random.random() * 0.01)
    hub.away = False
    if stale is not None:
        nodes[0].over(stale)  # it comes back, and its checkpoint tells it what happened
    rows.checkpoint(live)
    rows.end(live)
    live.finish(rows.row)
    producer.over(live)
    producer.tell()
    await watching
    for reader in readers:
        assert reader.texts == {"text": rows.row.text, "reasoning": rows.row.reasoning}
        assert reader.attempt == rows.row.attempt
        assert reader.types.count("end") == 1
        assert reader.types[0] in {"status", "snapshot"}
    for node in nodes:
        assert len(node.process.replicas) == len(node.process.publisher) == 0
        await node.close()
    assert not hub.subscribed()


@pytest.mark.asyncio
async def test_the_rows_alone_are_enough() -> None:
    rows = Rows()
    here, there = Node(rows, None), Node(rows, None)
    readers = [there.follow(), there.follow()]
    watching = asyncio.create_task(watch(*readers))
    live = here.produce(1)
    for n in range(5):
        live.append(f"{n} ", f"{n}")
        rows.checkpoint(live)
        await shows(readers[0], live)
    rows.end(live)
    here.over(live)
    await watching
    assert {reader.texts["text"] for reader in readers} == {"0 1 2 3 4 "}
    await until(lambda: there.process.replicas._task is None)


@pytest.mark.asyncio
async def test_what_nobody_wants_is_not_published_and_who_leaves_leaves_nothing() -> None:
    hub, rows = Hub(), Rows()
    here, there = Node(rows, hub), Node(rows, hub)
    await until(lambda: here.process.notifications.up and there.process.notifications.up)
    groups, tasks = hub.subscribed(), len(asyncio.all_tasks())
    live = here.produce(1)
    live.append("Nobody listens. ", "")
    await until(lambda: hub.of("changed"))
    readers = [there.follow(), there.follow()]
    await until(lambda: hub.of("delta"))
    assert len(there.process.replicas) == 1, "however many follow, there is one replica"
    assert len(here.process.publisher) == 1
    live.append("Somebody does. ", "")
    await shows(readers[0], live)
    there.leave(readers[0])
    assert len(there.process.replicas) == 1
    there.leave(readers[1])
    await until(lambda: hub.subscribed() == groups and len(asyncio.all_tasks()) == tasks)
    assert len(there.process.replicas) == 0
    published = len(hub.of("delta"))
    for wanted in here.process.publisher._wanted.values():
        wanted.until = 0  # nobody has asked for a while
    live.append("Nobody does. ", "")
    assert len(here.process.publisher) == 0
    assert live.publish is None
    await asyncio.sleep(0.02)
    assert len(hub.of("delta")) == published
    await here.close()
    await there.close()


@pytest.mark.asyncio
async def test_a_message_carries_at_most_64_kib_and_a_lost_one_is_sent_again() -> None:
    hub, rows = Hub(), Rows()
    here, there = Node(rows, hub), Node(rows, hub)
    await until(lambda: here.process.notifications.up and there.process.notifications.up)
    live = here.produce(1)
    reader = there.follow()
    await until(lambda: len(here.process.publisher))
    hub.loss = 1
    live.append("lost ", "")
    await until(lambda: hub.of("delta"))
    hub.loss = 0
    live.append("é" * 100_000, "hm " * 50_000)
    await shows(reader, live)
    sizes = [len((one["text"] + one["reasoning"]).encode()) for one in hub.of("delta")]
    assert max(sizes) <= 64 * 1024
    assert (there.process.replicas.gaps, there.process.replicas.gaps_healed) == (1, 1)
    there.leave(reader)
    await here.close()
    await there.close()


@pytest.mark.asyncio
async def test_a_deleted_reply_ends_its_followers_everywhere() -> None:
    rows = Rows()
    there = Node(rows, None)
    reader = there.follow()
    await until(lambda: rows.reads)
    rows.row = None
    await watch(reader)
    assert reader.types[-1] == "error"
    assert len(there.process.replicas) == 0


@pytest.mark.asyncio
async def test_what_was_shown_and_never_stored_is_replaced_before_the_end() -> None:
    """A producer that died had sent more than it had stored, and the reply was stopped then."""
    rows = Rows()
    there = Node(rows, None)
    reader = there.follow()
    rows.claimed(1, uuid4().hex)
    live = reader.follower.live
    await until(lambda: live.attempt == 1)
    there.process.replicas.delta(delta(rows, 1, 0, "shown, and lost"))
    reader.read()
    assert reader.texts["text"] == "shown, and lost"
    rows.end(reply(uid=rows.uid, attempt=1, status="stopped", text="shown"))
    await watch(reader)
    assert reader.texts["text"] == "shown"
    assert reader.types[-2:] == ["snapshot", "end"]


def delta(rows: Rows, attempt: int, at: int, text: str) -> dict[str, Any]:
    fields = {"type": "delta", "reply": rows.uid.hex, "attempt": attempt, "text_at": at}
    return fields | {"text": text, "reasoning_at": 0, "reasoning": ""}


@pytest.mark.asyncio
async def test_deltas_count_only_while_their_attempt_runs() -> None:
    rows = Rows()
    there = Node(rows, None)
    replicas, reader = there.process.replicas, there.follow()
    live = reader.follower.live
    rows.claimed(2, uuid4().hex)
    replicas.stir(live)
    await until(lambda: live.attempt == 2)
    replicas.delta(delta(rows, 1, 0, "of one that came back too late"))
    reads = rows.reads
    replicas.delta(delta(rows, 3, 0, "of one that is not known yet"))
    await until(lambda: rows.reads > reads)
    replicas.delta(delta(rows, 2, 0, "now"))
    live.set_status("queued", "takeover", None, None)
    replicas.delta(delta(rows, 2, 3, " and then"))
    assert (live.text.whole(), replicas.stale) == ("now", 2)
    there.leave(reader)
    await there.close()


@pytest.mark.asyncio
async def test_what_was_read_before_later_news_is_not_shown() -> None:
    rows = Rows()
    there = Node(rows, None)
    reader = there.follow()
    live = reader.follower.live
    live.seq = 5  # a commit of this process was announced meanwhile
    await until(lambda: rows.reads > 1)
    rows.claimed(1, uuid4().hex)
    reads = rows.reads
    await until(lambda: rows.reads > reads + 1)
    assert (live.status, live.attempt) == ("queued", 0)
    rows.row.seq = 6
    await until(lambda: live.attempt == 1)
    there.leave(reader)
    await there.close()


@pytest.mark.asyncio
async def test_a_database_that_is_away_is_asked_again() -> None:
    rows = Rows()
    there = Node(rows, None)
    reader = there.follow()
    rows.away = True
    await until(lambda: rows.reads > 2)
    rows.away = False
    rows.end(reply(uid=rows.uid, attempt=1, text="whole"))
    await watch(reader)
    assert reader.texts["text"] == "whole"


@pytest.mark.asyncio
async def test_all_copies_are_read_in_one_round() -> None:
    rows: list[set[int]] = []
    process = ReplyProcess()

    def read(places: Mapping[int, Progress]) -> dict[int, ReplicaState]:
        rows.append(set(places))
        return {
            pk: ReplicaState(Reply(pk=pk, uid=UUID(int=pk), seq=1, status="queued"), "", None)
            for pk in places
        }

    process.replicas = Replicas(process.notifications, process.following.forget, read)
    process.join_others(None)
    for pk in range(1, 51):
        live = reply(pk=pk, uid=UUID(int=pk))
        process.following._enter(live, after=pk / 1000)
        Reader(live)
    await until(lambda: rows and rows[-1] == set(range(1, 51)))
    assert sum(map(len, rows)) <= 150, "those that began together stay together"
    await process.replicas.close()


def test_a_want_of_a_lost_attempt_is_not_answered() -> None:
    sent: list[publisher.Wanted] = []
    desk = publisher.Publisher(SimpleNamespace(publish=sent.append))  # type: ignore[arg-type]
    live = reply(attempt=1, status="running")
    desk.want(live, Position(2))
    assert not sent
    assert live.publish is None


@pytest.mark.asyncio
@pytest.mark.parametrize("loss", [0, 0.5])
async def test_what_cannot_be_stored_is_told_to_copies_as_well(
    loss: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WANT_SECONDS", 0.05)  # what was lost is told again by then
    hub, rows = Hub(3, loss=loss, repeat=0.3, delay=0), Rows()
    here, there = Node(rows, hub), Node(rows, hub)
    reader = there.follow()
    replica = reader.follower.live
    live = here.produce(1)
    live.append("one ", "")
    await shows(reader, live)
    for trouble in ("storage_full", "", "storage_read_only"):
        live.set_trouble(trouble)
        await until(lambda trouble=trouble: replica.trouble == trouble)  # type: ignore[misc]
    later = there.follow()
    live.append("two", "")
    await shows(later, live)
    assert replica.trouble == "storage_read_only"
    rows.claimed(2, uuid4().hex)  # elsewhere, where it can be stored
    there.process.replicas.stir(replica)
    await until(lambda: replica.attempt == 2)
    assert replica.trouble == ""
    there.leave(reader, later)
    await here.close()
    await there.close()
