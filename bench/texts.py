"""Costs of long and strange replies of 1 MiB for page and transcript, by kind.

    python -m bench.texts [--only NAME …] [--size BYTES]

Each is opened in Chromium in a page of its own, in the chat and in the admin. Told are: first paint
(ms from the request of the page until the reply's first block has a place in it), the end (all of
it is there), the longest task and its share of a processor, how many took more than 50 ms, and the
elements drawn. Times are of this machine as busy as it is, but for the processor's; a short reply
shows what the page takes by itself.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic
from typing import Any

from playwright.sync_api import BrowserContext, Page, sync_playwright

from bench.servers import Server, parley
from chat.tests.browser.find_browser import ARGUMENTS, installed

MIB = 1 << 20
PATIENCE = 20
END = "The end of it."

REPEATED = {
    "\\[": "\\[\n",
    "$$": "$$\n",
    "\\[ x \\]": "\\[ x_{N} = \\frac{N}{2} \\]\n\n",
    "\\(": "\\( ",
    "\\( x \\)": "Let \\( x_{N} \\) be one. ",
    "_a": "_a ",
    "*a": "*a ",
    "~~~": "~~~\n",
    "# a": "# a\n",
    "- a": "- a\n",
    "1. a, indented": "1. a\n   - b\n",
    "[[[[": "[",
    "![": "![",
    "[a](": "[a](",
    "<": "<",
    "<b>": "<b>a",
    "&amp;": "&amp;",
    "code, many": "```js\nlet n = N;\n```\n\n",
    "one line": "a",
    "paragraphs": "Some **ordinary** words, `code` and more of them, in paragraph N.\n\n",
    "CJK, emoji": "\u6f22\u5b57\u3068\u304b\u306a\u3002\U0001f44d\u3002\n",
}
"""Kinds whose texts repeat something; an N in it is a number."""


def texts(size: int) -> dict[str, str]:
    """A text of about so many bytes of each kind."""
    made = {"a short one": ""}
    for name, part in REPEATED.items():
        count = size // len(part.encode())
        made[name] = (
            "".join(part.replace("N", str(n)) for n in range(count))
            if "N" in part
            else part * count
        )
    levels = int((size * 0.8) ** 0.5)
    made["> nested"] = "".join("> " * n + "a\n" for n in range(levels))
    made["` growing"] = " ".join("`" * n for n in range(1, int((2 * size) ** 0.5)))
    row = "| a *b* `c` |" + " d |" * 9 + "\n"
    made["table"] = row + "|" + "---|" * 10 + "\n" + row * 1000
    return {name: f"Begin.\n\n{text}\n\n{END}" for name, text in made.items()}


WATCH = """([selector, end]) => {
  window.seen = {first: 0, done: 0, longest: 0, long: 0, nodes: 0};
  new PerformanceObserver((list) => {
    for (const {duration} of list.getEntries()) {
      seen.longest = Math.max(seen.longest, duration);
      seen.long += 1;
    }
  }).observe({type: "longtask", buffered: true});
  const look = () => {
    const host = document.querySelector(selector);
    const first = host?.firstElementChild;
    if (!seen.first && first?.offsetHeight) seen.first = performance.now();
    // The last node only: to read all of a text would be a long task itself.
    let last = host?.lastElementChild;
    while (last?.lastElementChild?.textContent) last = last.lastElementChild;
    if (host && !host.matches(".unread") && last?.textContent.slice(-40).includes(end)) {
      seen.done ||= performance.now();
      seen.nodes = host.querySelectorAll("*").length;
    } else setTimeout(look, 30);
  };
  look();
}"""


class Tasks:
    """Tasks of a page's main thread, as Chromium traces them."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self._page, self._session = page, context.new_cdp_session(page)
        self._events: list[dict[str, Any]] = []
        self._complete = False
        self._session.on("Tracing.dataCollected", lambda data: self._events.extend(data["value"]))
        self._session.on("Tracing.tracingComplete", self._completed)
        traced = {"includedCategories": ["devtools.timeline", "toplevel"]}
        self._session.send("Tracing.start", {"traceConfig": traced})

    def _completed(self, _: object) -> None:
        self._complete = True

    def longest(self, origin: str) -> float:
        """Milliseconds of a processor that the longest task of this origin's pages took."""
        self._session.send("Tracing.end")
        while not self._complete:
            self._page.wait_for_timeout(50)
        # The browser's own pages have processes, too.
        ours = {
            event["pid"]
            for event in self._events
            if event["name"] in ("EvaluateScript", "FunctionCall")
            and origin in json.dumps(event.get("args"))
        }
        main = {
            (event["pid"], event["tid"])
            for event in self._events
            if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
        }
        longest: float = max(
            event.get("tdur", 0) / 1000
            for event in self._events
            if event["name"].endswith("RunTask")
            and event["pid"] in ours
            and (event["pid"], event["tid"]) in main
        )
        return longest


def measure(context: BrowserContext, origin: str, path: str, selector: str) -> dict[str, Any]:
    """Open an address; returns the measures of the element with this selector."""
    page = context.new_page()
    tasks = Tasks(context, page)
    page.add_init_script(f"({WATCH})({json.dumps([selector, END])})")
    page.goto(origin + path, wait_until="commit")
    deadline = monotonic() + PATIENCE
    while not page.evaluate("seen.done") and monotonic() < deadline:
        page.wait_for_timeout(300)
    page.wait_for_timeout(700)
    seen: dict[str, Any] = page.evaluate("seen")
    seen["cpu"] = tasks.longest(origin)
    page.close()
    return seen


def show(server: Server, ids: dict[str, list[str]], context: BrowserContext) -> None:
    """Print a row for each kind."""
    print("kind            where       first  end      longest      CPU   long  nodes")
    for name, (uid, pk) in ids.items():
        ways = {
            "chat": (f"/c/{uid}", ".reply > .markdown"),
            "transcript": (
                f"/admin/chat/conversation/{pk}/change/",
                "#transcript .assistant > .markdown",
            ),
        }
        for where, (path, selector) in ways.items():
            seen = measure(context, f"http://127.0.0.1:{server.port}", path, selector)
            end = f"{seen['done'] / 1000:.1f} s" if seen["done"] else "never"
            print(
                f"{name:15} {where:11} {seen['first']:5.0f}  {end:7}"
                f"  {seen['longest']:5.0f} ms {seen['cpu']:5.0f} ms"
                f" {seen['long']:5} {seen['nodes']:6}",
                flush=True,
            )


def main() -> None:
    """Measure every kind, or some."""
    parser = argparse.ArgumentParser(prog="python -m bench.texts", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these kinds")
    parser.add_argument("--size", type=int, default=MIB, metavar="BYTES")
    arguments = parser.parse_args()
    wanted = {
        name: text
        for name, text in texts(arguments.size).items()
        if not arguments.only or name in arguments.only
    }
    with (
        tempfile.TemporaryDirectory(prefix="parley-bench-") as folder,
        parley("http://127.0.0.1:9/v1", ["none"], 1, Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        made = subprocess.run(
            [sys.executable, "-m", "bench.stored"],
            input=json.dumps(wanted),
            env=server.environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        path = next(installed(playwright), None)
        if path is None:
            sys.exit("No Chrome, Chromium or Edge.")
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        context = browser.new_context()
        name, _, value = server.cookies[0].partition("=")
        url = f"http://127.0.0.1:{server.port}"
        context.add_cookies([{"name": name, "value": value, "url": url}])
        show(server, json.loads(made.stdout), context)
        browser.close()


if __name__ == "__main__":
    main()
