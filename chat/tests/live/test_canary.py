"""Keys, header values and prompts are told to nobody: not by logs, error pages, frames or rows."""

from __future__ import annotations

import asyncio
import hashlib
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from chat.tests.live.client import client
from chat.tests.live.database import Person
from chat.tests.live.faults import (
    FAULTS,
    Seen,
    endpoints,
    failed,
    interrupted,
    play_all,
    retried,
)
from chat.tests.live.server import Server, Upstream

KEY = "sk-canary-1f0c7d2e9b4a5968"
HEADER = "canary-header-5d3e8a91c2"
SEALING = "canary-encryption-key-77b0e4d1"
STORED_KEY = "canary-stored-key-0a9f6b3c"
STORED_HEADER = "canary-stored-header-e2d41b"
TOKEN = "prl_canary-token-91b3d5f7a9c1e3b5d7f9a1c3e5b7d9f1"
PROMPT = "The canary of the Kontor: 4711 sacks of pepper\n请保守这个秘密不要告诉任何人四七一一"
SYSTEM = "You are the canary's own butler, number 0815.\nСекретное слово: канарейка"

SECRETS = [KEY, HEADER, SEALING, STORED_KEY, STORED_HEADER, TOKEN]
WORDS = ["canary", "Kontor", "sacks of pepper", "请保守这个秘密", "butler", "канарейка"]
"""Words that reveal a prompt or one of the secrets, in any quotation."""

STORED = [
    failed("stored, repeats secrets", "repeats-secrets", "bad_request", endpoint="stored"),
    retried("stored, page", "repeats-secrets?how=page", "upstream_error", endpoint="stored"),
    interrupted("stored, later", "repeats-secrets?how=stream", "upstream_error", endpoint="stored"),
]
"""The same from an endpoint of the database."""

TABLES = (
    "chat_apicall",
    "chat_attempt",
    "chat_conversation",
    "chat_counter",
    "chat_deletion",
    "chat_endpoint",
    "chat_message",
    "chat_offeredmodel",
    "chat_part",
    "chat_request",
    "chat_token",
)


def _told(text: str) -> list[str]:
    """The words that are in it, also as escapes of JSON."""
    escaped = [json.dumps(word)[1:-1] for word in WORDS]
    return [word for word in {*WORDS, *escaped} if word in text]


class Ran:
    """One server that went through everything, and what it said."""

    def __init__(self, server: Server, seen: dict[str, Seen], said: str) -> None:
        self.server = server
        self.seen = seen
        self.said = said
        """By the management commands."""
        self.pages: dict[str, tuple[int, str]] = {}
        """Method, address and missing table, to status and body."""
        self.frames: list[dict[str, Any]] = []
        self.log = ""


def _get(
    server: Server, who: Person | str, method: str, path: str, body: object
) -> tuple[int, str]:
    """The answer to a person with their cookie, or to a token."""
    headers = {"Content-Type": "application/json"}
    if isinstance(who, Person):
        cookies = f"{who.cookie}; csrftoken={'t' * 32}"
        headers |= {"Cookie": cookies, "X-CSRFToken": "t" * 32}
    else:
        headers["Authorization"] = f"Bearer {who}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.origin + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


async def _ask_wrongly(ran: Ran) -> None:
    """Cause refusals, which may not quote the refused text."""
    server = ran.server
    alice = server.database.add_person("alice")
    line = PROMPT.split("\n")[0]
    async with client(server, alice) as page:
        chat = (await page.send(PROMPT, "stall"))["conversation"]
        for said in (
            '{"type": "send", "text": "' + line,
            json.dumps({"type": "send", "text": PROMPT, "id": 5}),
            json.dumps({"type": "send", "text": [PROMPT]}),
            json.dumps({"type": line}),
            json.dumps({"type": "send", "text": PROMPT, "settings": {"system": [PROMPT]}}),
            json.dumps([PROMPT]),
        ):
            mark = len(page.frames)
            await page.raw(said)
            ran.frames.append(await page.get("error", after=mark))
    address = f"/api/v1/conversations/{chat}"
    for body in (
        {"title": PROMPT * 100},
        {"title": [PROMPT]},
        {"settings": {"system": [PROMPT]}},
        {"settings": {"system": PROMPT * 1000}},
        {"settings": {"temperature": PROMPT}},
        {"settings": PROMPT},
        PROMPT,
    ):
        found = await asyncio.to_thread(_get, server, alice, "PATCH", address, body)
        ran.pages[f"PATCH {json.dumps(body)[:60]}"] = found
        assert 400 <= found[0] < 500, found


