"""Find a Chromium for the browser tests and write its path: `find_browser.py OUTPUT`.

Taken is the first that really starts: the one of PARLEY_BROWSER, an installed Chrome, Chromium
or Edge, what `playwright install chromium` gets, and as root on Debian what apt has. Where none
works, one sentence says so and the browser tests are left out; with CI set that is a failure.

A few tests use Firefox and WebKit, too, where they are installed. They are named, and with CI set
got from apt as root.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Error, Playwright, sync_playwright

NAMES = (
    "google-chrome",
    "google-chrome-stable",
    "chromium",
    "chromium-browser",
    "microsoft-edge",
    "microsoft-edge-stable",
)
MAC_APPLICATIONS = (
    "Google Chrome.app/Contents/MacOS/Google Chrome",
    "Chromium.app/Contents/MacOS/Chromium",
    "Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
PACKAGES = {"Firefox": ["firefox-esr"], "WebKit": ["webkit2gtk-driver", "xvfb"]}
"""The other browsers, and Debian's packages of them."""

# Chromium's sandbox needs rights that containers and root do not have; the tests visit only
# their own server.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
INSTALL_SECONDS = 600
START_MILLISECONDS = 30_000


def installed(playwright: Playwright) -> Iterator[str]:
    """Every browser that is on this machine already."""
    for name in NAMES:
        if path := shutil.which(name):
            yield path
    for directory in (Path("/Applications"), Path.home() / "Applications"):
        for application in MAC_APPLICATIONS:
            if (directory / application).exists():
                yield str(directory / application)
    if Path(playwright.chromium.executable_path).exists():
        yield playwright.chromium.executable_path


def from_playwright(playwright: Playwright) -> Iterator[str]:
    print("No browser found; trying `playwright install chromium`", flush=True)
    if _done([sys.executable, "-m", "playwright", "install", "chromium"]):
        yield playwright.chromium.executable_path


def from_apt(playwright: Playwright) -> Iterator[str]:
    if _from_apt("chromium"):
        yield from installed(playwright)


def find(playwright: Playwright) -> str | None:
    """The path of a browser that starts, or None. PARLEY_BROWSER, where set, is the only one."""
    if named := os.environ.get("PARLEY_BROWSER"):
        return named if starts(playwright, named) else None
    sources: tuple[Callable[[Playwright], Iterator[str]], ...]
    sources = (installed, from_playwright, from_apt)
    return next(
        (path for get in sources for path in get(playwright) if starts(playwright, path)), None
    )


def starts(playwright: Playwright, path: str) -> bool:
    """Some are only a wrapper that asks to install something, or lack a library."""
    try:
        browser = playwright.chromium.launch(
            executable_path=path, args=ARGUMENTS, timeout=START_MILLISECONDS
        )
    except Error:
        return False
    browser.close()
    return True


def program_of(name: str) -> str | None:
    """The program that drives this other browser; None if one of its parts is not installed."""
    if name == "Firefox":
        return shutil.which("firefox-esr") or shutil.which("firefox")
    return shutil.which("WebKitWebDriver") if shutil.which("Xvfb") else None


def name_others() -> None:
    """Print whether Firefox and WebKit are here; with CI set, get what is missing first."""
    for name, packages in PACKAGES.items():
        if not program_of(name) and os.environ.get("CI"):
            _from_apt(*packages)
        program = program_of(name)
        missing = f"left out; on Debian: apt install {' '.join(packages)}"
        print(f"{name} for the tests: {program or missing}")


def _from_apt(*packages: str) -> bool:
    """True if apt installed them; only root may ask for that."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    print(f"Trying `apt-get install {' '.join(packages)}`", flush=True)
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "-qq", "--no-install-recommends", *packages]
    return _done(["apt-get", "update", "-qq"]) and _done(install, environment)


def _done(command: list[str], environment: dict[str, str] | None = None) -> bool:
    """True if the command worked; its output is shown only if it did not."""
    try:
        result = subprocess.run(
            command,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"  {error}")
        return False
    if result.returncode:
        print(f"  failed: {result.stdout.strip()[-500:]}")
    return result.returncode == 0


def main(output: Path) -> int:
    with sync_playwright() as playwright:
        path = find(playwright)
    name_others()
    if path:
        print(f"Browser for the tests: {path}")
        output.write_text(path)
        return 0
    output.unlink(missing_ok=True)
    print("No Chrome, Chromium or Edge works here: the browser tests are left out.")
    return 1 if os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
