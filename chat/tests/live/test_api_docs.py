"""docs/api.md: every route has its line there, and each line works as printed."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from chat.api import api
from chat.api.document import document
from chat.models.tokens import Scope
from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import ROOT, SHORT, SLOW, Server

TEXT = (ROOT / "docs" / "api.md").read_text()
LINES = re.findall(r"^    (curl .*)$", TEXT, re.MULTILINE)
SETUP = """
API=$PARLEY_URL/api/v1
AUTH="Authorization: Bearer $PARLEY_TOKEN"
uuidgen() { python -c 'import uuid; print(uuid.uuid4())'; }
"""
ENDS_EARLY = "ends?reason=length"


def test_every_route_is_in_the_document() -> None:
    shown = set()
    for line in LINES:
        words = shlex.split(re.sub(r"\$\(\w+\)", "ID", line))
        (address,) = (word for word in words if word.startswith("$API/"))
        route = re.sub(r"\$[A-Z]+", "{uid}", address.removeprefix("$API").partition("?")[0])
        method = words[words.index("-X") + 1] if "-X" in words else ""
        shown.add((method or ("POST" if "--json" in words else "GET"), route))
    routes = {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, methods in document(api, "/api/v1/")["paths"].items()
        for method in methods
    }
    assert shown == routes


class Shell:
    """Runs lines of the document; what they name stands in variables."""

    def __init__(self, server: Server, directory: Path) -> None:
        alice = server.database.add_person("alice")
        self.server, self.alice = server, alice
        self.directory = directory
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self.variables = {"PATH": path, "PARLEY_URL": server.origin}
        self.variables["PARLEY_TOKEN"] = server.database.add_token(alice, *Scope.values)

    def send(self, model: str, *, twice: bool = False) -> None:
        """A conversation to work on: its ids become the variables of the document."""
        body = {"text": "Hi", "conversation": None, "parent": None, "model": f"openai/{model}"}
        ids = self.accepted(body)
        names = {"CHAT": "conversation", "MESSAGE": "message", "REPLY": "reply"}
        self.variables |= {name: ids[key] for name, key in names.items()}
        folder = {"id": str(uuid4()), "name": "Home"}
        _, made = self.server.ask(self.alice, "POST", "/api/v1/folders", folder)
        self.variables["FOLDER"] = made["folder"]["id"]
        if twice:
            body |= {"conversation": ids["conversation"], "parent": ids["reply"]}
            self.variables["WAITING"] = self.accepted(body)["message"]

    def until_the_reply_has_ended(self) -> None:
        """A branch and feedback want one that has."""
        while self.server.database.reply(self.variables["REPLY"])["ended"] is None:
            time.sleep(0.05)

    def accepted(self, body: dict[str, Any]) -> dict[str, str]:
        body = {"id": str(uuid4())} | body
        status, told = self.server.ask(self.alice, "POST", "/api/v1/messages", body)
        assert status == 202
        found: dict[str, str] = told
        return found

    def run(self, line: str) -> str:
        """The answer's status; a 4xx fails the line."""
        done = subprocess.run(
            ["bash", "-c", f"{SETUP}\n{line} -sS --fail-with-body -w '\\n%{{http_code}}'"],
            cwd=self.directory,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}"
        return done.stdout.rpartition("\n")[2]


def lines_with(text: str) -> list[str]:
    return [line for line in LINES if text in line]


def test_every_line_works_as_printed(make_server: MakeServer, tmp_path: Path) -> None:
    server = make_server()
    server.start()
    # Two want what others do away with: a message that waits, a reply that ended too early.
    waits, goes_on = lines_with("$WAITING"), lines_with("/continue")
    deletes = lines_with("-X DELETE $API/conversations/$CHAT")
    shell = Shell(server, tmp_path)
    shell.send(SLOW, twice=True)
    statuses = {shell.run(line) for line in waits}
    shell.send(ENDS_EARLY)
    statuses |= {shell.run(line) for line in [*lines_with("/events"), *goes_on]}
    files = tmp_path / "files"
    files.mkdir()
    shell = Shell(server, files)
    shell.send(SHORT)
    shell.until_the_reply_has_ended()
    apart = {*waits, *goes_on, *deletes}
    statuses |= {shell.run(line) for line in LINES if line not in apart}
    statuses |= {shell.run(line) for line in deletes}
    assert statuses == {"200", "201", "202", "204"}
    assert {path.suffix for path in files.iterdir()} == {".json", ".md"}
