"""OpenAI's SDK for Node, unmodified, on a running server."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from chat.tests.live.client import eventually
from chat.tests.live.database import Person
from chat.tests.live.server import ENDLESS, SHORT, Server
from fake_endpoint import expected_text

TEXT = expected_text(SHORT)


@pytest.fixture(scope="module")
def node(site: Server, node_with_openai: tuple[str, Path]) -> tuple[dict[str, Any], Person]:
    """The values it read and threw, and the owner of its token."""
    person = site.database.add_person("alice")
    program, modules = node_with_openai
    script = modules.parent / "try_openai.mjs"
    key = site.database.add_token(person, "chat", "read")
    done = subprocess.run(
        [program, str(script), f"{site.origin}/v1", key, SHORT, ENDLESS],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), person


def test_node_lists_models_and_finds_one(node: tuple[dict[str, Any], Person]) -> None:
    found, _ = node
    assert f"openai/{SHORT}" in found["models"]
    assert found["model"] == f"openai/{SHORT}"


def test_node_reads_completions_and_streams(node: tuple[dict[str, Any], Person]) -> None:
    found, _ = node
    assert found["whole"]["message"]["content"] == TEXT
    assert found["whole"]["finish_reason"] == found["reason"] == "stop"
    assert found["streamed"] == found["collected"] == TEXT
    assert found["usage"]["total_tokens"] == found["streamedUsage"]["total_tokens"] == 47


def test_node_lists_stored_calls_and_fetches_one(node: tuple[dict[str, Any], Person]) -> None:
    found, _ = node
    assert (found["listed"], found["fetched"]) == ([True], TEXT)


def test_node_deletes_a_stored_call(node: tuple[dict[str, Any], Person]) -> None:
    found, _ = node
    told = {"object": "chat.completion.deleted", "id": found["goneId"], "deleted": True}
    assert found["deleted"] == told
    assert (found["gone"]["name"], found["gone"]["code"]) == ("NotFoundError", "not_found")


def test_nodes_calls_go_on_with_one_conversation(
    node: tuple[dict[str, Any], Person], site: Server
) -> None:
    _, person = node
    # Two that go on, one alone, the one that was left, and those that failed.
    assert site.database.counts_of_calls(person)[:3] == [4, 2, 2]


def test_node_leaving_is_stop(node: tuple[dict[str, Any], Person], site: Server) -> None:
    _, person = node
    found = site.database.messages(person)
    at = next(at for at, message in enumerate(found) if message["text"] == "Leave")
    reply = found[at + 1]["id"]
    sql = "SELECT status FROM chat_message WHERE id = ?"
    look = eventually(lambda: site.database.rows(sql, reply)[0]["status"] == "stopped", "stopped")
    asyncio.run(look)


def test_node_throws_its_own_errors(node: tuple[dict[str, Any], Person]) -> None:
    errors = node[0]["errors"]
    assert {what: (error["name"], error.get("status")) for what, error in errors.items()} == {
        "token": ("AuthenticationError", 401),
        "model": ("NotFoundError", 404),
        "image": ("BadRequestError", 400),
        "busy": ("RateLimitError", 429),
        "later": ("APIError", None),
    }
    assert errors["token"]["code"] == "invalid_api_key"
    assert errors["model"]["code"] == "model_not_found"
    assert errors["image"]["param"] == "messages.0.content.0"
    assert errors["busy"]["code"] == "rate_limit_exceeded"
    assert errors["later"]["code"] == "connection_lost"
