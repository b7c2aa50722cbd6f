"""The check page behind a real nginx: it names what is wrong there, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from chat.tests.browser.chatting import PATIENCE
from chat.tests.browser.nginx import nginx
from chat.tests.browser.test_accessible import serious
from chat.tests.live.database import Person
from chat.tests.live.server import Server, Upstream

pytestmark = pytest.mark.browser

UPGRADE = "proxy_set_header Upgrade $http_upgrade;"
PROTO = "proxy_set_header X-Forwarded-Proto $scheme;"
HOST = "proxy_set_header Host $http_host;"
BUFFERING = "proxy_buffering off;"
DEAF = (
    "location ~ ^/(api|check)/ { proxy_pass http://parley; proxy_ignore_headers X-Accel-Buffering;"
    f" proxy_http_version 1.0; {HOST} {PROTO} }}\n    location / {{"
)
"""A block of its own for all but WebSockets, without their headers, and deaf besides."""

FAULTS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "nothing": ({}, {}),
    "buffering": ({"location / {": DEAF}, {"Buffering": "proxy_buffering off"}),
    "no upgrade": ({UPGRADE: ""}, {"WebSocket": "does not pass on the upgrade"}),
    "scheme": ({PROTO: "proxy_set_header X-Forwarded-Proto https;"}, {"Scheme": "X-Forwarded"}),
    "host": ({HOST: "proxy_set_header Host localhost;"}, {"Origin": "$http_host"}),
    "transformed": (
        {BUFFERING: f"{BUFFERING} proxy_hide_header Cache-Control;"},
        {"Compression": "no-transform"},
    ),
}
"""Changes of `deploy/nginx.conf`, and the checks that find them."""


@pytest.fixture(scope="module")
def proxied(
    tmp_path_factory: pytest.TempPathFactory, template: Path, upstream: Upstream
) -> Iterator[Server]:
    """A server that believes its proxy."""
    server = Server(tmp_path_factory.mktemp("proxied"), template, upstream.url, TRUSTED_PROXIES="*")
    server.start()
    yield server
    server.kill()
    assert "Traceback" not in server.log, server.log


@pytest.fixture
def carol(proxied: Server) -> Person:
    return proxied.database.add_person("carol", staff=True)


def check(page: Page, origin: str, person: Person) -> None:
    cookie = {"name": "sessionid", "value": person.session, "url": origin}
    page.context.add_cookies([cookie])  # type: ignore[list-item]
    page.goto(f"{origin}/check/")
    expect(page.locator(".check")).to_have_count(6)
    expect(page.locator(".check.running")).to_have_count(0, timeout=PATIENCE)


@pytest.mark.parametrize("fault", FAULTS)
def test_just_what_is_wrong_in_the_proxy_is_named(
    page: Page, proxied: Server, carol: Person, tmp_path: Path, fault: str
) -> None:
    edits, said = FAULTS[fault]
    with nginx(tmp_path / "nginx", proxied.port, edits=edits) as origin:
        check(page, origin, carol)
        problems = page.locator(".check.problem")
        found = {one.get_attribute("data-check"): one.inner_text() for one in problems.all()}
        assert found.keys() == said.keys(), found
        for name, words in said.items():
            assert words in found[name]


def test_idle_time_out_of_the_proxy_is_measured(
    page: Page, proxied: Server, carol: Person, tmp_path: Path
) -> None:
    edits = {"proxy_read_timeout 75s;": "proxy_read_timeout 2s;"}
    with nginx(tmp_path / "nginx", proxied.port, edits=edits) as origin:
        check(page, origin, carol)
        page.get_by_role("button", name="Check idle timeouts").click()
        line = page.locator('[data-check="Idle timeouts"]')
        expect(line).to_contain_text("proxy_read_timeout 75s", timeout=PATIENCE)
        assert serious(page) == []


def test_check_page_is_for_staff(page: Page, proxied: Server) -> None:
    bob = proxied.database.add_person("bob")
    cookie = {"name": "sessionid", "value": bob.session, "url": proxied.origin}
    page.context.add_cookies([cookie])  # type: ignore[list-item]
    for path in ("/check/", "/check/seen", "/check/stream"):
        answer = page.goto(proxied.origin + path)
        assert answer is not None
        assert answer.status == 403
