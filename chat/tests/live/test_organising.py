"""Folders, pins and removals in two tabs of a person: each hears what the other one does."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from chat.tests.live.client import Client, Frame, client
from chat.tests.live.conftest import MakeServer
from chat.tests.live.database import Person
from chat.tests.live.server import HALF, SHORT, Server

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


async def test_a_removed_conversation_is_gone_in_both_tabs_and_comes_back(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as one, client(site, alice) as two:
        accepted = await one.send("Mine", HALF)
        await one.has(accepted["reply"], 14)
        chat = accepted["conversation"]
        ask(site, alice, "DELETE", f"/conversations/{chat}")
        while site.database.reply(accepted["reply"])["status"] != "stopped":
            await asyncio.sleep(0.05)
        mark = len(two.frames)
        for page in (one, two):
            events = [frame["event"] for frame in await heard(page, "conversation")]
            assert events[-1] == "deleted"
        for path in (f"/conversations/{chat}", f"/replies/{accepted['reply']}"):
            assert site.ask(alice, "GET", f"/api/v1{path}")[0] == 404
        assert ask(site, alice, "GET", "/conversations?archived=all")["conversations"] == []
        await two.say("follow", reply=accepted["reply"], attempt=0, text=0, reasoning=0)
        await two.sync()
        assert "not_found" in [frame.get("code") for frame in two.frames[mark:]]
        body = {"id": str(uuid4()), "action": "restore", "conversations": [chat, str(uuid4())]}
        results = ask(site, alice, "POST", "/conversations/actions", body)["results"]
        assert [row["result"] for row in results] == ["done", "not_found"]
        for page in (one, two):
            last = (await heard(page, "conversation"))[-1]
            assert (last["event"], last["conversation"]["id"]) == ("created", chat)
        tree = ask(site, alice, "GET", f"/conversations/{chat}")
        assert [row["role"] for row in tree["messages"]] == ["user", "assistant"]
        assert tree["messages"][1]["status"] == "stopped"


async def test_a_kill_between_mark_and_deletion_loses_neither(make_server: MakeServer) -> None:
    server = make_server(UNDO_SECONDS="3600")
    server.start()
    alice = server.database.add_person("alice")
    async with client(server, alice) as page:
        gone = await page.send("Gone", SHORT)
        await page.end(gone["reply"])
        kept = await page.send("Kept", SHORT)
        await page.end(kept["reply"])
    for accepted in (gone, kept):
        ask(server, alice, "DELETE", f"/conversations/{accepted['conversation']}")
    server.kill()
    old = "UPDATE chat_conversation SET deleted_at = '2026-01-01 00:00:00' WHERE title = ?"
    server.database.change(old, "Gone")
    server.start()
    ask(server, alice, "POST", f"/conversations/{kept['conversation']}/restore")
    while [row["title"] for row in server.database.rows("SELECT title FROM chat_conversation")] != [
        "Kept"
    ]:
        await asyncio.sleep(0.1)
    assert len(server.database.messages(alice)) == 2
    path = f"/api/v1/conversations/{gone['conversation']}/restore"
    assert server.ask(alice, "POST", path)[0] == 404
    changes = ask(server, alice, "GET", "/changes?since=0")
    assert changes["deleted"]["conversations"] == [gone["conversation"]]
    assert [row["id"] for row in changes["conversations"]] == [kept["conversation"]]


async def test_a_temporary_one_lives_while_a_tab_shows_it(make_server: MakeServer) -> None:
    server = make_server(TEMPORARY_SECONDS="1")
    server.start()
    alice, bob = server.database.add_person("alice"), server.database.add_person("bob")
    async with client(server, alice) as page, client(server, bob) as his:
        body: Frame = {"id": str(uuid4()), "conversation": None, "parent": None, "text": "Psst"}
        body |= {"model": f"openai/{SHORT}", "temporary": True}
        accepted = await page.ask("accepted", "send", **body)
        await page.end(accepted["reply"])
        chat = accepted["conversation"]
        created = (await heard(page, "conversation"))[0]["conversation"]
        assert created["temporary"] is True
        assert ask(server, alice, "GET", "/conversations?archived=all&q=")["conversations"] == []
        found = ask(server, alice, "POST", "/search", {"q": "Psst"})
        assert found["results"] == []
        await page.say("show", conversation=chat)
        await his.say("show", conversation=chat)
        # Kept for longer than it would live unseen: two rounds of the upkeep.
        await asyncio.sleep(7)
        assert len(server.database.messages(alice)) == 2
        await page.say("show", conversation=None)
        await page.get("conversation", event="deleted")
    assert server.database.messages(alice) == []


async def test_feedback_reaches_both_tabs(site: Server) -> None:
    alice = site.database.add_person("alice")
    async with client(site, alice) as one, client(site, alice) as two:
        accepted = await one.send("Mine", SHORT)
        await one.end(accepted["reply"])
        path = f"/replies/{accepted['reply']}/feedback"
        given = {"thumb": "down", "reasons": ["wrong"], "words": "It is in May."}
        told = ask(site, alice, "PUT", path, given)
        assert told["message"]["feedback"] == given
        ask(site, alice, "DELETE", path)
        for page in (one, two):
            frames = [row["message"] for row in await heard(page, "message")]
            assert [row["feedback"] for row in frames[-2:]] == [given, None]
            assert all("text" not in row for row in frames[-2:])
