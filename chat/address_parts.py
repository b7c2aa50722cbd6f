"""Checks of the parts of an address: its host, and its path."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import unquote

LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
HOST_NAME = re.compile(rf"(?=.{{1,253}}$){LABEL}(\.{LABEL})*")


def is_host(text: str) -> bool:
    """True for a name of ASCII, an IPv4 address, or an IPv6 address in brackets."""
    if text.startswith("["):
        return text.endswith("]") and is_address(text[1:-1], 6)
    if re.fullmatch(r"[0-9.]+", text):
        return is_address(text, 4)
    return bool(HOST_NAME.fullmatch(text))


def is_address(text: str, version: int) -> bool:
    """True for an IP address of this version."""
    try:
        return ip_address(text).version == version
    except ValueError:
        return False


def has_dot_segments(path: str) -> bool:
    """True if a part of the path is `.` or `..`, in whatever encoding a server may undo."""
    for _ in range(3):  # `%252e` is `%2e` after decoding twice
        path = unquote(path)
    # Some servers cut a parameter off (`..;x`), and take a backslash for a slash.
    parts = re.split(r"[/\\]", path)
    return any(part.partition(";")[0].strip() in {".", ".."} for part in parts)
