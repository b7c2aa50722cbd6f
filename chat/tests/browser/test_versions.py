"""The tree in the page: other versions of messages and replies, and what is taken back."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, FloatRect, Locator, expect

from chat.tests.browser.chatting import PATIENCE, Chat, numbered, soon, stored
from chat.tests.browser.proxy import proxy
from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import ENDLESS, SHORT, Server, Upstream

pytestmark = pytest.mark.browser


@pytest.fixture
def chat(context: BrowserContext, site: Server) -> Chat:
    """Alice's chat page."""
    chat = Chat(context.new_page(), site)
    chat.log_in(site.database.add_person("alice"))
    chat.open()
    return chat


def answered(chat: Chat, upstream: Upstream, text: str, answer: str) -> Locator:
    """A message, and its whole answer."""
    upstream.play(answer)
    reply = chat.send(text)
    chat.shows(reply, answer)
    chat.ended(reply)
    return reply


def begin_editing(chat: Chat, message: Locator) -> Locator:
    """The text area that the message becomes."""
    message.hover()
    message.get_by_role("button", name="Edit message").click()
    return message.get_by_role("textbox", name="Your message")


def version(message: Locator, at: int, of: int) -> None:
    expect(message.get_by_role("group", name=f"Version {at} of {of}")).to_be_visible(
        timeout=PATIENCE
    )


def test_edit_makes_another_version_and_both_can_be_seen(
    chat: Chat, site: Server, upstream: Upstream
) -> None:
    answered(chat, upstream, "One", "The first answer.")
    answered(chat, upstream, "Behind it", "The answer behind it.")
    area = begin_editing(chat, chat.mine.first)
    expect(area).to_be_focused()
    expect(area).to_have_value("One")
    upstream.play("Another answer.")
    area.fill("Two")
    area.press("Control+Enter")
    chat.shows(chat.replies.first, "Another answer.")
    expect(chat.mine.locator(".bubble")).to_have_text(["Two"])
    version(chat.mine.first, 2, 2)
    chat.mine.first.get_by_role("button", name="Previous version").click()
    chat.shows(chat.replies.first, "The first answer.")
    chat.shows(chat.replies.last, "The answer behind it.")
    version(chat.mine.first, 1, 2)
    chat.page.reload()
    chat.shows(chat.replies.last, "The answer behind it.")
    version(chat.mine.first, 1, 2)
    assert stored(site, chat.conversation)[::2] == ["One", "Behind it", "Two"]


def test_chosen_version_is_shown_in_every_tab_and_the_last_choice_wins(
    chat: Chat, context: BrowserContext, site: Server, upstream: Upstream
) -> None:
    reply = answered(chat, upstream, "One", "The first answer.")
    other = Chat(context.new_page(), site)
    other.open(f"/c/{chat.conversation}")
    other.shows(other.replies.first, "The first answer.")
    upstream.play("The second answer.")
    reply.get_by_role("button", name="Regenerate", exact=True).click()
    for tab in (chat, other):
        tab.shows(tab.replies.first, "The second answer.")
        version(tab.replies.first, 2, 2)
    other.replies.first.get_by_role("button", name="Previous version").click()
    for tab in (chat, other):
        tab.shows(tab.replies.first, "The first answer.")
    chat.replies.first.get_by_role("button", name="Next version").click()
    for tab in (other, chat):
        tab.shows(tab.replies.first, "The second answer.")
    other.page.reload()
    other.shows(other.replies.first, "The second answer.")


def test_version_that_is_left_goes_on_and_is_read_when_it_is_shown_again(
    chat: Chat, upstream: Upstream
) -> None:
    reply = answered(chat, upstream, "Count", "No.")
    upstream.play(numbered(80), rate=100)
    reply.get_by_role("button", name="Regenerate", exact=True).click()
    chat.grows(chat.replies.first, 5)
    chat.replies.first.get_by_role("button", name="Previous version").click()
    chat.shows(chat.replies.first, "No.")
    chat.replies.first.get_by_role("button", name="Next version").click()
    chat.ended(chat.replies.first)
    chat.shows(chat.replies.first, numbered(80))


def test_another_model_writes_another_version(chat: Chat, site: Server, upstream: Upstream) -> None:
    chat.choose(SHORT)
    reply = answered(chat, upstream, "Who are you?", "One model.")
    upstream.play("Another model.")
    reply.get_by_role("button", name="Regenerate with another model").click()
    chat.page.get_by_role("menuitemradio", name=ENDLESS).click()
    chat.shows(chat.replies.first, "Another model.")
    chat.ended(chat.replies.first)
    expect(chat.replies.first.locator(".facts")).to_contain_text(ENDLESS)
    expect(chat.page.get_by_role("button", name="Model:")).to_contain_text(SHORT)


