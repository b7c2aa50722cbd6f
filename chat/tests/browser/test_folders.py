"""Folders in the list: made, filled by menu and by mouse, opened by keys, the same in every tab."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Locator, expect

from chat.tests.browser.chatting import Chat
from chat.tests.live.server import Server, Upstream

pytestmark = pytest.mark.browser


@pytest.fixture
def chat(context: BrowserContext, site: Server, upstream: Upstream) -> Chat:
    """Alice's chat page, with two conversations."""
    chat = Chat(context.new_page(), site)
    chat.log_in(site.database.add_person("alice"))
    chat.open()
    for title in ("First words", "Second words"):
        chat.page.keyboard.press("Control+Shift+O")
        upstream.play("Yes.")
        chat.ended(chat.send(title))
    return chat


def make_folder(chat: Chat, name: str) -> Locator:
    """The head of a new folder, made by its button."""
    chat.list.get_by_role("button", name="New folder").click()
    dialog = chat.page.get_by_role("dialog", name="New folder")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_role("button", name="Create").click()
    head = head_of(chat, name)
    expect(head).to_be_visible()
    return head


def head_of(chat: Chat, name: str) -> Locator:
    """Its head, which may say more, as that a reply is new."""
    return chat.list.locator(".folder-head", has_text=name)


def move(chat: Chat, title: str, to: str) -> None:
    """Move a conversation by its menu."""
    row = chat.list.get_by_role("listitem").filter(has_text=title)
    row.hover()
    row.get_by_role("button", name=f"Options for {title}").click()
    chat.page.get_by_role("menuitem", name="Move to a folder…").click()
    dialog = chat.page.get_by_role("dialog", name="Move to a folder")
    dialog.get_by_role("button", name=to, exact=True).click()
    expect(dialog).to_have_count(0)


def inside(chat: Chat, name: str) -> Locator:
    """The links in a folder."""
    head = chat.page.locator(".folder-head", has_text=name)
    folder = chat.list.locator(".folder").filter(has=head)
    return folder.get_by_role("link")


def test_folders_are_filled_by_the_menu_and_live_in_every_tab(
    chat: Chat, context: BrowserContext
) -> None:
    other = Chat(context.new_page(), chat.server)
    other.open()
    head = make_folder(chat, "Travel")
    expect(head).to_have_attribute("aria-expanded", "true")
    move(chat, "First words", "Travel")
    expect(inside(chat, "Travel")).to_contain_text("First words")
    expect(chat.list.get_by_role("link", name="First words")).to_have_count(1)
    there = head_of(other, "Travel")
    there.click() if there.get_attribute("aria-expanded") == "false" else None
    expect(inside(other, "Travel")).to_contain_text("First words")
    chat.page.get_by_role("button", name="Undo").click()
    expect(inside(chat, "Travel")).to_have_count(0)
    expect(inside(other, "Travel")).to_have_count(0)


def test_a_folder_is_renamed_deleted_and_restored(chat: Chat) -> None:
    make_folder(chat, "Travel")
    move(chat, "First words", "Travel")
    expect(inside(chat, "Travel")).to_have_count(1)
    options = chat.list.get_by_role("button", name="Options for Travel")
    options.focus()
    options.click()
    chat.page.get_by_role("menuitem", name="Rename").click()
    dialog = chat.page.get_by_role("dialog", name="Rename folder")
    dialog.get_by_label("Name").fill("Journeys")
    dialog.get_by_role("button", name="Rename").click()
    expect(inside(chat, "Journeys")).to_contain_text("First words")
    options = chat.list.get_by_role("button", name="Options for Journeys")
    options.focus()
    options.click()
    chat.page.get_by_role("menuitem", name="Delete").click()
    expect(head_of(chat, "Journeys")).to_have_count(0)
    expect(chat.list.get_by_role("link", name="First words")).to_have_count(1)
    chat.page.get_by_text("Folder deleted.").locator("..").get_by_role("button").first.click()
    expect(inside(chat, "Journeys")).to_contain_text("First words")


def test_a_row_is_dragged_into_a_folder_and_out_again(chat: Chat) -> None:
    head = make_folder(chat, "Travel")
    row = chat.list.get_by_role("link", name="First words")
    row.drag_to(head)
    expect(inside(chat, "Travel")).to_contain_text("First words")
    inside(chat, "Travel").drag_to(chat.list.get_by_role("link", name="Second words"))
    expect(inside(chat, "Travel")).to_have_count(0)


def test_the_arrows_go_through_folders_and_fold_them(chat: Chat) -> None:
    head = make_folder(chat, "Travel")
    move(chat, "First words", "Travel")
    expect(inside(chat, "Travel")).to_have_count(1)
    keys = chat.page.keyboard
    head.focus()
    keys.press("ArrowDown")
    expect(inside(chat, "Travel").first).to_be_focused()
    keys.press("ArrowUp")
    expect(head).to_be_focused()
    keys.press("ArrowLeft")
    expect(head).to_have_attribute("aria-expanded", "false")
    expect(head).to_be_focused()
    chat.page.reload()
    expect(head).to_have_attribute("aria-expanded", "false")
    head.focus()
    keys.press("ArrowRight")
    expect(head).to_have_attribute("aria-expanded", "true")
    expect(inside(chat, "Travel")).to_contain_text("First words")
    keys.press("ArrowRight")
    options = chat.list.get_by_role("button", name="Options for Travel")
    expect(options).to_be_focused()


def test_conversations_that_the_list_has_not_come_to_are_in_their_folder(
    chat: Chat, site: Server
) -> None:
    head = make_folder(chat, "Travel")
    move(chat, "First words", "Travel")
    site.database.rows(
        "UPDATE chat_conversation SET updated = '2001-01-01' WHERE title = 'First words'"
    )
    head.press("ArrowLeft")
    expect(head).to_have_attribute("aria-expanded", "false")
    chat.page.reload()
    expect(head).to_have_attribute("aria-expanded", "false")
    head.click()
    expect(inside(chat, "Travel")).to_contain_text("First words")


def test_a_name_that_looks_like_markup_is_text(chat: Chat) -> None:
    name = '<img src=x onerror="document.title=1">'
    make_folder(chat, name)
    assert chat.list.locator("img").count() == 0
