"""Costs of replies that grow on the page: a long table, a list, code and paragraphs.

    python -m bench.growing [--only NAME …] [--rate TOKENS]

Each is streamed at 150 tokens a second to the page in Chromium. Script and layout are the browser's
own sums of both and of styles, scaled to 50 KB. The longest task is that of the page's main thread,
with its share of a processor. Elements made are counted beside those there at the end: about one is
made for each, where nothing that is closed is made again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, CDPSession, Page, sync_playwright

from bench.servers import fake_upstream, parley
from bench.texts import END, Tasks
from chat.tests.browser.find_browser import ARGUMENTS, installed

TOKEN = 4
"""Characters of a token."""
SCALE = 50_000
MUST = {"script and layout": 250.0, "longest": 50.0}
"""The most milliseconds: for 50 KB, and of a task of an idle machine."""

MADE = """
window.made = 0;
new MutationObserver((records) => {
  for (const { addedNodes } of records) {
    for (const node of addedNodes) {
      if (!(node instanceof Element) || !node.closest(".reply > .markdown")) continue;
      window.made += 1 + node.querySelectorAll("*").length;
    }
  }
}).observe(document, { childList: true, subtree: true });
"""


def texts() -> dict[str, str]:
    """A text of each kind."""
    row = "| row {n} | *some* words of it | `code {n}` | {n}.5 |\n"
    item = "- Item {n} with **bold** words and `code`, and a few more of them.\n"
    line = 'def name_{n}(value: int) -> str:\n    return f"{{value + {n}}} of it"  # why\n\n'
    words = "Some **ordinary** words, `code` and more of them, in paragraph {n}.\n\n"
    head = "| Name | Words | Code | Number |\n|---|---|---|--:|\n"
    lines = "".join(line.format(n=n) for n in range(40_000 // len(line)))
    made = {
        "a short one": "Some words.\n\n" * 20,
        "table": head + "".join(row.format(n=n) for n in range(400)),
        "list": "".join(item.format(n=n) for n in range(300)),
        "code": f"```python\n{lines}```\n",
        "paragraphs": "".join(words.format(n=n) for n in range(40_000 // len(words))),
    }
    return {name: f"Begin.\n\n{text}\n\n{END}" for name, text in made.items()}


def play(url: str, text: str, rate: float) -> None:
    """Have the endpoint answer the next request with this text."""
    order = {"text": text, "rate": rate, "splits": [*range(TOKEN, len(text), TOKEN)]}
    data = json.dumps(order).encode()
    urllib.request.urlopen(
        urllib.request.Request(url.removesuffix("/v1") + "/control", data)
    ).close()


def spent(session: CDPSession) -> float:
    """Milliseconds of script, styles and layout of a page so far."""
    found: dict[str, Any] = session.send("Performance.getMetrics")
    parts = ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration")
    return float(1000 * sum(one["value"] for one in found["metrics"] if one["name"] in parts))


def measure(page: Page, context: BrowserContext, origin: str, text: str) -> dict[str, float]:
    """Send a message, and measure the page until its reply is drawn."""
    page.goto(origin)
    box = page.get_by_role("textbox", name="Message", exact=True)
    box.wait_for()
    page.wait_for_timeout(1000)
    session = context.new_cdp_session(page)
    session.send("Performance.enable")
    tasks = Tasks(context, page)
    before = spent(session)
    box.fill("Grow")
    box.press("Enter")
    page.locator(".reply .facts").wait_for(timeout=300_000)
    page.wait_for_timeout(1500)
    total = spent(session) - before
    root = page.locator(".reply > .markdown")
    if END not in root.inner_text()[-200:]:
        raise RuntimeError("The reply did not come to its end.")
    return {
        "ms": total,
        "cpu": tasks.longest(origin),
        "made": page.evaluate("window.made"),
        "there": root.evaluate("(root) => root.querySelectorAll('*').length"),
    }


def main() -> None:
    """Measure every kind, or some."""
    parser = argparse.ArgumentParser(prog="python -m bench.growing", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these kinds")
    parser.add_argument("--rate", type=float, default=150, help="tokens a second")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="parley-bench-") as folder,
        fake_upstream() as url,
        parley(url, ["none"], 1, Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        path = next(installed(playwright), None)
        if path is None:
            sys.exit("No Chrome, Chromium or Edge.")
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        context = browser.new_context()
        context.add_init_script(MADE)
        name, _, value = server.cookies[0].partition("=")
        origin = f"http://127.0.0.1:{server.port}"
        context.add_cookies([{"name": name, "value": value, "url": origin}])
        print("kind            bytes  script+layout  for 50 KB  longest CPU    made   there  ratio")
        for name, text in texts().items():
            if arguments.only and name not in arguments.only:
                continue
            play(url, text, arguments.rate)
            page = context.new_page()
            seen = measure(page, context, origin, text)
            page.close()
            print(
                f"{name:12} {len(text):8} {seen['ms']:11.0f} ms"
                f" {seen['ms'] * SCALE / len(text):7.0f} ms {seen['cpu']:9.0f} ms"
                f" {seen['made']:7.0f} {seen['there']:7.0f} {seen['made'] / seen['there']:6.2f}",
                flush=True,
            )
        limits = ", ".join(f"{name} {most:.0f} ms" for name, most in MUST.items())
        print(f"must, on an idle machine: {limits}")
        browser.close()


if __name__ == "__main__":
    main()
