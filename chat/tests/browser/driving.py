"""Firefox and WebKit, driven without further packages: WebDriver BiDi and WebDriver.

Both take the same input actions and run the same scripts; only the way to them differs. WebKit's
MiniBrowser needs a display, so it gets one in memory.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from time import monotonic, sleep
from typing import Any

from websockets.sync.client import ClientConnection, connect

from chat.tests.live.server import free_port

PATIENCE = 30
"""Seconds after which something that is not seen is missing."""

KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Control": "\ue009"}

# A violation of the policy, and an error that no code caught, are found as warnings are.
LISTEN = """
() => {
  if (window.found) return;
  window.found = [];
  const note = (...words) => window.found.push(words.map(String).join(" "));
  for (const kind of ["error", "warn"]) console[kind] = note;
  addEventListener("error", (event) => note(event.message));
  addEventListener("unhandledrejection", (event) => note(event.reason));
  addEventListener("securitypolicyviolation", (event) =>
    note(event.effectiveDirective, "blocked", event.blockedURI));
}
"""

# The middle of the last visible element with this name; null while it moves or is covered.
PLACE = """
async (name) => {
  const nameOf = (element) =>
    element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent ?? element.textContent;
  const selector = "a[href], button, input, select, textarea, [role^=menuitem]";
  const found = [...document.querySelectorAll(selector)]
    .filter((element) => element.checkVisibility({ visibilityProperty: true }))
    .findLast((element) => nameOf(element).trim() === name);
  if (!found) return null;
  found.scrollIntoView({ block: "nearest" });
  const middle = () => {
    const { left, top, width, height } = found.getBoundingClientRect();
    return [Math.round(left + width / 2), Math.round(top + height / 2)];
  };
  const before = middle();
  await new Promise((done) => setTimeout(done, 100));
  const [x, y] = middle();
  if (x !== before[0] || y !== before[1]) return null;
  return found.contains(document.elementFromPoint(x, y)) ? [x, y] : null;
}
"""


class Refused(Exception):
    """A command that the browser did not carry out, such as a script on a page that is leaving."""


class Driven(ABC):
    """A browser with one window, and the actions of a person in it."""

    def __init__(self) -> None:
        self.ends = ExitStack()
        self.folder = Path(mkdtemp(prefix="parley-driven-"))
        self.ends.callback(shutil.rmtree, self.folder, ignore_errors=True)

    @abstractmethod
    def begin(self, program: str) -> None:
        """Start the program that drives it, and open a window."""

    @abstractmethod
    def load(self, address: str) -> None:
        """Go there, and wait until it is loaded."""

    @abstractmethod
    def evaluate(self, script: str, given: str) -> str:
        """The result of an async function of one string."""

    @abstractmethod
    def act(self, *sources: dict[str, Any]) -> None:
        """Perform input actions, as both protocols write them."""

    def run(self, function: str, *arguments: Any) -> Any:
        """The result of a function of JavaScript, which may be async; as JSON both ways."""
        script = (
            f"async (given) => JSON.stringify((await ({function})(...JSON.parse(given))) ?? null)"
        )
        return json.loads(self.evaluate(script, json.dumps(arguments)))

    def open(self, address: str) -> None:
        self.load(address)
        self.listen()

    def listen(self) -> None:
        """Note from now on what the page reports as wrong."""
        self.run(LISTEN)

    def found(self) -> list[str]:
        """Warnings and errors of the page since `listen`."""
        found: list[str] = self.run("() => window.found")
        return found

    def soon(self, function: str, *arguments: Any) -> Any:
        """Wait until the function finds something in the page, and return it."""
        try:
            return self._until(lambda: self.run(function, *arguments), function)
        except AssertionError as error:
            error.add_note(self.run("() => `${location}: ${document.body.innerText}`"))
            raise

    def click(self, name: str) -> None:
        """Press the mouse on the element with this name, once it is there."""
        x, y = self._until(lambda: self.run(PLACE, name), f"no {name}")
        move = {"type": "pointerMove", "x": x, "y": y, "origin": "viewport"}
        button = [{"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp")]
        self.act(
            {
                "type": "pointer",
                "id": "mouse",
                "parameters": {"pointerType": "mouse"},
                "actions": [move, *button],
            }
        )

    def type(self, text: str) -> None:
        """Press the key of each character."""
        keys = [{"type": kind, "value": one} for one in text for kind in ("keyDown", "keyUp")]
        self.act({"type": "key", "id": "keyboard", "actions": keys})

    def press(self, *names: str) -> None:
        """Press keys, each while those before it are down: `press("Control", "v")`."""
        keys = [KEYS.get(name, name) for name in names]
        down = [{"type": "keyDown", "value": key} for key in keys]
        up = [{"type": "keyUp", "value": key} for key in reversed(keys)]
        self.act({"type": "key", "id": "keyboard", "actions": down + up})

    def _said(self, log: Path, pattern: str) -> str:
        """The group of the pattern, once the program has written it."""

        def look() -> str | None:
            found = re.search(pattern, log.read_text())
            return found and found[1]

        text: str = self._until(look, f"{log.name} without {pattern}")
        return text

    def _until(self, look: Callable[[], Any], sentence: str) -> Any:
        deadline = monotonic() + PATIENCE
        while True:
            with suppress(Refused):
                if found := look():
                    return found
            assert monotonic() < deadline, sentence
            sleep(0.05)


class Firefox(Driven):
    """Firefox over WebDriver BiDi, which it speaks itself."""

    # Else it asks the hosts of its makers for news.
    PREFERENCES = {
        "app.normandy.enabled": False,
        "app.update.disabledForTesting": True,
        "browser.shell.checkDefaultBrowser": False,
        "datareporting.policy.dataSubmissionEnabled": False,
        "network.captive-portal-service.enabled": False,
        "network.connectivity-service.enabled": False,
        "services.settings.server": "data:,#remote-settings-dummy/v1",
    }

    def begin(self, program: str) -> None:
        lines = [
            f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in self.PREFERENCES.items()
        ]
        (self.folder / "user.js").write_text("\n".join(lines))
        command = [program, "--headless", "--no-remote", "--profile", str(self.folder)]
        log = self.folder / "firefox.log"
        _started(self.ends, log, [*command, "--remote-debugging-port", "0"])
        address = self._said(log, r"WebDriver BiDi listening on (ws://\S+)")
        self._socket: ClientConnection = self.ends.enter_context(
            connect(f"{address}/session", max_size=None)
        )
        self._count = 0
        self._ask("session.new", capabilities={})
        self._window = self._ask("browsingContext.getTree")["contexts"][0]["context"]
        size = {"width": 1200, "height": 800}
        self._ask("browsingContext.setViewport", context=self._window, viewport=size)

    def load(self, address: str) -> None:
        self._ask("browsingContext.navigate", context=self._window, url=address, wait="complete")

    def evaluate(self, script: str, given: str) -> str:
        answer = self._ask(
            "script.callFunction",
            functionDeclaration=script,
            arguments=[{"type": "string", "value": given}],
            awaitPromise=True,
            target={"context": self._window},
            userActivation=False,
        )
        if answer["type"] == "exception":
            raise Refused(answer["exceptionDetails"]["text"])
        result: str = answer["result"]["value"]
        return result

    def act(self, *sources: dict[str, Any]) -> None:
        self._ask("input.performActions", context=self._window, actions=list(sources))

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": parameters}))
        while True:
            answer: dict[str, Any] = json.loads(self._socket.recv(timeout=PATIENCE))
            if answer.get("id") != self._count:
                continue  # an event
            if answer["type"] == "error":
                raise Refused(f"{answer['error']}: {answer['message']}")
            result: dict[str, Any] = answer["result"]
            return result


class WebKit(Driven):
    """WebKitGTK's MiniBrowser over WebDriver."""

    def begin(self, program: str) -> None:
        display = ["Xvfb", "-displayfd", "2", "-screen", "0", "1280x900x24", "-nolisten", "tcp"]
        log = self.folder / "display.log"
        _started(self.ends, log, display)
        number = self._said(log, r"(?m)^(\d+)\n")
        port = free_port()
        self._session = f"http://127.0.0.1:{port}/session"
        log = self.folder / "webkit.log"
        _started(self.ends, log, [program, f"--port={port}"], DISPLAY=f":{number}")
        answer = self._until(lambda: self._ask("", {"capabilities": {}}), "no session")
        self._session += f"/{answer['sessionId']}"
        self.ends.callback(self._ask, "", None, "DELETE")
        # A script that waits while its page is left would hang until then.
        self._ask("/timeouts", {"script": 3000})

    def load(self, address: str) -> None:
        self._ask("/url", {"url": address})

    def evaluate(self, script: str, given: str) -> str:
        done = "arguments[1]"
        call = (
            f"({script})(arguments[0]).then({done}, (error) => {done}({{ error: String(error) }}))"
        )
        result = self._ask("/execute/async", {"script": call, "args": [given]})
        if not isinstance(result, str):
            raise Refused(str(result))
        return result

    def act(self, *sources: dict[str, Any]) -> None:
        self._ask("/actions", {"actions": list(sources)})

    def _ask(self, path: str, body: object, method: str = "POST") -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._session + path, data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise Refused(error.read().decode()) from None
        except urllib.error.URLError as error:
            raise Refused(str(error)) from None


@contextmanager
def driven(name: str, program: str) -> Iterator[Driven]:
    """The browser, from its start to its end."""
    browser = Firefox() if name == "Firefox" else WebKit()
    try:
        browser.begin(program)
        yield browser
    finally:
        browser.ends.close()


def _started(ends: ExitStack, log: Path, command: list[str], **variables: str) -> None:
    """Start a program that ends with the browser; its errors are written to the log."""
    with log.open("w") as errors:
        process = subprocess.Popen(
            command,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )

    def end() -> None:
        process.terminate()
        process.wait()

    ends.callback(end)
