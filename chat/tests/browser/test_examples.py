"""The example pages, served from another origin as docs/clients.md has it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import LONG, ROOT, Server
from fake_endpoint import expected_text

pytestmark = pytest.mark.browser

PATIENCE = 60_000


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """The origin from which the document serves the examples, on a free port."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    with subprocess.Popen(
        [*command, "--directory", "examples"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            # "Serving HTTP on 127.0.0.1 port 40123 (http://127.0.0.1:40123/) ..."
            yield process.stdout.readline().partition("(")[2].partition("/)")[0]
        finally:
            process.kill()


def ask(page: Page, address: str, server: Server) -> None:
    alice = server.database.add_person("alice")
    page.goto(address)
    page.get_by_label("Server").fill(server.origin)
    page.get_by_label("API token").fill(server.database.add_token(alice, "chat"))
    page.get_by_label("Message").fill("Tell me")
    page.get_by_role("button", name="Send").click()


@pytest.mark.parametrize("example", ["eventsource.html", "fetch.html"])
def test_page_of_another_site_shows_the_reply_through_a_restart(
    page: Page, make_server: MakeServer, elsewhere: str, example: str
) -> None:
    server = make_server(CHAT_MODEL=LONG, CORS_ALLOWED_ORIGINS=elsewhere)
    server.start()
    ask(page, f"{elsewhere}/{example}", server)
    reply, text = page.locator("#reply"), expected_text(LONG)
    expect(reply).to_contain_text(text[:40], timeout=PATIENCE)
    server.kill()
    server.start()
    expect(reply).to_have_text(text, timeout=PATIENCE)
    assert reply.text_content() == text
    if example == "fetch.html":
        assert (page.locator("#elapsed").text_content() or "").endswith(" s")


@pytest.mark.parametrize("example", ["eventsource.html", "fetch.html"])
def test_page_of_a_site_that_is_not_named_gets_nothing(
    page: Page, make_server: MakeServer, elsewhere: str, violations: list[str], example: str
) -> None:
    server = make_server(CHAT_MODEL=LONG)
    server.start()
    with page.expect_console_message(lambda message: "CORS" in message.text):
        ask(page, f"{elsewhere}/{example}", server)
    assert page.locator("#reply").text_content() == ""
    assert not server.database.rows("SELECT * FROM chat_conversation")
    violations.clear()  # what the page itself makes of it is not caught there
