"""The manifest, the service worker and the offline page: the same for everybody, and nobody's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import parley_frontend
import pytest
from django.contrib.auth.models import User
from django.test import Client

from chat.models import Conversation, Preferences

type MakeConversation = Callable[..., Conversation]

ADDRESSES = ["/manifest.webmanifest", "/service-worker.js", "/offline/"]


def test_manifest_names_an_app_at_the_root(client: Client) -> None:
    answer = client.get("/manifest.webmanifest")
    assert answer.headers["Content-Type"] == "application/manifest+json"
    manifest = json.loads(answer.content)
    assert (manifest["name"], manifest["scope"], manifest["start_url"]) == ("Parley", "/", "/")
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}
    for icon in manifest["icons"]:
        assert client.get(icon["src"]).status_code == 200, icon


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_in_them_is_of_a_person(
    client: Client, alice: User, make_conversation: MakeConversation, address: str
) -> None:
    make_conversation(alice)
    unknown = client.get(address)
    client.force_login(alice)
    known = client.get(address)
    assert known.content == unknown.content
    assert "Set-Cookie" not in known.headers
    assert client.post(address).status_code == 405


def kept_by(client: Client) -> dict[str, Any]:
    """The facts above the script of the worker: its version, page and files."""
    script = client.get("/service-worker.js").content.decode()
    found = re.match(r"self\.OFFLINE = (\{.*\});\n", script)
    assert found is not None
    kept: dict[str, Any] = json.loads(found[1])
    return kept


def test_worker_is_asked_for_again_each_time(client: Client) -> None:
    answer = client.get("/service-worker.js")
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"


def test_worker_keeps_the_offline_page_and_every_file_of_it(client: Client) -> None:
    kept = kept_by(client)
    page = client.get(kept["page"]).content.decode()
    assert set(re.findall(r'(?:src|href)="([^"]*)"', page)) == set(kept["files"])
    for file in kept["files"]:
        assert client.get(file).status_code == 200, file


def test_other_files_and_another_language_are_another_worker(
    client: Client, alice: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    english, again = kept_by(client), kept_by(client)
    german = kept_by(Client(headers={"Accept-Language": "de"}))
    client.force_login(alice)
    Preferences.objects.create(user=alice, language="hu")
    hungarian = kept_by(client)
    (tmp_path / "parley").mkdir()
    for file in ("service-worker.js", "offline.css", "offline.js", "icon.svg"):
        built = (parley_frontend.static_dir / "parley" / file).read_bytes()
        changed = b"/* newer */" if file == "offline.css" else b""
        (tmp_path / "parley" / file).write_bytes(built + changed)
    monkeypatch.setattr(parley_frontend, "static_dir", tmp_path)
    newer = kept_by(Client())
    assert again == english
    versions = [kept["version"] for kept in (english, german, hungarian, newer)]
    assert len(set(versions)) == 4


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "You are offline"),
        ("de", "Sie sind offline"),
        ("hu", "Nincs internetkapcsolat"),
        ("zh-hans", "您已离线"),
    ],
)
def test_offline_page_is_in_the_language_of_the_browser(language: str, words: str) -> None:
    answer = Client(headers={"Accept-Language": language}).get("/offline/")
    assert words in answer.content.decode()
