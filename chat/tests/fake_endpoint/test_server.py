"""The fake endpoint itself: run as a process, told what to play, asked what it saw."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from chat.tests.upstream.conftest import Connect, read
from fake_endpoint import SCENARIOS, FakeEndpoint, expected_text
from fake_endpoint.scenarios import parse_model

ROOT = Path(__file__).resolve().parents[3]


def ask(url: str, body: Any = None) -> bytes:
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(url, data)) as answer:
        return bytes(answer.read())


def test_as_a_process_it_says_where_it_is_and_does_what_it_is_told() -> None:
    command = [sys.executable, "-m", "fake_endpoint", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
            assert said["pid"] == process.pid
            control = said["url"].removesuffix("/v1") + "/control"
            ask(control, {"text": "żółw 👍", "splits": [2]})
            chat = f"{said['url']}/chat/completions"
            stream = ask(chat, {"model": "any", "messages": []}).decode()
            assert '"content": "żó"' in stream
            assert '"content": "łw 👍"' in stream
            state = json.loads(ask(control))
            assert state["open"] == 0
            assert [r["body"]["model"] for r in state["requests"]] == ["any"]
            assert json.loads(ask(control, {"forget": True}))["requests"] == []
            assert state["requests"][0]["path"] == "/v1/chat/completions"
            assert state["requests"][0]["headers"]["host"] in control
            azure = control.replace("/control", "/a/b/chat/completions?api-version=1")
            ask(azure, {"model": "words?n=1", "messages": []})
            (request,) = json.loads(ask(control))["requests"]
            assert request["path"] == "/a/b/chat/completions?api-version=1"
            wanted = {"ids": ["x"], "shape": "names", "at": "/a/models"}
            ask(control, {"models": wanted})
            assert json.loads(ask(control.replace("/control", "/a/models"))) == ["x"]
            assert [r["path"] for r in json.loads(ask(control))["models"]] == ["/a/models"]
            models = json.loads(ask(f"{said['url']}/models"))["data"]
            assert {m["id"] for m in models} == set(SCENARIOS)
        finally:
            process.terminate()
    assert process.returncode == 0


def test_the_expected_text_is_the_same_everywhere_and_hard() -> None:
    text = expected_text("words?n=500&seed=2")
    assert text == expected_text("words?seed=2&n=500&rate=50")
    assert text != expected_text("words?n=500&seed=3")
    assert text.startswith(expected_text("words?n=499&seed=2"))
    assert any(ord(c) > 0xFFFF for c in text)
    assert "\u0301" in text
    assert "\u200d" in text
    assert parse_model("words?n=5&rate=50") == ("words", {"n": "5", "rate": "50"})


@pytest.mark.asyncio
async def test_it_keeps_its_rate(upstream: FakeEndpoint, connect: Connect) -> None:
    await read(connect(), "words?n=30&rate=100")
    (request,) = upstream.chats
    assert request.ended is not None
    assert 0.29 <= request.ended - request.started < 3
    # Head, role, 30 tokens, finish, usage, [DONE], the end of the body.
    assert request.packets == 36


def test_the_upstream_side_needs_no_django() -> None:
    code = "import sys, chat.upstream; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