async def _break_everything(ran: Ran, chat: str) -> None:
    """Each page and each frame with each table missing: errors that nobody foresaw."""
    server = ran.server
    carol = server.database.add_person("carol", staff=True, superuser=True)
    (row,) = server.database.rows(
        "SELECT id, owner_id FROM chat_conversation WHERE uid = ?", chat.replace("-", "")
    )
    server.database.change(
        "UPDATE chat_conversation SET owner_id = ? WHERE id = ?", carol.id, row["id"]
    )
    asked: list[tuple[str, str, object]] = [
        ("GET", "/", None),
        ("GET", "/api/v1/models", None),
        ("GET", "/api/v1/conversations", None),
        ("GET", f"/api/v1/conversations/{chat}", None),
        ("GET", f"/api/v1/conversations/{chat}/messages", None),
        ("PATCH", f"/api/v1/conversations/{chat}", {"settings": {"system": "Be brief."}}),
        ("GET", "/admin/", None),
        ("GET", "/admin/chat/", None),
        ("GET", "/admin/chat/conversation/", None),
        ("GET", f"/admin/chat/conversation/{row['id']}/change/", None),
        ("GET", "/admin/chat/endpoint/", None),
        ("GET", "/admin/chat/endpoint/add/", None),
        ("GET", "/admin/chat/endpoint/1/change/", None),
        ("GET", "/admin/chat/offeredmodel/", None),
        ("GET", "/admin/chat/token/", None),
        ("GET", f"/admin/chat/token/{_add_token(server, carol)}/change/", None),
        ("GET", "/accounts/tokens/", None),
        ("GET", "/nothing/here", None),
    ]
    by_token: list[tuple[str, str, object]] = [
        ("GET", "/api/v1/models", None),
        ("GET", f"/api/v1/models?token={TOKEN}", None),
        ("GET", f"/api/v1/conversations/{chat}", None),
        ("POST", "/api/v1/messages", {"id": chat, "text": [PROMPT]}),
        ("POST", "/v1/chat/completions", {"model": PROMPT, "messages": PROMPT}),
    ]
    for table in TABLES:
        server.database.change(f"ALTER TABLE {table} RENAME TO away")
        try:
            for method, path, body in asked:
                found = await asyncio.to_thread(_get, server, carol, method, path, body)
                ran.pages[f"{method} {path} without {table}"] = found
            for method, path, body in by_token:
                found = await asyncio.to_thread(_get, server, TOKEN, method, path, body)
                ran.pages[f"{method} {path.replace(TOKEN, '…')} by token without {table}"] = found
            async with client(server, carol, ready=False) as page:
                await page.say("send", id=chat, conversation=None, parent=None, text=PROMPT)
                await page.say("stop", reply=chat)
                await asyncio.sleep(0.2)
                ran.frames += page.of("error")
        finally:
            server.database.change(f"ALTER TABLE away RENAME TO {table}")


def _add_token(server: Server, person: Person) -> int:
    """Lets TOKEN in; the primary key of its row."""
    server.database.add_token(person, "chat", "read", "export")
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    server.database.change(
        "UPDATE chat_token SET digest = ?, hint = ? WHERE user_id = ?",
        digest,
        TOKEN[-4:],
        person.id,
    )
    (row,) = server.database.rows("SELECT id FROM chat_token WHERE user_id = ?", person.id)
    return int(row["id"])


