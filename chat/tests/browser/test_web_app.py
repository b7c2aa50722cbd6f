"""The page as an installed app: what works without the server, and what the browser keeps."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import parley_frontend
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from chat.tests.browser.chatting import PATIENCE, Chat, soon
from chat.tests.live.server import Server, Upstream

type MakeServer = Callable[..., Server]

pytestmark = pytest.mark.browser

CANARY = "kept-by-no-browser-6b1f"

# Everything that a page can find of what the browser keeps for its origin, as text.
KEPT = """
async () => {
  const cached = [];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      const text = await (await cache.match(request, { ignoreVary: true })).text();
      cached.push({ name, path: new URL(request.url).pathname, text });
    }
  }
  return {
    cached,
    databases: (await indexedDB.databases()).map(({ name }) => name),
    storages: JSON.stringify([localStorage, sessionStorage]),
    workers: (await navigator.serviceWorker.getRegistrations()).length,
  };
}
"""

ACTIVE = """
async () => {
  const { active, installing, waiting } = await navigator.serviceWorker.ready;
  return active?.state === "activated" && !installing && !waiting;
}
"""


def kept(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(KEPT)
    return found


def wait_for_worker(page: Page) -> None:
    soon(lambda: page.evaluate(ACTIVE))


@pytest.fixture
def chat(context: BrowserContext, make_server: MakeServer) -> Chat:
    """A page with its worker, on a server that the test may end."""
    server = make_server(DRAIN_SECONDS="0.5")
    server.start()
    chat = Chat(context.new_page(), server)
    chat.log_in(server.database.add_person("alice"))
    chat.open()
    wait_for_worker(chat.page)
    return chat


def test_page_without_a_server_says_so_and_opens_when_it_is_back(
    chat: Chat, upstream: Upstream, violations: list[str]
) -> None:
    page, server = chat.page, chat.server
    upstream.play("An answer.")
    chat.ended(chat.send("Hello"))
    address = page.url
    chat.message.fill("Half a thought")
    server.kill()
    page.reload()
    expect(page.get_by_role("heading", name="Parley cannot be reached")).to_be_visible()
    assert page.url == address
    assert page.locator(".brand img").evaluate("image => image.naturalWidth") > 0
    assert page.locator("main").evaluate("main => getComputedStyle(main).maxWidth") != "none"
    page.context.set_offline(True)
    expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
    server.start()
    page.context.set_offline(False)
    expect(chat.message).to_have_value("Half a thought", timeout=PATIENCE)
    expect(chat.replies.first).to_contain_text("An answer.")
    assert violations == []


def test_server_that_starts_again_is_found_without_a_press(chat: Chat) -> None:
    chat.server.kill()
    chat.page.goto(f"{chat.origin}/accounts/preferences/")
    expect(chat.page.get_by_role("heading", name="Parley cannot be reached")).to_be_visible()
    chat.server.start()
    expect(chat.page.get_by_role("heading", name="Appearance")).to_be_visible(timeout=PATIENCE)


def test_browser_keeps_the_offline_page_and_nothing_of_a_conversation(
    chat: Chat, upstream: Upstream
) -> None:
    page = chat.page
    upstream.play(f"The {CANARY} answer.")
    chat.ended(chat.send(f"The {CANARY} question"))
    page.reload()
    expect(chat.replies.first).to_contain_text(CANARY)
    page.goto(f"{chat.origin}/api/v1/conversations/{chat.conversation}")
    page.goto(f"{chat.origin}/accounts/tokens/")
    chat.open()
    found = kept(page)
    paths = sorted(entry["path"] for entry in found["cached"])
    files = ["icon.svg", "offline.css", "offline.js"]
    assert paths == ["/offline/", *(f"/static/parley/{file}" for file in files)]
    assert found["databases"] == []
    assert CANARY not in json.dumps(found)
    assert "alice" not in json.dumps(found["cached"])


def test_log_out_leaves_nothing(chat: Chat, upstream: Upstream) -> None:
    page = chat.page
    chat.message.fill(f"The {CANARY} draft")
    page.locator("#user").click()
    page.get_by_role("menuitem", name="Log out").click()
    expect(page.get_by_label("Username or e-mail")).to_be_visible()
    found = soon(lambda: (found := kept(page))["workers"] == 0 and found)
    assert found == {"cached": [], "databases": [], "storages": "[{},{}]", "workers": 0}


def test_newer_build_and_another_language_replace_the_worker(
    chat: Chat, make_server: MakeServer, tmp_path: Path
) -> None:
    page, server = chat.page, chat.server
    before = {entry["name"] for entry in kept(page)["cached"]}
    assert len(before) == 1
    server.kill()
    package = tmp_path / "newer" / "parley_frontend"
    shutil.copytree(Path(parley_frontend.__file__).parent, package)
    with (package / "static" / "parley" / "offline.css").open("a") as style:
        style.write(".newer{color:red}")
    newer = make_server(DRAIN_SECONDS="0.5", PYTHONPATH=str(package.parent))
    newer.application = "chat.tests.browser.another_build:application"
    newer.port, newer.origin = server.port, server.origin
    newer.start()

    def replaced(words: str) -> bool:
        """True once exactly one version is kept, and has these words."""
        found = kept(page)["cached"]
        texts = [entry["text"] for entry in found]
        return len({entry["name"] for entry in found}) == 1 and any(words in it for it in texts)

    chat.open()
    soon(lambda: replaced(".newer{color:red}"))
    assert not before & {entry["name"] for entry in kept(page)["cached"]}
    page.goto(f"{chat.origin}/accounts/preferences/")
    page.get_by_label("Language").select_option("de")
    page.get_by_role("button", name="Save").click()
    page.goto(chat.origin)
    soon(lambda: replaced("Sie sind offline"))
    newer.kill()
    page.reload()
    expect(page.get_by_role("heading", name="Parley ist nicht erreichbar")).to_be_visible()


def test_browser_offers_to_install_it(chat: Chat) -> None:
    page = chat.page
    session = page.context.new_cdp_session(page)
    found = session.send("Page.getAppManifest")
    assert found["url"] == f"{chat.origin}/manifest.webmanifest"
    assert found["errors"] == []
    # Playwright's windows are private ones, in which nothing can be installed.
    errors = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [error["errorId"] for error in errors if error["errorId"] != "in-incognito"] == []
    manifest = json.loads(found["data"])
    for icon in manifest["icons"]:
        size = page.evaluate(
            "async (src) => { const image = new Image(); image.src = src; await image.decode();"
            " return `${image.naturalWidth}x${image.naturalHeight}`; }",
            icon["src"],
        )
        assert icon["sizes"] in {size, "any"}
    touch = page.locator("link[rel=apple-touch-icon]").get_attribute("href")
    assert page.request.get(f"{chat.origin}{touch}").ok


def test_page_without_a_secure_context_works_without_a_worker(
    chat: Chat, upstream: Upstream
) -> None:
    said: list[str] = []
    chat.page.on("console", lambda message: said.append(message.text))
    chat.origin = f"http://chat.test:{chat.server.port}"
    chat.log_in(chat.server.database.add_person("bob"))
    chat.open()
    assert chat.page.evaluate("'serviceWorker' in navigator") is False
    upstream.play("Here.")
    chat.ended(chat.send("Hello"))
    assert said == []
