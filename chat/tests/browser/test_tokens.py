"""API tokens in a real browser: the pages to make them, and another site's page that uses one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from chat.models import Token
from chat.tests.browser.test_accessible import serious
from chat.tests.browser.test_every_page import log_in, sticks_out
from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import ENDLESS, Server

pytestmark = pytest.mark.browser

PASSWORD = "Kestrel-42-lamp"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_token_is_made_shown_once_and_revoked(
    page: Page, live_server: LiveServer, alice: User, scheme: str
) -> None:
    """With the keyboard alone, on a narrow screen, with nothing that axe calls serious."""
    alice.set_password(PASSWORD)
    alice.save()
    log_in(page, live_server, alice)
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": 360, "height": 740})

    def look() -> None:
        assert serious(page) == []
        assert sticks_out(page) <= 0

    page.goto(f"{live_server.url}/accounts/password/change/")
    page.get_by_role("navigation", name="Account").get_by_role("link", name="API tokens").click()
    expect(page.get_by_text("No tokens yet.")).to_be_visible()
    look()
    page.get_by_role("link", name="Create a token").press("Enter")
    page.get_by_label("Password").press_sequentially(PASSWORD)
    page.keyboard.press("Enter")

    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("A program with a name so long that it needs several lines " + "x" * 20)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Choose at least one.")).to_be_visible()
    look()
    page.get_by_role("group", name="Scopes").get_by_label("Read").press("Space")
    page.get_by_label("Expires").select_option("in 30 days")
    page.get_by_role("button", name="Create token").press("Enter")

    shown = page.get_by_role("textbox", name="The token")
    expect(shown).to_be_focused()
    secret = shown.input_value()
    assert Token.objects.find(secret) == alice.tokens.get()
    look()
    assert secret not in page.url
    page.reload()  # sends the form again
    expect(page.get_by_role("heading", name="already exists")).to_be_visible()
    look()
    assert secret not in page.content()
    assert Token.objects.count() == 1

    page.goto(f"{live_server.url}/accounts/tokens/")
    expect(page.get_by_text("Scopes: read")).to_be_visible()
    look()
    page.get_by_role("link", name=re.compile("^Revoke A program")).press("Enter")
    look()
    page.get_by_role("button", name="Revoke").press("Enter")
    expect(page.get_by_text("has been revoked.")).to_be_visible()
    look()
    assert Token.objects.find(secret) is None


@pytest.mark.django_db(transaction=True)
def test_it_all_works_without_scripts(browser: Browser, live_server: LiveServer, bob: User) -> None:
    context = browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        bob.set_unusable_password()  # there is none to ask for
        bob.save()
        log_in(page, live_server, bob)
        page.goto(f"{live_server.url}/accounts/tokens/new/")
        page.get_by_label("Name").fill("Script")
        page.get_by_label("Chat").check()
        page.get_by_role("button", name="Create token").click()
        secret = page.get_by_role("textbox", name="The token").input_value()
        assert Token.objects.find(secret) is not None
        page.get_by_role("link", name="I have copied it").click()
        page.get_by_role("link", name="Revoke Script").click()
        page.get_by_role("button", name="Revoke").click()
        expect(page.get_by_text("No tokens yet.")).to_be_visible()
        assert Token.objects.find(secret) is None
    finally:
        context.close()


# --- a page of another site --------------------------------------------------------------------


class Blank(BaseHTTPRequestHandler):
    """The other site: an empty page at every address."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def other_site() -> Iterator[str]:
    """Another origin, at which a browser nevertheless sends the cookies of 127.0.0.1."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Blank) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


ASK = """async ([url, token, method, credentials]) => {
  const headers = { "Content-Type": "application/json", "X-Stainless-Os": "Linux" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const body = method === "POST" ? "{}" : undefined;
  try {
    const answer = await fetch(url, { method, headers, body, credentials });
    return [answer.status, await answer.text()];
  } catch (error) {
    return String(error);
  }
}"""

FOLLOW = """(url) => new Promise((resolve) => {
  const source = new EventSource(url);
  const done = (seen) => { source.close(); resolve(seen); };
  source.onmessage = (event) => {
    const frame = JSON.parse(event.data);
    if (frame.type === "delta") done("text");
  };
  source.onerror = () => done("error");
})"""


def ask(
    page: Page, url: str, token: str = "", method: str = "GET", credentials: str = "omit"
) -> Any:
    return page.evaluate(ASK, [url, token, method, credentials])


def test_a_named_site_gets_in_by_token_and_never_by_cookie(
    page: Page, make_server: MakeServer, other_site: str
) -> None:
    site = make_server(CORS_ALLOWED_ORIGINS=other_site)
    site.start()
    alice = site.database.add_person("alice")
    token = site.database.add_token(alice, "chat", "read")
    cookie = {"name": "sessionid", "value": alice.session, "url": site.origin}
    page.context.add_cookies([cookie])  # type: ignore[list-item]
    page.goto(other_site)
    call = partial(ask, page)
    models = f"{site.origin}/api/v1/models"

    status, told = call(models, token)
    assert (status, "models" in told) == (200, True)
    # What only the cookie would let in: unread, though the server may have answered.
    for credentials in ("omit", "include"):
        answer = call(models, credentials=credentials)
        assert answer == "TypeError: Failed to fetch" or answer[0] == 401
    assert call(f"{site.origin}/api/v1/conversations", method="POST", credentials="include") == (
        "TypeError: Failed to fetch"
    )
    assert site.database.rows("SELECT * FROM chat_conversation") == []
    assert call(f"{site.origin}/accounts/tokens/", token) == "TypeError: Failed to fetch"

    reply, ticket = page.evaluate(
        """async ([url, token, id, model]) => {
          const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };
          const body = JSON.stringify({ id, conversation: null, parent: null, text: "Hi", model });
          let answer = await fetch(`${url}/messages`, { method: "POST", headers, body });
          const { reply } = await answer.json();
          const path = `${url}/replies/${reply}/ticket`;
          answer = await fetch(path, { method: "POST", headers });
          return [reply, (await answer.json()).ticket];
        }""",
        [
            f"{site.origin}/api/v1",
            token,
            "7e6ff2d4-4a3b-4c6e-9d7e-1f2a3b4c5d6e",
            f"openai/{ENDLESS}",
        ],
    )
    stream = f"{site.origin}/api/v1/replies/{reply}/events"
    assert page.evaluate(FOLLOW, f"{stream}?ticket={ticket}") == "text"
    assert page.evaluate(FOLLOW, stream) == "error"


def test_a_site_that_is_not_named_gets_nothing(page: Page, site: Server, other_site: str) -> None:
    alice = site.database.add_person("alice")
    token = site.database.add_token(alice, "read")
    page.goto(other_site)
    assert ask(page, f"{site.origin}/api/v1/models", token) == "TypeError: Failed to fetch"
