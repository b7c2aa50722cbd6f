"""Postgres on a full disk: told by replies, calls, the log and monitors, as with SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import openai
import pytest
from openai import AsyncOpenAI

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


async def test_running_calls_of_v1_end_with_an_error_and_disturb_no_reply(pair: Cluster) -> None:
    """Waiting and streaming: what they asked for is stored whole once there is room."""
    node, rows, whole = pair.webs[0], pair.database, expected_text(SLOW)
    alice = rows.add_person("alice")
    bob = rows.add_person("bob")
    key = rows.add_token(alice, "chat")
    async with (
        client(node, bob) as page,
        AsyncOpenAI(base_url=f"{node.origin}/v1", api_key=key, max_retries=0) as sdk,
    ):

        async def ask(text: str, **more: Any) -> Any:
            said: Any = [{"role": "user", "content": text}]
            return await sdk.chat.completions.create(model=SLOW, messages=said, **more)

        async def read(stream: Any, texts: list[str], enough: int | None = None) -> None:
            async for chunk in stream:
                texts.append(chunk.choices[0].delta.content or "")
                if enough is not None and len("".join(texts)) >= enough:
                    return

        reply = (await page.send("Tell me", SLOW))["reply"]
        waiting = asyncio.create_task(ask("Tell me"))
        stream, texts = await ask("And me", stream=True), list[str]()
        await read(stream, texts, 20)
        await page.has(reply, 20)
        with full_disk(pair):
            with pytest.raises(openai.APIError, match=FULL) as ended:
                await read(stream, texts)
            assert ended.value.code == "unavailable"
            assert "".join(texts) == whole
            with pytest.raises(openai.InternalServerError, match=FULL) as refused:
                await waiting
            assert (refused.value.status_code, refused.value.code) == (503, "unavailable")
            # What nobody's call waits for goes on, and is shown to its end.
            await page.has(reply, len(whole))
            assert page.shown[reply].end is None
        end, text = await page.end(reply)
        assert (end["status"], end["attempt"], text) == ("complete", 1, whole)
        replies = [row for row in rows.messages(alice) if row["role"] == "assistant"]
        uids = [str(UUID(str(row["uid"]))) for row in replies]
        await eventually(lambda: {rows.reply(one)["status"] for one in uids} == {"complete"})
        assert [rows.text(one) for one in uids] == [whole, whole]
        again = await ask("And now?")
        assert again.choices[0].message.content == whole
    assert all(one.running for one in pair.webs)
