"""Readable names of the devices behind sessions, by the `User-Agent` of each. Pure."""

from __future__ import annotations

from django.utils.translation import gettext

LONGEST = 512
"""Characters of a `User-Agent` that are looked at."""

# The first mark that is found counts: others claim to be Chrome, and Chrome to be Safari.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)


def device(user_agent: str) -> str:
    """Browser and system, as in "Firefox on Windows"; no word of the header itself."""
    sent = user_agent[:LONGEST]
    browser = next((name for mark, name in BROWSERS if mark in sent), "")
    system = next((name for mark, name in SYSTEMS if mark in sent), "")
    if not browser:
        return gettext("Unknown browser")
    if not system:
        return browser
    return gettext("{browser} on {system}").format(browser=browser, system=system)