def test_empty_reply_can_be_written_again(chat: Chat, upstream: Upstream) -> None:
    upstream.play("")
    reply = chat.send("Say nothing")
    expect(reply).to_contain_text("gave an empty answer", timeout=PATIENCE)
    upstream.play("Something.")
    reply.get_by_role("button", name="Regenerate", exact=True).click()
    chat.shows(chat.replies.first, "Something.")


def test_message_that_waits_is_changed_in_its_place_and_taken_back(
    chat: Chat, site: Server, upstream: Upstream
) -> None:
    upstream.play(numbered(2000), rate=60)
    chat.grows(chat.send("One"), 1)
    chat.send("Too")
    chat.send("Three")
    two = chat.mine.nth(1)
    area = begin_editing(chat, two)
    area.fill("Two")
    two.get_by_role("button", name="Save").click()
    expect(two).to_contain_text("Two")
    expect(chat.mine).to_have_count(3)
    expect(two.get_by_role("group", name="Version")).to_have_count(0)
    texts = soon(lambda: [t for t in [stored(site, chat.conversation)] if "Two" in t])[0]
    assert texts[::2] == ["One", "Two", "Three"]
    chat.message.fill("and a thought")
    two.get_by_role("button", name="Remove").click()
    expect(chat.message).to_have_value("Two\n\nand a thought")
    expect(chat.mine).to_have_count(2)
    upstream.play("It is my turn.")
    chat.stop.click()
    chat.shows(chat.replies.last, "It is my turn.")
    assert stored(site, chat.conversation)[::2] == ["One", "Three"]


def test_first_message_taken_back_leaves_a_new_chat(
    chat: Chat, site: Server, upstream: Upstream
) -> None:
    """Its reply waits because others of the same person are running."""
    for _ in range(3):
        upstream.play(numbered(2000), rate=30)
        chat.open()
        chat.grows(chat.send("Count"), 1)
    chat.open()
    reply = chat.send("Not now")
    expect(reply).to_contain_text("Waiting for another of your replies to end.")
    chat.mine.first.get_by_role("button", name="Remove").click()
    chat.page.wait_for_url(f"{chat.origin}/")
    expect(chat.message).to_have_value("Not now")
    expect(chat.list.get_by_role("link", name="Not now")).to_have_count(0)
    for link in chat.list.get_by_role("link").all():
        link.click()
        chat.stop.click()
        chat.ended(chat.replies.first)


def test_what_is_being_edited_outlives_a_reload(chat: Chat, upstream: Upstream) -> None:
    answered(chat, upstream, "One", "The answer.")
    uid = chat.conversation
    area = begin_editing(chat, chat.mine.first)
    area.fill("Half a thought")
    chat.page.reload()
    again = chat.mine.first.get_by_role("textbox", name="Your message")
    expect(again).to_have_value("Half a thought")
    again.press("Escape")
    expect(again).to_have_count(0)
    expect(chat.mine.first).to_contain_text("One")
    expect(chat.mine.first.get_by_role("button", name="Edit message")).to_be_focused()
    chat.page.goto(f"{chat.origin}/c/{uid}")
    expect(chat.mine.first).to_contain_text("One")
    expect(chat.mine.first.get_by_role("textbox")).to_have_count(0)


def test_versions_by_keyboard_on_a_phone(chat: Chat, upstream: Upstream) -> None:
    page = chat.page
    page.set_viewport_size({"width": 360, "height": 740})
    reply = answered(chat, upstream, "One", "The first answer.")
    upstream.play("The second answer.")
    reply.get_by_role("button", name="Regenerate", exact=True).press("Enter")
    chat.shows(chat.replies.first, "The second answer.")
    chat.ended(chat.replies.first)
    previous = chat.replies.first.get_by_role("button", name="Previous version")
    previous.focus()
    page.keyboard.press("Enter")
    chat.shows(chat.replies.first, "The first answer.")
    # The way back is where the keyboard is.
    page.keyboard.press("Enter")
    chat.shows(chat.replies.first, "The second answer.")
    assert page.evaluate("scroller.scrollWidth - scroller.clientWidth") == 0


