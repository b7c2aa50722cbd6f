"""The examples of docs/clients.md, run as they are printed there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import LONG, ROOT, SHORT, Server
from fake_endpoint import expected_text

EXAMPLES = ROOT / "examples"
DOCUMENT = (ROOT / "docs" / "clients.md").read_text()
COMMANDS = re.findall(r"^    ((?:python|node|sh) .*)$", DOCUMENT, re.MULTILINE)


def printed(example: str) -> list[str]:
    """The command that the document has for this example, as words."""
    (command,) = (line for line in COMMANDS if f"examples/{example}" in line)
    return shlex.split(command)


def environment(server: Server) -> dict[str, str]:
    alice = server.database.add_person("alice")
    token = server.database.add_token(alice, "chat", "read")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "PARLEY_URL": server.origin, "PARLEY_TOKEN": token}


def run(command: list[str], server: Server, cwd: Path = ROOT, **variables: str) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment(server) | variables,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_every_example_is_in_the_document() -> None:
    files = {path.name for path in EXAMPLES.iterdir() if path.is_file()}
    assert files == set(re.findall(r"\]\(\.\./examples/([^)]+)\)", DOCUMENT))


def test_openai_python(site: Server) -> None:
    said = run(printed("openai_python.py"), site)
    assert said.count(expected_text(SHORT)) == 2
    assert said.count(" tokens)") == 2


def test_openai_node(site: Server, node_with_openai: tuple[str, Path], tmp_path: Path) -> None:
    node, modules = node_with_openai
    (tmp_path / "examples").mkdir()
    shutil.copy(EXAMPLES / "openai_node.mjs", tmp_path / "examples")
    (tmp_path / "node_modules").symlink_to(modules)  # what `npm install openai` makes
    path = os.pathsep.join([str(Path(node).parent), os.environ["PATH"]])
    said = run(printed("openai_node.mjs"), site, tmp_path, PATH=path)
    assert said.count(expected_text(SHORT)) == 2


def test_curl(site: Server) -> None:
    said = run(printed("curl.sh"), site)
    text = expected_text(SHORT)
    # Read whole over NDJSON, and from its third character on, and whole as server-sent events.
    assert said.count('"type":"end"') == 3
    assert said.count('"type":"accepted"') == 1
    assert "event-stream" not in said
    assert "data: [DONE]" in said
    assert text.split()[0] in said


def test_websocket_client_survives_a_restart(make_server: MakeServer) -> None:
    server = make_server(CHAT_MODEL=LONG)
    server.start()
    alice = server.database.add_person("alice", password="correct horse")
    program, script, *_ = printed("websocket_client.py")
    process = subprocess.Popen(
        [program, "-u", script, server.origin, alice.name, "correct horse", "Tell me"],
        cwd=ROOT,
        env=environment(server),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not any(message["attempt"] for message in server.database.messages(alice)):
            assert time.monotonic() < deadline, server.log
            time.sleep(0.05)
        assert process.stdout is not None
        assert process.stdout.read(200)
        server.kill()
        server.start()
        rest, problems = process.communicate(timeout=90)
    finally:
        process.kill()
    text = expected_text(LONG)
    assert "the connection is lost" in problems
    assert rest.endswith(f"{text}\n(complete, {len(text)} characters)\n")
    assert process.returncode == 0


@pytest.mark.parametrize("page", ["eventsource.html", "fetch.html"])
def test_pages_are_short(page: str) -> None:
    assert len((EXAMPLES / page).read_text().splitlines()) <= {"eventsource.html": 40}.get(page, 55)
