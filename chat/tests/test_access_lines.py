"""Addresses in servers' logs: never a secret."""

from __future__ import annotations

import logging
import sys
from io import StringIO

import pytest

from chat import access_lines
from chat.access_lines import public_address, without_secrets

SECRET = "canary-7f3a9c1e5b2d"
UID = "0b9c54ae-1f2d-4c7e-9a30-5d6e7f809112"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("/", "/"),
        (f"/c/{UID}", f"/c/{UID}"),
        (f"/c/{UID}?ticket={SECRET}", f"/c/{UID}"),
        ("/admin/auth/user/12/change/?x=1", "/admin/auth/user/12/change/"),
        (f"/start/{SECRET}", "/start/..."),
        (f"/start/{SECRET}/", "/..."),
        (f"/start/{SECRET}%0Aforged", "/start/..."),
        (f"/strat/{SECRET}", "/..."),
        (f"//start/{SECRET}", "/..."),
        (f"/accounts/password/reset/key/1-{SECRET}/", "/accounts/password/reset/..."),
        (f"/accounts/confirm-email/{SECRET}/", "/accounts/confirm-email/..."),
        (f"/accounts/confirm-email/{SECRET}", "/accounts/confirm-email/..."),
        (f"/static/app.js?{SECRET}", "/static/..."),
        (f"/ws/chat/?token={SECRET}", "/ws/chat/"),
        (f"/api/v1/replies/{UID}/events?ticket={SECRET}", f"/api/v1/replies/{UID}/events"),
        (f"/{SECRET}", "/..."),
        (f"/#{SECRET}", "/"),
    ],
)
def test_an_address_keeps_ids_and_loses_whatever_else_varies(address: str, shown: str) -> None:
    assert public_address(address) == shown


def test_addresses_are_found_within_a_line() -> None:
    line = '1.2.3.4:5 - "GET {0} HTTP/1.1" 200 "https://chat.example{0}" "Mozilla/5.0"'
    said = without_secrets(line.format(f"/start/{SECRET}"))
    assert said == line.format("/start/...")
    assert without_secrets(line.format(f"/start/{SECRET}?a=b")) == said


@pytest.mark.parametrize(
    ("logger", "message", "args"),
    [
        (
            "uvicorn.access",
            '%s - "%s %s HTTP/%s" %d',
            ("1:2", "GET", f"/start/{SECRET}", "1.1", 200),
        ),
        ("uvicorn.error", '%s - "WebSocket %s" [accepted]', ("1:2", f"/ws/chat/?t={SECRET}")),
        ("hypercorn.access", '%(h)s "%(r)s"', ({"h": "1", "r": f"GET /start/{SECRET} 1.1"},)),
        ("granian.access", f'1.2.3.4 "GET /start/{SECRET} HTTP/1.1" 200', ()),
        ("uvicorn.asgi", "Started scope=%s", ({"cookie": SECRET},)),
    ],
)
def test_the_lines_of_other_servers_have_none(
    logger: str, message: str, args: tuple[object, ...]
) -> None:
    stream, found = StringIO(), logging.getLogger(logger)
    handler, level = logging.StreamHandler(stream), found.level
    found.addHandler(handler)
    found.setLevel(5)
    access_lines.hide_secrets()
    try:
        found.info(message, *args)
    finally:
        found.removeHandler(handler)
        found.setLevel(level)
        found.filters.clear()
    assert SECRET not in stream.getvalue()
    assert bool(stream.getvalue()) is (logger != "uvicorn.asgi")


def test_daphnes_line_has_none() -> None:
    from daphne import access

    assert "daphne.access" in sys.modules
    before = access.AccessLogGenerator.write_entry
    access_lines.hide_secrets()
    try:
        stream = StringIO()
        details = {"client": "1:2", "method": "GET", "path": f"/start/{SECRET}", "status": 200}
        access.AccessLogGenerator(stream)("http", "complete", details | {"size": 3})
        details["path"] = f"/ws/chat/?ticket={SECRET}"
        access.AccessLogGenerator(stream)("websocket", "connected", details)
    finally:
        access.AccessLogGenerator.write_entry = before
    assert SECRET not in stream.getvalue()
    assert '"GET /start/..." 200 3' in stream.getvalue()
    assert '"WSCONNECT /ws/chat/"' in stream.getvalue()
