"""*Continue* by each endpoint's own convention, and in words where its model refuses that."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from chat.tests.live.client import Client, client
from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import Server, Upstream
from fake_endpoint import expected_text

pytestmark = pytest.mark.asyncio

WORDS = "n=120&rate=60&seed=2"


@pytest.fixture
def server(make_server: MakeServer, upstream: Upstream) -> Server:
    """One endpoint for each convention, all of them the fake one."""
    named = {"ENDPOINTS": "plain,vllm,flag"}
    for name in ("plain", "vllm", "flag"):
        models = f"continues?by={name}&{WORDS},refuses?setting=prefix"
        named |= {
            f"ENDPOINT_{name.upper()}_URL": upstream.url,
            f"ENDPOINT_{name.upper()}_PREFIX": name,
            f"ENDPOINT_{name.upper()}_MODELS": models,
        }
    server = make_server(**named)
    server.start()
    return server


async def _send(page: Client, about: str, model: str) -> str:
    fields: dict[str, Any] = {"id": str(uuid4()), "conversation": None, "parent": None}
    accepted = await page.ask("accepted", "send", **fields, text=about, model=model)
    return str(accepted["reply"])


async def _stop(page: Client, reply: str, length: int) -> str:
    await page.has(reply, length)
    await page.say("stop", reply=reply)
    _, kept = await page.end(reply)
    return kept


@pytest.mark.parametrize("convention", ["plain", "vllm", "flag"])
async def test_a_cut_text_goes_on_by_the_endpoints_convention(
    server: Server, upstream: Upstream, convention: str
) -> None:
    alice, about = server.database.add_person("alice"), f"Go on {uuid4()}"
    model = f"continues?by={convention}&{WORDS}"
    async with client(server, alice) as page:
        reply = await _send(page, about, f"{convention}/{model}")
        kept = await _stop(page, reply, 40)
        await page.go_on(reply)
        end, text = await page.end(reply)
        assert (end["status"], end["attempt"]) == ("complete", 2)
        assert page.shown[reply].snapshots[-1]["text"].startswith(kept)
    assert text == expected_text(model)
    _, second = upstream.requests(about)
    last = second["body"]["messages"][-1]
    assert (last["role"], last["content"]) == ("assistant", kept.rstrip())
    assert last.get("prefix") is (True if convention == "flag" else None)
    assert second["body"].get("continue_final_message") is (True if convention == "vllm" else None)


async def test_a_model_that_refuses_a_prefix_is_told_to_go_on(
    server: Server, upstream: Upstream
) -> None:
    alice, about = server.database.add_person("alice"), f"Refuse {uuid4()}"
    async with client(server, alice) as page:
        reply = await _send(page, about, f"flag/continues?by=flag&{WORDS}")
        kept = await _stop(page, reply, 40)
        page.shown[reply].end = None
        fields = {"id": str(uuid4()), "reply": reply, "model": "flag/refuses?setting=prefix"}
        await page.ask("accepted", "continue", **fields)
        end, text = await page.end(reply)
        assert (end["status"], end["attempt"]) == ("complete", 2)
        assert text.startswith(kept)
    _, refused, asked = upstream.requests(about)
    assert refused["body"]["messages"][-1]["prefix"] is True
    *_, half, instruction = asked["body"]["messages"]
    assert half == {"role": "assistant", "content": kept}
    assert instruction["content"].startswith("Continue")
    (attempt,) = server.database.rows("SELECT tries FROM chat_attempt WHERE number = 2")
    assert "refused_setting" in attempt["tries"]