def test_archived_conversations_stand_apart(chat: Chat, site: Server, upstream: Upstream) -> None:
    answered(chat, upstream, "Put me away", "As you like.")
    uid = chat.conversation
    page = chat.page
    page.get_by_role("button", name="Conversation options").click()
    page.get_by_role("menuitem", name="Archive").click()
    link = chat.list.get_by_role("link", name="Put me away")
    expect(link).to_have_count(0)
    bar = page.get_by_text("This conversation is archived.")
    expect(bar).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(link).to_be_visible()
    expect(bar).to_be_hidden()
    page.get_by_role("button", name="Conversation options").click()
    page.get_by_role("menuitem", name="Archive").click()
    expect(bar).to_be_visible()
    toast = _box(page.locator(".toast").filter(has=page.get_by_text("Archived", exact=True)))
    for tools in (page.locator("form.composer"), chat.replies.last.locator(".reply-foot")):
        assert not _overlap(toast, _box(tools))
    page.get_by_label("Search conversations").fill("AWAY me")
    expect(link).to_contain_text("Archived")
    expect(page.get_by_text("1 match. Searched titles and messages")).to_be_visible()
    page.get_by_label("Search conversations").press("Escape")
    expect(link).to_have_count(0)
    site.database.change("UPDATE chat_conversation SET source = 'api' WHERE uid = ?", _hex(uid))
    page.reload()
    chat.shows(chat.replies.first, "As you like.")
    expect(link).to_have_count(0)
    expect(chat.list).to_contain_text("All conversations are archived.")
    chat.list.get_by_role("button", name="Show archived").click()
    expect(link).to_contain_text("API")
    page.get_by_role("button", name="Unarchive").click()
    expect(link).to_have_count(0)
    expect(bar).to_be_hidden()
    page.get_by_role("button", name="All conversations").click()
    expect(link).to_be_visible()
    page.locator("#user").click()
    page.get_by_role("menuitem", name="Archived conversations").click()
    expect(chat.list).to_contain_text("No archived conversations.")


def _box(locator: Locator) -> FloatRect:
    box = locator.bounding_box()
    assert box is not None
    return box


def _overlap(one: FloatRect, other: FloatRect) -> bool:
    return (
        one["x"] < other["x"] + other["width"]
        and other["x"] < one["x"] + one["width"]
        and one["y"] < other["y"] + other["height"]
        and other["y"] < one["y"] + one["height"]
    )


def _hex(uid: str) -> str:
    return uid.replace("-", "")


@pytest.fixture
def apart(context: BrowserContext, make_server: MakeServer) -> Chat:
    """A page on a server of the test's own, which it may end."""
    server = make_server(DRAIN_SECONDS="0.5")
    server.start()
    chat = Chat(context.new_page(), server)
    chat.log_in(server.database.add_person("alice"))
    chat.open()
    return chat


def test_edit_and_regeneration_asked_for_meanwhile_are_done_once(
    apart: Chat, upstream: Upstream
) -> None:
    chat, server = apart, apart.server
    answered(chat, upstream, "One", "The first.")
    answered(chat, upstream, "Two", "The second.")
    server.kill()
    expect(chat.page.get_by_text("Trying again in")).to_be_visible(timeout=PATIENCE)
    chat.replies.first.get_by_role("button", name="Regenerate", exact=True).click()
    expect(chat.replies.first).to_contain_text("Will regenerate when connected")
    begin_editing(chat, chat.mine.last).fill("Two and a half")
    chat.mine.last.get_by_role("button", name="Save & send").click()
    expect(chat.mine.last).to_contain_text("Will be sent when connected")
    upstream.play("Again.")
    server.start()
    texts = soon(
        lambda: [t for t in [stored(server, chat.conversation)] if len([x for x in t if x]) > 5]
    )[0]
    assert sorted(texts[:2] + texts[2:4]) == ["One", "The first.", "The second.", "Two"]
    assert "Two and a half" in texts
    expect(chat.page.get_by_text("when connected")).to_have_count(0, timeout=PATIENCE)
    rows = server.database.rows("SELECT role FROM chat_message")
    assert sorted(row["role"] for row in rows) == ["assistant"] * 4 + ["user"] * 3


def test_lost_connection_is_healed_of_what_was_done_elsewhere(
    context: BrowserContext, site: Server, upstream: Upstream
) -> None:
    with proxy(site.port) as cable:
        alice = site.database.add_person("alice")
        chat = Chat(context.new_page(), site)
        chat.origin = cable.origin
        chat.log_in(alice)
        chat.open()
        answered(chat, upstream, "One", "The first.")
        upstream.play(numbered(3000), rate=60)
        chat.grows(chat.send("Count"), 1)
        chat.send("Wait")
        expect(chat.mine.last.get_by_role("button", name="Remove")).to_be_visible()
        cable.cut()
        expect(chat.page.get_by_text("Trying again in")).to_be_visible(timeout=PATIENCE)

        other = Chat(context.new_page(), site)
        other.open(f"/c/{chat.conversation}")
        other.mine.last.get_by_role("button", name="Remove").click()
        expect(other.mine).to_have_count(2)
        other.stop.click()
        other.ended(other.replies.last)
        area = begin_editing(other, other.mine.first)
        upstream.play("The other first.")
        area.fill("Uno")
        area.press("Control+Enter")
        other.shows(other.replies.first, "The other first.")
        expect(chat.mine).to_have_count(3)  # it knows nothing of that

        cable.mend()
        chat.shows(chat.replies.first, "The other first.")
        expect(chat.mine.locator(".bubble")).to_have_text(["Uno"])
        chat.mine.first.get_by_role("button", name="Previous version").click()
        expect(chat.mine.locator(".bubble")).to_have_text(["One", "Count"])
        expect(chat.replies.last).to_contain_text("Stopped.")
