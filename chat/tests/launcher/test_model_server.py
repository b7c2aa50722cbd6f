"""The embedded model, for real: real weights, real server."""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from launcher.model_server import MODEL, weights

ROOT = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-m", "launcher.model_server"]
SECONDS = 60

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(weights() is None, reason="the embedded model is not installed"),
]


def start(command: list[str]) -> tuple[subprocess.Popen[str], str]:
    """The process, and the base URL that the server prints once it answers."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith(f"{MODEL} on http://127.0.0.1:"), line
    return process, line.split()[-1]


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    process, url = start(COMMAND)
    yield url
    process.terminate()
    assert process.wait(SECONDS) == 0


def post(base_url: str, **body: Any) -> Any:
    request = urllib.request.Request(
        f"{base_url}/chat/completions",
        json.dumps({"model": MODEL, "temperature": 0, **body}).encode(),
        {"Content-Type": "application/json"},
    )
    return urllib.request.urlopen(request, timeout=SECONDS)


def streamed(base_url: str, messages: list[dict[str, str]], **body: Any) -> tuple[str, str | None]:
    """The text of the deltas and the finish reason."""
    text, finish = "", None
    with post(base_url, messages=messages, stream=True, **body) as response:
        for line in response:
            if line.startswith(b"data: {"):
                choice = json.loads(line[6:])["choices"][0]
                text += choice["delta"].get("content") or ""
                finish = choice["finish_reason"] or finish
    return text, finish


def test_it_lists_its_one_model(base_url: str) -> None:
    with urllib.request.urlopen(f"{base_url}/models", timeout=SECONDS) as response:
        assert [model["id"] for model in json.load(response)["data"]] == [MODEL]


def test_a_trailing_assistant_message_is_continued_not_answered(base_url: str) -> None:
    messages = [
        {"role": "user", "content": "What is the capital of France?"},
        {"role": "assistant", "content": "The capital of France is"},
    ]
    text, finish = streamed(base_url, messages, max_tokens=30)

    assert text.startswith(" Paris")
    assert finish == "stop"


def test_a_conversation_that_is_too_long_is_refused_with_its_size(base_url: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        post(base_url, messages=[{"role": "user", "content": "hello " * 9000}])

    assert refusal.value.code == 400
    assert json.load(refusal.value)["error"]["type"] == "exceed_context_size_error"


def test_prompts_of_others_are_not_shown(base_url: str) -> None:
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(base_url.removesuffix("/v1") + "/slots", timeout=SECONDS)


def test_it_ends_with_the_process_that_started_it() -> None:
    shell, url = start(["sh", "-c", f"{' '.join(COMMAND)} & wait"])
    children = psutil.Process(shell.pid).children()
    shell.kill()
    shell.wait(SECONDS)

    assert psutil.wait_procs(children, SECONDS)[1] == []
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{url}/models", timeout=SECONDS)


def test_ctrl_c_ends_it_in_the_middle_of_a_reply() -> None:
    process, url = start(COMMAND)
    try:
        with post(
            url, messages=[{"role": "user", "content": "Tell a story."}], stream=True
        ) as reply:
            reply.readline()
            asked = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.wait(SECONDS) == 0
            assert time.monotonic() - asked < 5
    finally:
        process.kill()
