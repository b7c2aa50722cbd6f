"""Actions of people on the chat page, by visible roles, labels and words."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep

from playwright.sync_api import Locator, Page, expect

from chat.tests.live.database import Person
from chat.tests.live.server import Server

PATIENCE = 30_000
"""Milliseconds after which something that is not seen is missing."""


def numbered(count: int) -> str:
    """Words that show every gap and every repetition; one paragraph, nothing that is markup."""
    return " ".join(f"w{n:04}👍e\u0301" for n in range(count))


class Chat:
    """The chat page in one tab."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page = page
        self.server = server
        self.origin = server.origin
        self.message = page.get_by_role("textbox", name="Message", exact=True)
        self.replies = page.get_by_role("article", name="Reply")
        self.mine = page.get_by_role("article", name="You")
        self.stop = page.get_by_role("button", name="Stop the reply")
        self.list = page.get_by_role("navigation", name="Conversations")

    def log_in(self, person: Person) -> None:
        cookie = {"name": "sessionid", "value": person.session, "url": self.origin}
        self.page.context.add_cookies([cookie])  # type: ignore[list-item]

    def open(self, path: str = "/") -> None:
        self.page.goto(self.origin + path)
        expect(self.message).to_be_visible()

    @property
    def conversation(self) -> str:
        """The id of the shown conversation, once it has one."""
        self.page.wait_for_url("**/c/*")
        return self.page.url.rpartition("/")[2]

    def send(self, text: str) -> Locator:
        """Write a message and press Enter; returns its reply."""
        count = self.replies.count()
        self.message.fill(text)
        self.message.press("Enter")
        expect(self.message).to_have_value("")
        return self.replies.nth(count)

    def shows(self, reply: Locator, text: str) -> None:
        """Wait until this and nothing else is read in it, blanks and line ends all alike.

        What has arrived is drawn a moment later.
        """
        expect(reply.locator(".markdown").last).to_have_text(text, timeout=PATIENCE)

    def grows(self, reply: Locator, words: int) -> None:
        """Wait until it shows so many words of `numbered`."""
        expect(reply).to_contain_text(f"w{words:04}", timeout=PATIENCE)

    def ended(self, reply: Locator) -> None:
        """Wait for the quiet line that every reply gets at its end."""
        expect(reply.locator(".facts")).to_be_visible(timeout=PATIENCE)

    def open_settings(self) -> Locator:
        """The panel, opened."""
        self.page.get_by_role("button", name="Settings").click()
        panel = self.page.get_by_role("dialog", name="Settings")
        expect(panel).to_be_visible()
        return panel

    def open_palette(self) -> Locator:
        """The palette, opened by its key and ready for typing."""
        self.page.keyboard.press("Control+k")
        palette = self.page.get_by_role("dialog", name="Find conversations and actions")
        expect(palette.get_by_role("combobox")).to_be_focused()
        return palette

    def choose(self, model: str) -> None:
        self.page.get_by_role("button", name="Model:").click()
        self.page.get_by_role("menuitemradio", name=model, exact=False).first.click()


def soon[T](look: Callable[[], T]) -> T:
    """Wait until this finds something in the database or at the endpoint, and return it."""
    deadline = monotonic() + PATIENCE / 1000
    while not (found := look()):
        assert monotonic() < deadline, "never found"
        sleep(0.05)
    return found


def stored(server: Server, conversation: str) -> list[str]:
    """The texts of a conversation's messages, oldest first."""
    rows = server.database.rows(
        "SELECT m.text FROM chat_message m JOIN chat_conversation c ON c.id = m.conversation_id"
        " WHERE c.uid = ? ORDER BY m.id",
        conversation.replace("-", ""),
    )
    return [row["text"] for row in rows]
