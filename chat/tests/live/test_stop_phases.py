"""Stop in each phase of a reply: it ends at once with what was shown, and lets the endpoint go."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from chat.tests.live.client import Client, Frame, Shown, client, eventually
from chat.tests.live.server import ENDLESS, HALF, Server, Upstream, fake_upstream
from fake_endpoint.faults import SHORT

pytestmark = pytest.mark.asyncio

THOUGHT = "Let me think about it. " * 400


@dataclass(frozen=True)
class Phase:
    """A phase of a reply at its stop, and the sign of that phase."""

    name: str
    model: str
    text: int = 0
    """Code points of the text that are waited for."""
    reasoning: int = 0
    packets: int = 0
    """Packets that the endpoint has sent by then."""
    plays: str = ""
    """The text of the endpoint in place of its scenario."""
    waits: bool = False
    open: bool = True
    """True if the endpoint has a connection open then."""

    def __str__(self) -> str:
        return self.name


PHASES = [
    Phase("before the head", "stall"),
    Phase("after the head", "stall?after=head", packets=1),
    Phase("after the role", "stall?after=role", packets=2),
    Phase("only comments", "keepalive", packets=5),
    Phase("within a refusal", "stalled-refusal", packets=1),
    Phase("waiting for the next try", "status?code=429&after=7", waits=True, open=False),
    Phase("mid-reasoning", ENDLESS, reasoning=40, plays=f"<think>{THOUGHT}</think>Done"),
    Phase("mid-text", ENDLESS, text=20),
    Phase("silence after text", HALF, text=len(SHORT)),
    Phase("comments after text", "keepalive?text=1", text=len(SHORT), packets=30),
    Phase("after the finish reason", "ends?hold=1", text=len(SHORT), packets=17),
]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Upstream]:
    """An endpoint for this module alone, which plays what it is told next."""
    with fake_upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def full() -> Iterator[str]:
    """An address whose kernel leaves connections unanswered: the backlog is taken."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, template: Path, endpoint: Upstream, full: str
) -> Iterator[Server]:
    """No limit of this server ends anything while these tests wait."""
    limits = dict.fromkeys(("CONNECT_TIMEOUT", "FIRST_TOKEN_TIMEOUT", "IDLE_TIMEOUT"), "600")
    server = Server(
        tmp_path_factory.mktemp("stop"),
        template,
        endpoint.url,
        CHAT_MODEL=",".join({phase.model: phase for phase in PHASES}),
        ENDPOINTS="full",
        ENDPOINT_FULL_URL=full,
        ENDPOINT_FULL_MODELS="any",
        UPSTREAM_TRIES="3",
        **limits,
    )
    server.start()
    yield server
    server.kill()
    assert "Traceback" not in server.log, server.log


async def _stop(page: Client, reply: str) -> Frame:
    mark = len(page.frames)
    await page.say("stop", reply=reply)
    return await page.get("end", after=mark, reply=reply)


async def _stopped(server: Server, page: Client, reply: str) -> dict[str, Any]:
    """The row, after what holds for all of them."""
    end, text = await page.end(reply)
    assert (end["status"], end["error"], end["finish_reason"]) == ("stopped", None, None)
    assert await _stop(page, reply) == end
    assert await _stop(page, reply) == end
    row = server.database.reply(reply)
    assert (row["status"], row["error_code"], row["error_message"]) == ("stopped", "", "")
    assert (row["text"], row["length"], row["sha256"]) == (text, len(text), end["sha256"])
    assert (row["owner_id"], row["reason"], row["retry_at"]) == (None, "", None)
    assert row["ended"] is not None
    parts = server.database.rows("SELECT id FROM chat_part WHERE reply_id = ?", row["id"])
    assert parts == []
    assert page.of("error") == []
    return row


def _request(endpoint: Upstream, about: str, packets: int) -> Callable[[], dict[str, Any] | None]:
    def ready() -> dict[str, Any] | None:
        for request in endpoint.requests(about):
            if request["packets"] >= packets:
                return request
        return None

    return ready


@pytest.mark.parametrize("phase", PHASES, ids=str)
async def test_stop_ends_it_and_closes_the_upstream(
    server: Server, endpoint: Upstream, phase: Phase
) -> None:
    alice, about = server.database.add_person("alice"), f"Stop me {uuid4()}"
    if phase.plays:
        endpoint.play(phase.plays, rate=100)
    async with client(server, alice) as page:
        reply = (await page.send(about, phase.model))["reply"]
        await eventually(_request(endpoint, about, phase.packets), f"{phase} at the endpoint")
        if phase.waits:
            await page.get("status", reply=reply, status="running", reason="retry")
        shown = page.shown.setdefault(reply, Shown())
        await page.until(
            lambda: (
                (len(shown.text) >= phase.text and len(shown.reasoning) >= phase.reasoning) or None
            ),
            phase.name,
        )
        assert endpoint.requests(about)[0]["open"] is phase.open
        text, reasoning = shown.text, shown.reasoning
        await _stop(page, reply)
        row = await _stopped(server, page, reply)
        assert row["text"].startswith(text)
        assert row["reasoning"].startswith(reasoning)
        assert bool(row["text"]) == bool(phase.text)
    # Nothing else would close it while this waits.
    closed = "closed_by_client" if phase.open else "ended"
    await eventually(lambda: endpoint.requests(about)[0][closed], "the endpoint is let go")
    assert len(endpoint.requests(about)) == 1


async def test_stop_while_connecting(server: Server) -> None:
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        sent = await page.ask(
            "accepted",
            "send",
            id=str(uuid4()),
            conversation=None,
            parent=None,
            text="Anybody?",
            model="full/any",
        )
        await page.get("status", reply=sent["reply"], status="running")
        await _stop(page, sent["reply"])
        await _stopped(server, page, sent["reply"])


async def test_stop_while_queued_asks_nobody(server: Server, endpoint: Upstream) -> None:
    alice, about = server.database.add_person("alice"), f"Never mind {uuid4()}"
    async with client(server, alice) as page:
        first = await page.send("Go on", HALF)
        await page.has(first["reply"], len(SHORT))
        chat, parent = first["conversation"], first["reply"]
        second = await page.send(about, HALF, conversation=chat, parent=parent)
        await page.get("status", reply=second["reply"], status="queued")
        await _stop(page, second["reply"])
        row = await _stopped(server, page, second["reply"])
        assert row["text"] == ""
        await _stop(page, first["reply"])
        await _stopped(server, page, first["reply"])
    assert endpoint.requests(about) == []
