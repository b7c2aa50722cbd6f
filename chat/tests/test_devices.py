"""Readable names of devices."""

from __future__ import annotations

import pytest

from chat.devices import device

CHROME = "(KHTML, like Gecko) Chrome/131.0.0.0"


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; rv:133.0) Gecko/20100101 Firefox/133.0",
         "Firefox on Windows"),
        (f"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 {CHROME} Mobile Safari/537.36",
         "Chrome on Android"),
        (f"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 {CHROME} Safari/537.36 Edg/131.0",
         "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
         "(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 "
         "(KHTML, like Gecko) Version/17.5 Safari/605.1.15", "Safari on macOS"),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 {CHROME} Safari/537.36",
         "Chrome on ChromeOS"),
        ("Firefox/1", "Firefox"),
        ("", "Unknown browser"),
        ("curl/8.5.0", "Unknown browser"),
        ("<script>alert(1)</script>", "Unknown browser"),
        ("x" * 600 + "Firefox/133.0", "Unknown browser"),
    ],
)  # fmt: skip
def test_device_is_named(sent: str, name: str) -> None:
    assert device(sent) == name
