"""Two servers behind nginx, and one is killed: who watches a reply sees a short pause, no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from chat.tests.browser.chatting import PATIENCE, Chat, numbered, soon, stored
from chat.tests.browser.nginx import nginx
from chat.tests.cluster.cluster import Cluster, Node
from chat.tests.cluster.conftest import MakeCluster, make_cluster, valkey
from chat.tests.live.server import ENDLESS, Upstream
from chat.tests.postgres import postgres

__all__ = ["make_cluster", "postgres", "valkey"]

pytestmark = pytest.mark.browser

WORDS = 150
TEXT = numbered(WORDS)
SPLITS = [0] * 60 + list(range(3, len(TEXT), 3))
"""Some chunks without text first: no model has its first word at once."""
RATE = 80

# What is on the page, whenever the browser paints it.
WATCH = """() => {
  const seen = { least: Infinity, bars: [], states: [], troubles: [] };
  const note = (list, text) => text && list.at(-1) !== text && list.push(text);
  const look = () => {
    const reply = [...document.querySelectorAll("article.reply")].at(-1);
    const shown = (selector) => [...document.querySelectorAll(selector)]
      .filter((one) => one.checkVisibility()).map((one) => one.textContent.trim()).join("|");
    seen.least = Math.min(seen.least, reply?.querySelector(":scope > .markdown")
      ?.textContent.length ?? 0);
    note(seen.bars, shown("#connection-text"));
    note(seen.states, reply?.querySelector(".reply-status")?.textContent.trim());
    note(seen.troubles, shown(".toast, dialog, [role=alert], [role=alertdialog], .danger"));
    requestAnimationFrame(look);
  };
  look();
  window.seenWhileWatching = seen;
}"""


@pytest.fixture
def cluster(make_cluster: MakeCluster) -> Cluster:
    """Either process may produce: a reply claimed at send is always its sender's."""
    return make_cluster(2, CLAIM_AT_SEND_REPLIES="0")


@pytest.fixture
def chat(page: Page, cluster: Cluster, tmp_path: Path) -> Iterator[Chat]:
    with nginx(tmp_path / "nginx", *(node.port for node in cluster.webs)) as origin:
        chat = Chat(page, cluster.webs[0])
        chat.origin = origin
        chat.log_in(cluster.database.add_person("alice"))
        chat.open()
        yield chat


def serving(cluster: Cluster) -> Node:
    """The process that has the page's socket."""
    return soon(lambda: [node for node in cluster.webs if node.metric("parley_sockets")])[0]


def produced(cluster: Cluster, chat: Chat, upstream: Upstream, *, here: bool) -> Locator:
    """A reply that the process of the page's socket produces, or the other one: whoever claims."""
    for number in range(30):
        upstream.play(TEXT, splits=SPLITS, rate=RATE)
        chat.page.get_by_role("button", name="New chat").first.click()
        chat.choose(ENDLESS)
        reply = chat.send(f"Count, for the {number}th time")
        chat.grows(reply, 5)
        (row,) = cluster.database.rows("SELECT uid FROM chat_message WHERE owner_id IS NOT NULL")
        if (cluster.owner(str(row["uid"])) is serving(cluster)) is here:
            return reply
        chat.stop.click()
        chat.ended(reply)
    raise AssertionError("It is always produced elsewhere.")


@pytest.mark.parametrize("produces", [True, False], ids=["and its reply", "alone"])
def test_killed_server_of_a_page_is_a_short_pause(
    cluster: Cluster, chat: Chat, upstream: Upstream, produces: bool
) -> None:
    reply = produced(cluster, chat, upstream, here=produces)
    chat.grows(reply, 20)
    chat.page.evaluate(WATCH)
    if produces:
        upstream.play(TEXT, splits=SPLITS, rate=RATE)
    serving(cluster).kill()
    chat.ended(reply)
    chat.shows(reply, TEXT)
    seen: dict[str, Any] = chat.page.evaluate("window.seenWhileWatching")
    assert stored(chat.server, chat.conversation)[-1] == TEXT
    assert seen["troubles"] == []
    assert seen["least"] > 0, seen
    # The connection may be tried once or twice; that is said, and nothing is asked of anybody.
    assert all(text.startswith("Connect") for text in seen["bars"]), seen
    assert bool(seen["states"]) is produces, seen
    expect(chat.page.locator("#connection")).to_be_hidden(timeout=PATIENCE)
    chat.page.reload()
    chat.shows(chat.replies.last, TEXT)
