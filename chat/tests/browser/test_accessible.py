"""The pages for those who do not see or point: no serious finding of axe, light and dark."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from chat.tests.browser.chatting import Chat
from chat.tests.browser.test_chat import MARKDOWN
from chat.tests.live.server import Server, Upstream

pytestmark = pytest.mark.browser

STILL = """async () => {
  const fading = () => document.getAnimations().filter(
    (one) => one.effect.getComputedTiming().iterations !== Infinity);
  while (fading().length) await Promise.allSettled(fading().map((one) => one.finished));
}"""


def serious(page: Page) -> list[str]:
    """Serious and critical findings of axe in the page."""
    # What fades in is pale at first.
    page.evaluate(STILL)
    response = Axe().run(page).response
    assert len(response["passes"]) > 5  # it has looked
    return [
        f"{one['id']}: {one['help']}: {[node['html'] for node in one['nodes']][:3]}"
        for one in response["violations"]
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_finding(
    page: Page, site: Server, upstream: Upstream, scheme: str
) -> None:
    carol = site.database.add_person("carol", staff=True, superuser=True)
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(site.origin)
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert serious(page) == []

    chat = Chat(page, site)
    chat.log_in(carol)
    chat.open()
    assert serious(page) == []  # the welcome
    panel = chat.open_settings()
    panel.get_by_label("Top P").fill("3")
    panel.get_by_label("Temperature").fill("1")
    expect(panel.get_by_text("Enter a number from 0 to 1.")).to_be_visible()
    assert serious(page) == []  # beside the thread, with something wrong in it
    page.set_viewport_size({"width": 360, "height": 740})
    assert serious(page) == []  # over the thread
    panel.get_by_role("button", name="Model").click()
    assert serious(page) == []  # with the list of models, and the field to filter it
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1280, "height": 720})
    expect(panel).to_be_hidden()
    upstream.play(MARKDOWN)
    chat.ended(chat.send("Show me everything"))
    chat.choose("status?code=500")
    failed = chat.send("Fail")
    expect(failed.get_by_role("button", name="Retry", exact=True)).to_be_visible()
    assert serious(page) == []
    expect(failed.get_by_role("button", name="Regenerate")).to_have_count(0)  # one or the other
    chat.replies.first.get_by_role("button", name="Regenerate", exact=True).click()
    expect(chat.replies.last.get_by_role("group", name="Version 2 of 2")).to_be_visible()
    chat.mine.first.get_by_role("button", name="Edit message").click()
    assert serious(page) == []  # with versions, and a message that is written anew
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Conversation options").click()
    assert serious(page) == []  # with an open menu
    page.get_by_role("menuitem", name="Rename").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert serious(page) == []
    page.keyboard.press("Escape")
    chat.open_palette()
    assert serious(page) == []
    page.keyboard.press("Escape")
    chat.list.get_by_role("button", name="New folder").click()
    page.get_by_role("dialog", name="New folder").get_by_label("Name").fill("Travel")
    page.keyboard.press("Enter")
    expect(chat.list.get_by_role("button", name="Travel", exact=True)).to_be_visible()
    assert serious(page) == []
    messages = page.get_by_role("region", name="Messages")
    headings = messages.get_by_role("heading", level=2)
    assert [one.get_attribute("aria-label") for one in headings.all()] == ["You", "Reply"]
    messages.focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    assert serious(page) == []

    (row,) = site.database.rows("SELECT id FROM chat_conversation WHERE owner_id = ?", carol.id)
    page.goto(f"{site.origin}/admin/chat/conversation/{row['id']}/change/")
    expect(page.get_by_role("heading", name="A heading")).to_be_visible()
    for summary in page.get_by_text("1 attempt, 1 request").all():
        summary.click()
    expect(page.get_by_text("Failed requests").first).to_be_visible()
    assert serious(page) == []
    page.goto(f"{site.origin}/admin/chat/conversation/")
    assert serious(page) == []
