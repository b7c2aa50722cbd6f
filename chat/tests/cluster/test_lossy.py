"""Messages between processes get lost, and clients do not read: nobody else notices."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import AsyncExitStack, closing

import pytest
from websockets.frames import Frame, Opcode

from chat.tests.cluster.cluster import Node, all_follow
from chat.tests.cluster.conftest import MakeCluster
from chat.tests.cluster.test_following import knows
from chat.tests.live.client import client, eventually
from chat.tests.live.database import Person
from chat.tests.live.server import ENDLESS, LONG, SHORT, THOUGHTS, Upstream
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio

TEXT = expected_text("words?n=240000&seed=3")
"""Many times what may be unacknowledged, and so long in the pieces that are played that a client
is cut off meanwhile: its close frame waits for a line that is full, until that is given up."""
SPLITS = list(range(0, len(TEXT), 1000))[1:]


async def test_lost_repeated_and_late_messages_cost_no_text_and_no_command(
    make_cluster: MakeCluster,
) -> None:
    lossy = {"DJANGO_SETTINGS_MODULE": "chat.tests.cluster.lossy", "LOSSY_SEED": "7"}
    cluster = make_cluster(2, **lossy)
    rows, (one, two) = cluster.database, cluster.webs
    alice = rows.add_person("alice")
    async with client(one, alice) as here, client(two, alice) as there:
        whole = [await page.send("Tell me", LONG) for page in (here, there)]
        whole.append(await here.send("Think", THOUGHTS))
        await all_follow([here, there], *(item["reply"] for item in whole[:2]))
        await there.follow(whole[2]["reply"])
        for item in whole[:2]:
            for page in (here, there):
                end, text = await page.end(item["reply"])
                assert (end["status"], end["attempt"], text) == ("complete", 1, expected_text(LONG))
        for page in (here, there):
            assert (await page.end(whole[2]["reply"]))[0]["status"] == "complete"
        thoughts = {page.shown[whole[2]["reply"]].reasoning for page in (here, there)}
        assert len(thoughts) == 1

        # Nothing is said twice: a command is one line, and waits for a row at most.
        stopped = []
        for teller, listener in ((here, there), (there, here)):
            item = await teller.send("Tell me", ENDLESS)
            stopped.append(item)
            await all_follow([listener], item["reply"], length=20)
            await listener.say("stop", reply=item["reply"])
            for page in (teller, listener):
                end, text = await page.end(item["reply"])
                assert (end["status"], text) == ("stopped", rows.text(item["reply"]))
        path = f"/api/v1/conversations/{whole[0]['conversation']}"
        for number, node in enumerate((one, two)):
            status, _ = await asyncio.to_thread(
                node.ask, alice, "PATCH", path, {"title": f"River {number}"}
            )
            assert status == 200
            for page in (here, there):
                await knows(page, rows.counter(alice))
        for teller, node in ((here, two), (there, one)):
            item = await teller.send("And more", ENDLESS)
            await all_follow([here, there], item["reply"], length=10)
            path = f"/api/v1/conversations/{item['conversation']}"
            assert (await asyncio.to_thread(node.ask, alice, "DELETE", path))[0] == 204
            for page in (here, there):
                await page.get("error", reply=item["reply"], code="not_found")
        await eventually(lambda: not sum(n.metric("parley_replies_live") for n in cluster.webs))
    assert sum(node.metric("parley_gaps_healed_total") for node in cluster.webs) > 0
    await cluster.holds(*whole, *stopped)


def deaf(node: Node, person: Person, reply: str) -> socket.socket:
    """A connection that follows this reply, and from then on never reads."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", node.port))
    lines = ["GET /ws/chat/ HTTP/1.1", f"Host: 127.0.0.1:{node.port}", f"Origin: {node.origin}"]
    lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Cookie: {person.cookie}", "", ""]
    connection.sendall("\r\n".join(lines).encode())
    assert b" 101 " in connection.recv(4096)
    follow = json.dumps({"type": "follow", "reply": reply}).encode()
    connection.sendall(Frame(Opcode.TEXT, follow).serialize(mask=True))
    return connection


async def test_client_that_never_reads_is_closed_where_it_is_and_disturbs_nobody(
    make_cluster: MakeCluster, upstream: Upstream
) -> None:
    quick = {"SLOW_CLIENT_SECONDS": "1", "SESSION_CHECK_SECONDS": "0.3", "LOG_LEVEL": "INFO"}
    quick["REPLY_BYTES"] = str(8 * 1024 * 1024)
    cluster = make_cluster(1, **quick)
    cluster.add(1, 0, WORKERS="separate", **quick)  # so that the first one produces all
    (one, two), valkey = cluster.webs, cluster.valkey
    assert valkey is not None
    alice, bob = cluster.database.add_person("alice"), cluster.database.add_person("bob")
    async with AsyncExitStack() as stack:
        writer = await stack.enter_async_context(client(one, alice))
        other = await stack.enter_async_context(client(two, bob))
        upstream.play(TEXT, splits=SPLITS, rate=60)
        long = await writer.send("Everything", SHORT)
        await writer.has(long["reply"], 1000)
        his = await other.send("Mine", ENDLESS)
        group = f"reply.{long['reply'].replace('-', '')}"

        def is_copied() -> bool:
            return any(group in name for name in valkey.groups())

        stack.enter_context(closing(deaf(two, alice, long["reply"])))
        await eventually(is_copied)
        assert two.metric("parley_sockets") == 2
        length = len(await other.has(his["reply"], 20))
        await eventually(lambda: two.metric("parley_sockets") == 1)
        await eventually(lambda: not is_copied())
        assert two.metric("parley_replies_followed") == 1
        assert two.metric("parley_followers") == 1
        assert writer.shown[long["reply"]].end is None  # all that while it is written
        # Who does not even answer a close frame is cut off: only the log tells the code.
        (line,) = (line for line in two.log.splitlines() if "socket closed" in line)
        assert "4408" in line
        # Others of that process have had theirs as it was written.
        shown = other.shown[his["reply"]]
        assert len(shown.text) > length + 100
        deltas = [frame for frame in other.of("delta") if frame["reply"] == his["reply"]]
        assert max(len(frame["text"]) for frame in deltas) < 200
        for page, item in ((writer, long), (other, his)):
            await page.say("stop", reply=item["reply"])
            end, text = await page.end(item["reply"])
            assert (end["status"], text) == ("stopped", cluster.database.text(item["reply"]))
        assert TEXT.startswith(writer.shown[long["reply"]].text)
    await cluster.holds(long, his)
