"""The palette over everything, and the keys: all by keyboard alone, and by touch."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, expect

from chat.tests.browser.chatting import Chat, numbered, stored
from chat.tests.live.server import Server, Upstream

pytestmark = pytest.mark.browser


@pytest.fixture
def chat(context: BrowserContext, site: Server) -> Chat:
    """Alice's chat page."""
    chat = Chat(context.new_page(), site)
    chat.log_in(site.database.add_person("alice"))
    return chat


def test_a_conversation_is_found_by_title_and_opened(chat: Chat, upstream: Upstream) -> None:
    chat.open()
    upstream.play("A boat crosses it.")
    chat.ended(chat.send("Über den Fluss"))
    found = chat.page.url
    keys = chat.page.keyboard
    keys.press("Control+Shift+O")
    expect(chat.replies).to_have_count(0)
    palette = chat.open_palette()
    field = palette.get_by_role("combobox")
    keys.type("uber fl")
    option = palette.get_by_role("option", selected=True)
    expect(option).to_have_text("Über den Fluss")
    active = field.get_attribute("aria-activedescendant")
    assert active
    assert option.get_attribute("id") == active
    keys.press("Enter")
    chat.page.wait_for_url(found)
    expect(palette).to_have_count(0)
    expect(chat.replies.first).to_contain_text("A boat crosses it.")


def test_words_of_messages_are_found_by_the_server(chat: Chat, upstream: Upstream) -> None:
    chat.open()
    upstream.play("The word is zanzibar.")
    chat.ended(chat.send("What is the word?"))
    keys = chat.page.keyboard
    keys.press("Control+Shift+O")
    palette = chat.open_palette()
    keys.type("zanzibar")
    group = palette.get_by_role("group", name="Found in messages")
    expect(group.get_by_role("option")).to_have_text("What is the word?")
    keys.press("Enter")
    expect(chat.page.get_by_role("group", name="Matches")).to_be_visible()
    expect(chat.replies.first).to_contain_text("zanzibar")


def test_actions_are_done_and_escape_leaves(chat: Chat, upstream: Upstream) -> None:
    chat.open()
    upstream.play("Yes.")
    chat.ended(chat.send("Archive me"))
    keys = chat.page.keyboard
    palette = chat.open_palette()
    keys.press("Escape")
    expect(palette).to_have_count(0)
    expect(chat.message).to_be_focused()
    chat.open_palette()
    keys.type("nothing has this name")
    expect(palette.get_by_role("status")).to_have_text("No matches.")
    keys.press("Control+k")  # the same key leaves again
    expect(palette).to_have_count(0)
    chat.open_palette()
    keys.type("archive")
    expect(palette.get_by_role("option", selected=True)).to_have_text("Archive me")
    actions = palette.get_by_role("group", name="Actions")
    for _ in range(20):
        if actions.get_by_role("option", name="Archive", exact=True, selected=True).count():
            break
        keys.press("ArrowDown")
    keys.press("Enter")
    expect(chat.page.get_by_text("This conversation is archived.")).to_be_visible()
    chat.open_palette()
    keys.type("theme dark")
    keys.press("Enter")
    expect(chat.page.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_list_of_keys_is_opened_by_its_key(chat: Chat) -> None:
    chat.open()
    keys = chat.page.keyboard
    keys.type("?")  # a message may begin with it
    expect(chat.message).to_have_value("?")
    chat.page.get_by_role("region", name="Messages").focus()
    keys.press("?")
    dialog = chat.page.get_by_role("dialog", name="Keys")
    expect(dialog.get_by_text("Find conversations and actions")).to_be_visible()
    expect(dialog.get_by_text("Stop the reply")).to_be_visible()
    keys.press("Escape")
    expect(dialog).to_have_count(0)


def test_escape_stops_the_reply_once_nothing_else_is_open(chat: Chat, upstream: Upstream) -> None:
    chat.open()
    upstream.play(numbered(4000), rate=100)
    reply = chat.send("Count")
    chat.grows(reply, 2)
    keys = chat.page.keyboard
    chat.open_palette()
    keys.press("Escape")
    expect(chat.page.get_by_role("dialog")).to_have_count(0)
    chat.grows(reply, 2)
    expect(chat.stop).to_have_attribute("aria-keyshortcuts", "Escape")
    keys.press("Escape")
    chat.ended(reply)
    expect(reply).to_contain_text("Stopped.")


def test_arrow_up_edits_the_last_message(chat: Chat, site: Server, upstream: Upstream) -> None:
    chat.open()
    upstream.play("One.")
    chat.ended(chat.send("first"))
    upstream.play("Two.")
    chat.ended(chat.send("second"))
    keys = chat.page.keyboard
    keys.type("not empty")
    keys.press("ArrowUp")
    expect(chat.page.get_by_label("Your message")).to_have_count(0)
    keys.press("Control+a")
    keys.press("Delete")
    keys.press("ArrowUp")
    editor = chat.page.get_by_label("Your message")
    expect(editor).to_be_focused()
    expect(editor).to_have_value("second")
    keys.type(" thought")
    upstream.play("Three.")
    keys.press("Control+Enter")
    expect(chat.replies.last).to_contain_text("Three.")
    assert "second thought" in stored(site, chat.conversation)


def test_the_palette_is_there_by_touch(chat: Chat) -> None:
    page = chat.page
    page.set_viewport_size({"width": 320, "height": 640})
    chat.open()
    page.get_by_role("button", name="Show conversations").click()
    page.locator("#user").click()
    page.get_by_role("menuitem", name="Find conversations and actions").click()
    palette = page.get_by_role("dialog", name="Find conversations and actions")
    palette.get_by_role("option", name="Show the keys").click()
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    root = "document.documentElement"
    assert page.evaluate(f"{root}.scrollWidth - {root}.clientWidth") == 0
