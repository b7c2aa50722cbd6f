"""Endpoints that fail: the reply ends with one clear sentence, and *Retry* works."""

from __future__ import annotations

import pytest

from chat.tests.live.client import client
from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import SHORT, UNKNOWN, Server, free_port
from fake_endpoint import FakeEndpoint, expected_text

pytestmark = pytest.mark.asyncio

KEY = "the-key-of-the-tests"
SAID = "Hello, wörld 👍"


def _is_one_sentence(message: str) -> bool:
    return (
        message.endswith(".") and "\n" not in message and "<" not in message and len(message) < 200
    )


@pytest.mark.parametrize(
    ("model", "code"),
    [
        ("status?code=401", "refused_key"),
        (UNKNOWN, "unknown_model"),
        ("status?code=429&after=7", "rate_limited"),
        ("status?code=500", "upstream_error"),
        ("status?code=502&html=1", "upstream_error"),
        ("html", "bad_response"),
        ("closes?reset=1", "connection_lost"),
        ("not-http", "bad_response"),
        ("empty", "empty_response"),
        ("error?text=0", "upstream_error"),
    ],
)
async def test_failure_before_any_text_says_why_and_can_be_retried(
    site: Server, model: str, code: str
) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        accepted = await page.send("Tell me", model)
        reply = accepted["reply"]
        end, text = await page.end(reply)
        assert (end["status"], text) == ("failed", "")
        assert end["error"]["code"] == code
        assert _is_one_sentence(end["error"]["message"])
        row = site.database.reply(reply)
        assert KEY not in row["error_detail"]
        assert "Tell me" not in row["error_detail"]
        await page.go_on(reply, SHORT)
        end, text = await page.end(reply)
        assert (end["status"], end["error"], end["attempt"]) == ("complete", None, 2)
        assert text == expected_text(SHORT)
    assert len(site.database.messages(alice)) == 2
    assert KEY not in site.log


@pytest.mark.parametrize("model", ["no-finish", "cut", "reset", "bad-json", "error"])
async def test_early_end_is_interrupted_and_can_be_continued(site: Server, model: str) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as page:
        reply = (await page.send("Tell me", model))["reply"]
        end, text = await page.end(reply)
        assert (end["status"], text) == ("interrupted", SAID)
        assert _is_one_sentence(end["error"]["message"])
        await page.go_on(reply, SHORT)
        end, text = await page.end(reply)
        assert end["status"] == "complete"
        assert text == SAID + expected_text(SHORT)


async def test_endpoint_that_is_down_fails_and_works_once_it_is_up(make_server: MakeServer) -> None:
    port = free_port()
    server = make_server(upstream_url=f"http://127.0.0.1:{port}/v1")
    server.start()
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        reply = (await page.send("Anybody there?", SHORT))["reply"]
        end, _ = await page.end(reply)
        assert (end["status"], end["error"]["code"]) == ("failed", "unreachable")
        assert _is_one_sentence(end["error"]["message"])
        async with FakeEndpoint(port=port):
            await page.go_on(reply)
            end, text = await page.end(reply)
        assert (end["status"], text) == ("complete", expected_text(SHORT))


async def test_server_without_a_model_says_so(make_server: MakeServer) -> None:
    server = make_server(upstream_url="", OPENAI_API_KEY="", CHAT_MODEL="")
    server.start()
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        error = await page.refused(
            "send",
            id="7e6ff2d4-4a3b-4c6e-9d7e-1f2a3b4c5d6e",
            conversation=None,
            parent=None,
            text="Hello",
        )
        assert (error["code"], error["field"]) == ("no_model", "model")
    assert server.database.messages(alice) == []