@pytest.fixture(scope="module", params=["off", "on"], ids=["DEBUG=off", "DEBUG=on"])
def ran(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    template: Path,
    upstream: Upstream,
) -> Ran:
    """A server that logs all it can, with canaries for secrets."""
    with endpoints(upstream.url) as settings:
        server = Server(
            tmp_path_factory.mktemp("secrets"),
            template,
            upstream.url,
            **settings,
            DEBUG=request.param,
            ALLOWED_HOSTS="127.0.0.1,localhost",  # DEBUG is for these alone
            LOG_LEVEL="DEBUG",
            OPENAI_API_KEY=KEY,
            ENDPOINT_OPENAI_HEADERS=f"X-Gateway-Token={HEADER}",
            ENCRYPTION_KEY=SEALING,
        )
        said = server.manage(
            *("endpoints", "add", "stored", upstream.url, "--key-env", "STORED_KEY"),
            *("--header", "X-Stored=STORED_HEADER"),
            *("--models", ",".join(fault.model for fault in STORED)),
            STORED_KEY=STORED_KEY,
            STORED_HEADER=STORED_HEADER,
        )
        said += server.manage("endpoints", "list") + server.manage("endpoints", "test", "stored")
        server.start()
        try:

            async def everything() -> Ran:
                faults = [*FAULTS, *STORED]
                seen = await play_all(server, upstream, faults, prompt=PROMPT, system=SYSTEM)
                ran = Ran(server, seen, said)
                await _ask_wrongly(ran)
                await _break_everything(ran, _conversation_of(server))
                return ran

            ran = asyncio.run(everything())
        finally:
            server.kill()
        ran.log = server.log
        return ran


def _conversation_of(server: Server) -> str:
    """A conversation whose prompt an endpoint repeated."""
    (row, *_) = server.database.rows(
        "SELECT uid FROM chat_conversation WHERE model = 'openai/repeats-secrets'"
    )
    return str(UUID(row["uid"]))


def test_endpoint_was_sent_them_all(ran: Ran) -> None:
    """Else none of these tests could fail."""
    (request,) = ran.seen["repeats secrets"].requests
    sent = json.dumps(request, ensure_ascii=False)
    assert all(word in sent for word in (KEY, HEADER, "Kontor", "butler"))
    (request,) = ran.seen["stored, repeats secrets"].requests
    sent = json.dumps(request)
    assert all(word in sent for word in (STORED_KEY, STORED_HEADER))
    assert "Added stored." in ran.said


def test_the_token_let_its_user_in(ran: Ran) -> None:
    """Here too: else it was in no request that got anywhere."""
    assert ran.pages["GET /api/v1/models by token without chat_part"][0] == 200
    assert ran.pages["GET /api/v1/models?token=… by token without chat_part"][0] == 400
    assert ran.pages["GET /api/v1/models by token without chat_token"][0] == 503


def test_log_tells_none_of_them(ran: Ran) -> None:
    assert "WARNING" in ran.log
    told = [line for line in ran.log.splitlines() if _told(line)]
    assert told == []


def test_no_row_repeats_them_in_an_error(ran: Ran) -> None:
    for name, seen in ran.seen.items():
        assert not seen.problem, (name, seen.problem)
        for row in (seen.row, *seen.attempts):
            words = [str(row[column]) for column in ("error_message", "error_detail")]
            words.append(str(row.get("tries", "")))
            assert _told(" ".join(words)) == [], (name, words)


def test_no_frame_repeats_them_in_an_error(ran: Ran) -> None:
    said = [frame for seen in ran.seen.values() for frame in seen.frames if frame.get("error")]
    assert said
    assert ran.frames
    for frame in (*said, *ran.frames):
        assert _told(json.dumps(frame.get("error") or frame, ensure_ascii=False)) == []


def test_no_error_page_tells_them(ran: Ran) -> None:
    refused = {asked: body for asked, (status, body) in ran.pages.items() if status >= 400}
    broken = [asked for asked, (status, _) in ran.pages.items() if status >= 500]
    assert len(broken) > 10
    assert {asked: _told(body) for asked, body in refused.items() if _told(body)} == {}


def test_no_page_and_no_command_shows_a_secret(ran: Ran) -> None:
    """Also none that works."""
    assert ran.pages["GET /admin/chat/endpoint/1/change/ without chat_request"][0] == 200
    for asked, (_, body) in ran.pages.items():
        assert [secret for secret in SECRETS if secret in body] == [], asked
    assert [secret for secret in SECRETS if secret in ran.said] == []


def test_no_secret_is_in_the_database(ran: Ran) -> None:
    """Keys of the environment are never stored, those of rows are encrypted."""
    path = ran.server.database.path
    files = [one for one in path.parent.iterdir() if one.name.startswith(path.name)]
    stored = b"".join(one.read_bytes() for one in files)
    assert b"Kontor" in stored
    assert [secret for secret in SECRETS if secret.encode() in stored] == []
