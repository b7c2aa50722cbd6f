"""A real Chromium for the tests of this directory."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from chat.tests.browser.chatting import PATIENCE
from chat.tests.browser.find_browser import ARGUMENTS
from chat.tests.live.conftest import make_server, site, template, upstream  # noqa: F401  fixtures

expect.set_options(timeout=PATIENCE)

# Written by find_browser.py, which `make test` runs first.
FOUND = Path(__file__).resolve().parents[3] / ".venv" / "browser"

# A name that is not localhost: over http, a page of it is no secure context.
OTHER_HOST = ["--host-resolver-rules=MAP chat.test 127.0.0.1"]

# Runs before any script of the page, in every frame. The policy does not apply to it.
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  window.reportViolation(
    `${location.pathname}: ${event.effectiveDirective} blocked ${event.blockedURI} ` +
    `(${event.sourceFile}:${event.lineNumber})`
  );
});
"""


@pytest.fixture(scope="session")
def browser_path() -> str:
    """The browser's program. Without one its tests are skipped, or fail where CI is set."""
    path = os.environ.get("PARLEY_BROWSER") or (FOUND.read_text() if FOUND.exists() else "")
    if path and Path(path).exists():
        return path
    sentence = "No Chrome, Chromium or Edge: `make test` looks for one."
    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)


# Playwright's synchronous interface keeps an event loop running in this thread for as long as it
# is open. So it ends with the package, before any asynchronous test of another one needs a loop,
# and Django has to be told that its ORM may be called from here.
@pytest.fixture(scope="package")
def browser(browser_path: str) -> Iterator[Browser]:
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=browser_path, args=[*ARGUMENTS, *OTHER_HOST]
            )
            yield browser
            browser.close()
    finally:
        if before is None:
            del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
        else:
            os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


@pytest.fixture
def violations() -> list[str]:
    """Blocks of the content security policy, and uncaught errors, in any page."""
    return []


@pytest.fixture
def context(browser: Browser, violations: list[str]) -> Iterator[BrowserContext]:
    """A browser of one person: cookies and storage of its own."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    # A lambda, because Playwright hangs a mark on what it is given.
    context.expose_function("reportViolation", lambda text: violations.append(text))
    context.add_init_script(REPORT_VIOLATIONS)
    context.on("weberror", lambda error: violations.append(str(error.error)))
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, violations: list[str]) -> Iterator[Page]:
    """A page that ends its test as failed if the policy blocked anything in it."""
    yield context.new_page()
    assert violations == []
