"""Postgres on a full disk: told by replies, calls, the log and monitors, as with SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chat.tests.cluster.cluster import Cluster
from chat.tests.live.client import client, eventually
from chat.tests.live.disk import FULL, missing
from chat.tests.live.server import SHORT, SLOW
from chat.tests.live.test_openai_http import ask, body
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio

TABLES = ("chat_message", "chat_part", "chat_conversation", "chat_attempt")
REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100';
END $$
"""


@contextmanager
def full_disk(cluster: Cluster) -> Iterator[None]:
    """Let every change of messages fail as Postgres does when it cannot extend a file."""
    rows = cluster.database
    rows.change(REFUSE)
    for table in TABLES:
        rows.change(
            f"CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
    try:
        yield
    finally:
        rows.change("DROP FUNCTION refuse CASCADE")


async def test_reply_and_call_on_a_full_disk_say_so_until_there_is_room(pair: Cluster) -> None:
    node, rows, whole = pair.webs[0], pair.database, expected_text(SLOW)
    alice = rows.add_person("alice")
    token = rows.add_token(alice, "chat")
    async with client(node, alice) as page:
        accepted = await page.send("Tell me", SLOW)
        reply = accepted["reply"]
        await page.has(reply, 20)
        producer = await pair.producer(reply)
        with full_disk(pair):
            await page.get("status", reply=reply, status="running", reason="storage_full")
            await page.has(reply, len(whole))
            refused = await page.refused(
                "send", id="5f0c9b1e-3a52-4d2f-9a9b-7a1f0f6f1a02", conversation=None, parent=None,
                text="And this?", model=f"openai/{SHORT}",
            )  # fmt: skip
            assert (refused["code"], refused["message"][: len(FULL)]) == ("unavailable", FULL)
            status, told, _ = await ask(node, token, body("And this?"))
            assert (status, told["error"]["code"]) == (503, "unavailable")
            assert told["error"]["message"].startswith(FULL)
            await eventually(lambda: missing(producer).get("storage", "").startswith(FULL))
            assert page.shown[reply].end is None
        end, text = await page.end(reply)
        assert (end["status"], end["attempt"], text) == ("complete", 1, whole)
        again = await page.send(
            "And now?", SHORT, conversation=accepted["conversation"], parent=reply
        )
        assert (await page.end(again["reply"]))[0]["status"] == "complete"
    assert rows.text(reply) == whole
    assert [one.log.count(FULL) for one in {node, producer}] == [1] * len({node, producer})
