"""docs/fake-endpoint.md: its commands are run, its settings are used, its table is complete."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chat.tests.live.client import client
from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import ROOT, free_port
from fake_endpoint import expected_text
from fake_endpoint.__main__ import table

DOCUMENT = (ROOT / "docs" / "fake-endpoint.md").read_text()
START, *ASKS = re.findall(r"^    (\S.*)$", re.sub(r"(?ms)^```.*?^```", "", DOCUMENT), re.MULTILINE)
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def run(command: str, cwd: Path = ROOT) -> str:
    done = subprocess.run(["sh", "-c", command], cwd=cwd, capture_output=True, check=True)
    return done.stdout.decode()


@contextmanager
def started(port: int) -> Iterator[str]:
    """The endpoint, started as the document says, on this port; gives its base URL."""
    command = "exec " + START.replace("9000", str(port))
    environment = os.environ | {"PATH": PATH}
    with subprocess.Popen(
        ["sh", "-c", command], cwd=ROOT, env=environment, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()
    assert process.returncode == 0


def test_every_command_does_what_it_says() -> None:
    port = free_port()
    with started(port) as url:
        assert url == f"http://127.0.0.1:{port}/v1"
        said = [run(command.replace("9000", str(port))) for command in ASKS]
    models, reply, played, forgotten, *lists = said
    assert len(json.loads(models)["data"]) > 50
    assert reply.endswith("data: [DONE]\n\n")
    assert len(json.loads(played)["requests"]) == 1
    assert json.loads(forgotten)["requests"] == []
    assert len(lists) == 3


@pytest.mark.asyncio
async def test_parley_talks_to_it_with_the_settings(make_server: MakeServer) -> None:
    (block,) = re.findall(r"```ini\n(.*?)```", DOCUMENT, re.DOTALL)
    settings = dict(line.split("=", 1) for line in block.splitlines())
    port = free_port()
    with started(port):
        settings["OPENAI_BASE_URL"] = settings["OPENAI_BASE_URL"].replace("9000", str(port))
        server = make_server(**settings)
        server.start()
        model, *_ = settings["CHAT_MODEL"].split(",")
        async with client(server, server.database.add_person("alice")) as page:
            reply = (await page.send("Tell me", model))["reply"]
            assert (await page.end(reply))[1] == expected_text(model)


def test_the_example_in_python_runs(tmp_path: Path) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    (tmp_path / "example.py").write_text(block)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "example.py"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=60)


def test_the_table_has_every_model() -> None:
    assert DOCUMENT.endswith(f"\n{table()}\n")


def test_it_needs_nothing_that_is_installed() -> None:
    command = [sys.executable, "-S", "-m", "fake_endpoint", "--models"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    assert done.stdout == f"{table()}\n"
