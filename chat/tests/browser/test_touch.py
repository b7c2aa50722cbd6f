"""The page on a touch screen and a poor network."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from chat.tests.browser.chatting import Chat
from chat.tests.live.database import Person
from chat.tests.live.server import Server, Upstream

pytestmark = pytest.mark.browser


@pytest.fixture
def alice(site: Server) -> Person:
    return site.database.add_person("alice")


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def test_enter_of_a_touch_keyboard_breaks_the_line_and_the_button_sends(
    browser: Browser, site: Server, alice: Person, upstream: Upstream
) -> None:
    context = browser.new_context(has_touch=True, is_mobile=True)
    chat = Chat(context.new_page(), site)
    asked = [0]
    chat.page.on("websocket", lambda socket: socket.on("framesent", lambda _: count(asked, _)))
    chat.log_in(alice)
    chat.open()
    upstream.play("Two lines.")
    chat.message.tap()
    keyboard = chat.page.keyboard
    keyboard.type("line one")
    keyboard.press("Enter")
    expect(chat.message).to_have_value("line one\n")
    keyboard.press("Shift+Enter")
    keyboard.type("line two")
    expect(chat.message).to_have_value("line one\n\nline two")
    assert asked == [0]
    assert chat.message.get_attribute("enterkeyhint") == "enter"
    chat.page.get_by_role("button", name="Send").tap()
    chat.shows(chat.replies.first, "Two lines.")

    chat.mine.first.get_by_role("button", name="Edit message").tap()
    editor = chat.mine.first.get_by_role("textbox")
    editor.press("End")
    editor.press("Enter")
    expect(editor).to_have_value("line one\n\nline two\n")
    chat.mine.first.get_by_role("button", name="Cancel").tap()

    # A keyboard is attached: letters with a held Shift come from no screen.
    chat.message.focus()
    keyboard.press("Shift+H")
    keyboard.type("i")
    upstream.play("Hello.")
    keyboard.press("Enter")
    chat.shows(chat.replies.last, "Hello.")
    context.close()


def count(asked: list[int], frame: str | bytes) -> None:
    asked[0] += '"send"' in str(frame)


def test_what_could_not_be_loaded_is_loaded_when_it_can_be(
    page: Page, site: Server, alice: Person, upstream: Upstream
) -> None:
    chat = Chat(page, site)
    chat.log_in(alice)
    upstream.play("Here.")
    chat.open()
    chat.shows(chat.send("Find me later"), "Here.")
    there = f"/c/{chat.conversation}"

    blocked = True

    def meet(route: Route) -> None:
        if blocked:
            route.abort()
        else:
            route.continue_()

    page.route("**/chunks/overlays*", meet)
    page.route("**/api/v1/conversations*", meet)
    page.route("**/api/v1/conversations/*", meet)
    page.route("**/api/v1/search*", meet)
    chat.open(there)
    expect(page.get_by_text("This conversation could not be loaded")).to_be_visible()
    expect(page.get_by_text("The list could not be loaded.")).to_be_visible()
    page.get_by_role("button", name="Settings").click()
    toast = page.get_by_text("This part of the page could not be loaded.")
    expect(toast).to_be_visible()
    page.get_by_label("Search conversations").fill("later")
    expect(page.get_by_text("Only the titles on this page")).to_be_visible()

    blocked = False
    page.evaluate("dispatchEvent(new Event('online'))")
    chat.shows(chat.replies.first, "Here.")
    expect(page.get_by_text("1 match. Searched titles and messages")).to_be_visible()
    page.get_by_label("Search conversations").press("Escape")
    expect(chat.list.get_by_role("link", name="Find me later")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("dialog", name="Settings")).to_be_visible()


def test_title_that_turns_its_line_around_is_shown_as_what_it_is(
    page: Page, site: Server, alice: Person, upstream: Upstream
) -> None:
    chat = Chat(page, site)
    chat.log_in(alice)
    upstream.play("No.")
    chat.open()
    chat.shows(chat.send("Pay \u202ereverse\u2066 me"), "No.")
    shown = "Pay RLOreverseLRI me"
    expect(chat.list.get_by_role("link", name=shown)).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text(shown)
    expect(page).to_have_title("Pay [RLO]reverse[LRI] me · Parley")
