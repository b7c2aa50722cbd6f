"""The main paths in Firefox and WebKit, as a person goes them. Those not installed are skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from chat.tests.browser.chatting import numbered, soon, stored
from chat.tests.browser.driving import Driven, driven
from chat.tests.browser.find_browser import PACKAGES, program_of
from chat.tests.live.server import Server, Upstream

type MakeServer = Callable[..., Server]

pytestmark = pytest.mark.browser

PASSWORD = "Kestrel-42-lamp"
CODE = "print('copied')"

REPLY = """
(words) => {
  const last = [...document.querySelectorAll("article.reply .markdown")].at(-1);
  return last?.textContent.includes(words);
}
"""
WHOLE = """
(text) => {
  const last = [...document.querySelectorAll("article.reply .markdown")].at(-1);
  return last?.textContent.trim() === text && Boolean(document.querySelector(".facts"));
}
"""
SHOWS = "(words) => document.body.innerText.includes(words)"
PLACE = "() => location.pathname.startsWith('/c/') && location.pathname.slice(3)"
BUTTON = """
(name) => [...document.querySelectorAll("button")].some((it) => it.ariaLabel === name)
"""
VALUE = "(text) => document.querySelector('#composer-text').value === text"


@pytest.fixture(params=list(PACKAGES))
def browser(request: pytest.FixtureRequest) -> Iterator[Driven]:
    """A browser that was just installed: nobody was here before."""
    program = program_of(request.param)
    if program is None:
        pytest.skip(
            f"No {request.param}; on Debian: apt install {' '.join(PACKAGES[request.param])}"
        )
    with driven(request.param, program) as browser:
        yield browser


@pytest.fixture
def inside(browser: Driven, site: Server) -> Driven:
    """The browser of somebody who has logged in."""
    log_in(browser, site)
    return browser


def log_in(browser: Driven, server: Server) -> None:
    """Go to the chat by the form of the log-in."""
    person = server.database.add_person("alice", password=PASSWORD)
    browser.open(server.origin)
    browser.click("Username or e-mail")
    browser.type(person.name)
    browser.click("Password")
    browser.type(PASSWORD)
    browser.press("Enter")
    browser.soon("() => Boolean(document.querySelector('#composer-text'))")
    browser.listen()


def send(browser: Driven, text: str) -> None:
    browser.click("Message")
    browser.type(text)
    browser.press("Enter")


def test_conversation_with_stop_edit_and_copied_code(
    inside: Driven, site: Server, upstream: Upstream
) -> None:
    browser = inside
    upstream.play(numbered(60), rate=120)
    send(browser, "Count")
    for words in ("w0005", "w0030"):
        browser.soon(REPLY, words)
    browser.soon(WHOLE, numbered(60))
    uid = browser.soon(PLACE)

    upstream.play(numbered(2000), rate=60)
    send(browser, "Count on")
    browser.soon(REPLY, "w0003")
    browser.click("Stop the reply")
    browser.soon(SHOWS, "Stopped.")
    kept = soon(lambda: stored(site, uid)[3])
    assert numbered(2000).startswith(kept)

    upstream.play(f"```python\n{CODE}\n```")
    browser.click("Edit message")
    browser.soon("() => document.activeElement.value === 'Count on'")
    browser.type("!")
    browser.click("Save & send")
    browser.soon(REPLY, CODE)
    assert soon(lambda: stored(site, uid)[4:])[0] == "Count on!"
    browser.click("Copy code")
    browser.soon(BUTTON, "Copied")
    browser.click("Message")
    browser.press("Control", "v")
    browser.soon(VALUE, CODE)
    assert browser.found() == []


def test_reload_in_mid_reply_then_search_then_another_language(
    inside: Driven, site: Server, upstream: Upstream
) -> None:
    browser = inside
    upstream.play(numbered(90), rate=60)
    send(browser, "Rhubarb")
    browser.soon(REPLY, "w0005")
    uid = browser.soon(PLACE)
    browser.open(f"{site.origin}/c/{uid}")
    browser.soon(REPLY, "w0020")
    browser.soon(WHOLE, numbered(90))
    soon(lambda: stored(site, uid) == ["Rhubarb", numbered(90)])
    assert browser.found() == []

    browser.click("New chat")
    browser.soon("() => location.pathname === '/'")
    browser.click("Search conversations")
    browser.type("rhubarb")
    browser.soon("() => document.querySelector('#conversations mark')?.textContent === 'Rhubarb'")
    browser.run("() => document.querySelector('#conversations mark').closest('a').click()")
    browser.soon(WHOLE, numbered(90))
    assert browser.found() == []

    browser.open(f"{site.origin}/accounts/preferences/")
    browser.run("() => { document.querySelector('select[name=language]').value = 'de'; }")
    browser.click("Save")
    browser.soon("() => document.documentElement.lang === 'de'")
    browser.open(f"{site.origin}/c/{uid}")
    browser.soon(SHOWS, "Neuer Chat")
    browser.soon(WHOLE, numbered(90))
    assert browser.found() == []


def test_offline_page_keeps_the_draft(
    browser: Driven, make_server: MakeServer, upstream: Upstream
) -> None:
    server = make_server(DRAIN_SECONDS="0.5")
    server.start()
    log_in(browser, server)
    browser.soon("async () => (await navigator.serviceWorker.ready).active.state === 'activated'")
    browser.click("Message")
    browser.type("Half a thought")
    assert browser.found() == []
    server.kill()
    browser.load(server.origin)
    browser.soon(SHOWS, "Text that you have not sent yet is kept in this browser.")
    server.start()
    browser.soon(VALUE, "Half a thought")
