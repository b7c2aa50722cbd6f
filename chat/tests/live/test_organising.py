"""Folders and pins in two tabs of a person: each hears what the other one does."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from chat.tests.live.client import Client, Frame, client
from chat.tests.live.database import Person
from chat.tests.live.server import SHORT, Server

pytestmark = pytest.mark.asyncio


def ask(site: Server, person: Person, method: str, path: str, body: object = None) -> Any:
    status, told = site.ask(person, method, f"/api/v1{path}", body)
    assert status < 300, told
    return told


async def heard(page: Client, kind: str) -> list[Frame]:
    """The frames of changes of this kind that the page has got."""
    await page.sync()
    return [frame for frame in page.frames if frame["type"] == kind]


async def test_two_tabs_hear_of_folders_and_pins(site: Server) -> None:
    alice, bob = site.database.add_person("alice"), site.database.add_person("bob")
    async with client(site, alice) as one, client(site, alice) as two, client(site, bob) as his:
        accepted = await one.send("Mine", SHORT)
        await one.end(accepted["reply"])
        chat = accepted["conversation"]
        made = ask(site, alice, "POST", "/folders", {"id": str(uuid4()), "name": "Travel"})
        folder = made["folder"]["id"]
        ask(site, alice, "PATCH", f"/conversations/{chat}", {"folder": folder, "pinned": True})
        ask(site, alice, "PATCH", f"/folders/{folder}", {"name": "Journeys"})
        ask(site, alice, "DELETE", f"/folders/{folder}")
        for page in (one, two):
            folders = await heard(page, "folder")
            assert [(one["event"], one["folder"].get("name")) for one in folders] == [
                ("created", "Travel"),
                ("updated", "Journeys"),
                ("deleted", None),
            ]
            last = [row["conversation"] for row in await heard(page, "conversation")][-2:]
            assert [(row["folder"], row["pinned"]) for row in last] == [(folder, 1), (None, 1)]
        changes = ask(site, alice, "GET", "/changes?since=0")
        assert (changes["folders"], changes["deleted"]["folders"]) == ([], [folder])
        assert [row["pinned"] for row in changes["conversations"]] == [1]
        await his.sync()
        assert [frame["type"] for frame in his.frames] == ["ready", "pong"]
