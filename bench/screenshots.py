"""Draw the screenshots of the README, in light and dark: `python -m bench.screenshots`.

A person asks some questions, which the fake endpoint answers. The pictures show the last of them.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import sys
import tempfile
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from bench.servers import Server, fake_upstream, parley
from chat.tests.browser.find_browser import ARGUMENTS, installed

DOCS = Path(__file__).resolve().parents[1] / "docs"
MODELS = ["gpt-5-mini", "gpt-5"]
SIZE = {"width": 1200, "height": 780}
MOST_BYTES = 150_000

# What was asked before, and how many days ago.
EARLIER = [
    ("A name for our newsletter", 40),
    ("Packing list for four days in Lisbon", 12),
    ("Translate the invitation into Hungarian", 6),
    ("Why does my sourdough not rise?", 3),
    ("Summary of Monday\u2019s meeting", 1),
    ("Questions for the interview on Thursday", 0),
]
QUESTION = "Which index do I need for the newest 20 orders of a customer?"
ANSWER = """One over both columns, with the **customer first** and the date second:

```sql
CREATE INDEX orders_by_customer
    ON orders (customer_id, created_at DESC);
```

The database jumps to the customer, reads 20 entries in order and stops. It sorts nothing:

| Index | Rows read | Sorting |
|---|---:|---|
| none | 2,400,000 | all |
| `customer_id` | 310 | all of the customer |
| `customer_id, created_at` | 20 | none |

With $n$ orders that costs $O(\\log n)$. Check it with `EXPLAIN`: the plan has no *Sort* any more.
"""


def play(upstream: str, text: str) -> None:
    """Let the endpoint answer its next request with this text, at a usual speed."""
    control = upstream.removesuffix("/v1") + "/control"
    headers = {"Content-Type": "application/json"}
    body = json.dumps({"text": text, "rate": 90}).encode()
    urllib.request.urlopen(urllib.request.Request(control, body, headers), timeout=10).close()


def ask(page: Page, question: str) -> None:
    """Send it as a person does, and wait for the end of its answer."""
    message = page.get_by_role("textbox", name="Message", exact=True)
    message.fill(question)
    message.press("Enter")
    expect(page.locator(".facts").last).to_be_visible(timeout=30_000)


def logged_in(browser: Browser, server: Server, scheme: str) -> BrowserContext:
    """A browser of the person, who prefers light or dark."""
    context = browser.new_context(
        viewport=SIZE,  # type: ignore[arg-type]
        color_scheme="dark" if scheme == "dark" else "light",
        device_scale_factor=1.5,
    )
    name, _, value = server.cookies[0].partition("=")
    url = f"http://127.0.0.1:{server.port}"
    context.add_cookies([{"name": name, "value": value, "url": url}])
    return context


def converse(browser: Browser, server: Server, upstream: str, file: Path) -> str:
    """Have all conversations, the earlier ones some days ago; returns the last one's address."""
    page = logged_in(browser, server, "light").new_page()
    with sqlite3.connect(file) as database:
        database.execute("UPDATE auth_user SET first_name = 'Alice', last_name = 'Winter'")
    for question, days in EARLIER:
        page.goto(f"http://127.0.0.1:{server.port}/")
        play(upstream, "Gladly. Here is a first draft.")
        ask(page, question)
        uid = page.url.rpartition("/")[2].replace("-", "")
        at = (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S")
        with sqlite3.connect(file) as database:
            change = "UPDATE chat_conversation SET updated = ? WHERE uid = ?"
            database.execute(change, (at, uid))
    page.goto(f"http://127.0.0.1:{server.port}/")
    play(upstream, ANSWER)
    ask(page, QUESTION)
    return page.url


def draw(browser: Browser, server: Server, address: str, scheme: str) -> None:
    page = logged_in(browser, server, scheme).new_page()
    page.goto(address)
    expect(page.locator("article.reply table")).to_be_visible()
    expect(page.locator("article.reply math").first).to_be_visible()
    page.wait_for_timeout(1000)  # for colours and fonts
    session = page.context.new_cdp_session(page)
    drawn = session.send("Page.captureScreenshot", {"format": "webp", "quality": 85})
    picture = base64.b64decode(drawn["data"])
    if len(picture) > MOST_BYTES:
        sys.exit(f"The {scheme} picture has {len(picture)} bytes, not {MOST_BYTES}.")
    (DOCS / f"screenshot-{scheme}.webp").write_bytes(picture)


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="parley-bench-") as folder,
        fake_upstream() as upstream,
        parley(upstream, MODELS, 1, Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        path = next(installed(playwright), None)
        if path is None:
            sys.exit("No Chrome, Chromium or Edge.")
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        address = converse(browser, server, upstream, Path(folder) / "bench.sqlite3")
        for scheme in ("light", "dark"):
            draw(browser, server, address, scheme)
        browser.close()


if __name__ == "__main__":
    main()
