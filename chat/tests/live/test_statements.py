"""Cost of a message on SQLite, in statements that a running server sends."""

from __future__ import annotations

from pathlib import Path

import pytest

from chat.tests.live.client import client
from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import SLOW
from chat.tests.live.statements import QUIET, lengthen, life

pytestmark = pytest.mark.asyncio

MOST = 19
"""From the send to the end, with one checkpoint."""


async def test_a_message_takes_few_statements_in_a_conversation_of_any_length(
    make_server: MakeServer, tmp_path: Path
) -> None:
    file = tmp_path / "statements"
    server = make_server(STATEMENTS=str(file), **QUIET)
    server.application = "chat.tests.live.counted:application"
    server.start()
    at = 0

    def read() -> list[str]:
        nonlocal at
        with file.open() as lines:
            lines.seek(at)
            found = lines.read()
            at = lines.tell()
        return found.splitlines()

    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        first = await page.send("Hello", SLOW)
        await page.end(first["reply"])
        _, second = await life(page, read, SLOW, first)
        short, third = await life(page, read, SLOW, second)
        last = lengthen(server.database, third["reply"], 2000)
        long, _ = await life(page, read, SLOW, third | {"reply": last})
    assert sorted(short) == sorted(long)
    assert 10 < len(short) <= MOST, "\n".join(short)
