"""The settings of a conversation, from the panel to the model and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from chat.tests.browser.chatting import PATIENCE, Chat, soon
from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import LONG, Server, Upstream

pytestmark = pytest.mark.browser

WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 360, "height": 740}


@pytest.fixture
def chat(page: Page, site: Server) -> Chat:
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    chat = Chat(page, site)
    chat.log_in(site.database.add_person("alice"))
    chat.open()
    return chat


def saved(chat: Chat, conversation: str) -> dict[str, Any]:
    """The settings as they are stored."""
    (row,) = chat.server.database.rows(
        "SELECT settings FROM chat_conversation WHERE uid = ?", conversation.replace("-", "")
    )
    settings: dict[str, Any] = json.loads(row["settings"])
    return settings


def leave(field: Locator, text: str) -> None:
    """Enter something and go on to the next field."""
    field.fill(text)
    field.press("Tab")


def test_settings_reach_the_model_and_survive_a_reload(chat: Chat, upstream: Upstream) -> None:
    chat.ended(chat.send("Before anything is set"))
    (before,) = upstream.requests("Before anything is set")
    assert {"temperature", "top_p", "max_tokens", "reasoning_effort"}.isdisjoint(before["body"])
    panel = chat.open_settings()
    leave(panel.get_by_label("System prompt"), "Answer in rhymes.")
    leave(panel.get_by_label("Temperature"), "0,7")
    leave(panel.get_by_label("Top P"), "0.9")
    leave(panel.get_by_label("Max. length"), "512")
    panel.get_by_label("Reasoning effort").select_option("Extra high")
    wanted = {
        "system": "Answer in rhymes.",
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 512,
        "reasoning_effort": "xhigh",
    }
    assert soon(lambda: saved(chat, chat.conversation) == wanted)
    chat.page.reload()
    panel = chat.open_settings()
    expect(panel.get_by_label("System prompt")).to_have_value("Answer in rhymes.")
    expect(panel.get_by_label("Temperature")).to_have_value("0.7")
    expect(panel.get_by_label("Reasoning effort")).to_have_value("xhigh")
    chat.ended(chat.send("After all is set"))
    body = upstream.requests("After all is set")[-1]["body"]
    assert body["messages"][0] == {"role": "system", "content": "Answer in rhymes."}
    assert (body["temperature"], body["top_p"], body["max_tokens"]) == (0.7, 0.9, 512)
    assert body["reasoning_effort"] == "xhigh"


def test_what_is_emptied_is_the_models_own_again_and_reset_empties_all(chat: Chat) -> None:
    chat.ended(chat.send("Hello"))
    panel = chat.open_settings()
    leave(panel.get_by_label("Temperature"), "0")
    leave(panel.get_by_label("Top P"), "1")
    assert soon(lambda: saved(chat, chat.conversation) == {"temperature": 0, "top_p": 1})
    expect(chat.page.get_by_role("button", name="Settings (2 set)")).to_be_visible()
    leave(panel.get_by_label("Temperature"), "")
    assert soon(lambda: saved(chat, chat.conversation) == {"top_p": 1})
    leave(panel.get_by_label("System prompt"), "Be brief.")
    panel.get_by_role("button", name="Reset").click()
    chat.page.get_by_role("dialog", name="Reset all").get_by_role("button", name="Reset").click()
    expect(panel.get_by_label("System prompt")).to_have_value("")
    assert soon(lambda: saved(chat, chat.conversation) == {})
    expect(chat.page.get_by_role("button", name="Settings", exact=True)).to_be_visible()


def test_second_tab_sees_them_except_in_the_field_it_writes_in(
    chat: Chat, context: BrowserContext, site: Server
) -> None:
    chat.ended(chat.send("Hello"))
    page = context.new_page()
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    other = Chat(page, site)
    other.open(f"/c/{chat.conversation}")
    theirs = other.open_settings()
    theirs.get_by_label("Top P").press_sequentially("5")  # not done yet, and out of range
    mine = chat.open_settings()
    leave(mine.get_by_label("Top P"), "0.2")
    leave(mine.get_by_label("Temperature"), "1.5")
    expect(theirs.get_by_label("Temperature")).to_have_value("1.5", timeout=PATIENCE)
    expect(theirs.get_by_label("Top P")).to_have_value("5")
    leave(theirs.get_by_label("Top P"), "0.5")
    expect(mine.get_by_label("Top P")).to_have_value("0.5", timeout=PATIENCE)


def test_entry_out_of_range_is_named_at_its_field_and_not_saved(chat: Chat) -> None:
    chat.ended(chat.send("Hello"))
    panel = chat.open_settings()
    for label, wrong, why in (
        ("Temperature", "2.1", "Enter a number from 0 to 2."),
        ("Top P", "-1", "Enter a number from 0 to 1."),
        ("Max. length", "0", "Enter a whole number from 1 to 1,000,000."),
    ):
        field = panel.get_by_label(label)
        leave(field, wrong)
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(panel.get_by_text(why)).to_be_visible()
        assert "-error" in (field.get_attribute("aria-describedby") or "")
    panel.get_by_label("Reasoning effort").select_option("Low")
    assert soon(lambda: saved(chat, chat.conversation) == {"reasoning_effort": "low"})
    leave(panel.get_by_label("Temperature"), "2")
    expect(panel.get_by_label("Temperature")).not_to_have_attribute("aria-invalid", "true")
    assert soon(lambda: saved(chat, chat.conversation).get("temperature") == 2)


def test_new_chat_keeps_them_with_its_draft_and_sends_them_with_the_first_message(
    chat: Chat, upstream: Upstream
) -> None:
    leave(chat.open_settings().get_by_label("System prompt"), "Answer in prose.")
    chat.page.reload()
    panel = chat.open_settings()
    expect(panel.get_by_label("System prompt")).to_have_value("Answer in prose.")
    chat.ended(chat.send("The first of a new chat"))
    (request,) = upstream.requests("The first of a new chat")
    assert request["body"]["messages"][0]["content"] == "Answer in prose."
    assert saved(chat, chat.conversation) == {"system": "Answer in prose."}
    expect(panel.get_by_label("System prompt")).to_have_value("Answer in prose.")
    chat.page.get_by_role("button", name="New chat").first.click()
    expect(panel.get_by_label("System prompt")).to_have_value("")


def test_message_finds_what_was_set_just_before_it(chat: Chat, upstream: Upstream) -> None:
    """However long the settings are on their way."""
    chat.ended(chat.send("Hello"))
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "PATCH" and not held:
            held.append(route)
        else:
            route.continue_()

    chat.page.route("**/api/v1/conversations/*", hold)
    leave(chat.open_settings().get_by_label("Temperature"), "0.1")
    chat.choose(LONG)
    chat.message.fill("Right after it")
    chat.message.press("Enter")
    expect(chat.mine.last).to_contain_text("Sending…")
    assert upstream.requests("Right after it") == []
    held[0].continue_()
    chat.ended(chat.replies.nth(1))
    (request,) = upstream.requests("Right after it")
    assert (request["body"]["temperature"], request["body"]["model"]) == (0.1, LONG)


def test_without_a_connection_nothing_that_was_set_is_lost(
    page: Page, make_server: MakeServer, upstream: Upstream
) -> None:
    server = make_server()
    server.start()
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    chat = Chat(page, server)
    chat.log_in(server.database.add_person("alice"))
    chat.open()
    chat.ended(chat.send("Hello"))
    panel = chat.open_settings()
    first = chat.conversation
    server.kill()
    leave(panel.get_by_label("Temperature"), "0.3")
    chat.choose(LONG)
    expect(panel.get_by_text("The settings are not saved.")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="New chat").first.click()
    leave(panel.get_by_label("Temperature"), "0.4")
    chat.message.fill("Waits for the connection")
    chat.message.press("Enter")
    expect(chat.mine.last).to_contain_text("Will be sent when connected", timeout=PATIENCE)
    expect(panel.get_by_label("Temperature")).to_have_value("0.4")
    server.start()
    chat.ended(chat.replies.last)
    assert saved(chat, chat.conversation) == {"temperature": 0.4}
    assert soon(lambda: saved(chat, first) == {"temperature": 0.3})
    chat.page.go_back()
    expect(page.get_by_role("button", name="Model:")).to_contain_text(LONG)
    (request,) = upstream.requests("Waits for the connection")
    assert request["body"]["temperature"] == 0.4


def test_panel_opens_and_closes_by_keyboard_beside_the_thread(chat: Chat) -> None:
    page = chat.page
    opener = page.get_by_role("button", name="Settings")
    opener.press("Enter")
    panel = page.get_by_role("dialog", name="Settings")
    expect(panel).to_be_visible()
    expect(opener).to_have_attribute("aria-expanded", "true")
    expect(panel.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(panel.get_by_label("System prompt")).to_be_focused()
    page.keyboard.type("Kept on the way out.")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(opener).to_be_focused()
    opener.press("Enter")
    expect(panel.get_by_label("System prompt")).to_have_value("Kept on the way out.")
    chat.message.click()  # it is not in the way
    expect(chat.message).to_be_focused()
    expect(panel).to_be_visible()


def test_panel_covers_a_small_screen_and_keeps_the_focus(chat: Chat) -> None:
    page = chat.page
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    opener = page.get_by_role("button", name="Settings")
    opener.press("Enter")
    panel = page.get_by_role("dialog", name="Settings")
    box = panel.bounding_box()
    assert box is not None
    assert {side: round(box[side]) for side in NARROW} == NARROW  # type: ignore[literal-required]
    # The way round leads by the browser's own controls, where the page has no focus.
    inside = "panel => [panel, document.body].some(one => one === document.activeElement ||"
    inside += " (one === panel && one.contains(document.activeElement)))"
    for _ in range(12):
        page.keyboard.press("Tab")
        assert panel.evaluate(inside)
    panel.get_by_role("button", name="Model").click()
    page.get_by_role("menuitemradio", name="status?code=401").click()
    expect(panel.get_by_role("button", name="Model")).to_contain_text("status?code=401")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(opener).to_be_focused()


def test_long_list_of_models_is_filtered_by_words(chat: Chat) -> None:
    page = chat.page
    button = page.get_by_role("button", name="Model:")
    button.press("Enter")
    expect(page.get_by_role("searchbox", name="Filter: Model")).to_be_focused()
    page.keyboard.type("CODE status 429")
    choices = page.get_by_role("menuitemradio")
    expect(choices).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(choices.first).to_be_focused()
    page.keyboard.press("Enter")
    expect(button).to_contain_text("status?code=429&after=7")
    expect(button).to_be_focused()
    button.press("Enter")
    page.keyboard.type("nothing has this name")
    expect(page.get_by_text("No matches.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
