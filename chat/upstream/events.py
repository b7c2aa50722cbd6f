"""Events that are no completion: ends, failures, and several that came as one. No I/O."""

from __future__ import annotations

import json
import re

_DONE = re.compile(
    rb"\"?\[DONE\]|\"?DONE\"?\Z|\{\s*\"done\"\s*:\s*true\s*\}\Z|\{\s*\"type\"\s*:\s*\"done\"\s*\}\Z",
    re.IGNORECASE,
)
_ENDS = frozenset([b"done", b"end", b"complete", b"completed", b"finish", b"finished"])
_FAILED = re.compile(rb"error|exception|fail", re.IGNORECASE)


def is_done(data: bytes) -> bool:
    """True if this data is the end mark, in one of its spellings."""
    return _DONE.match(data) is not None


def is_end(name: bytes) -> bool:
    """True if an event of this name means the same as `[DONE]`."""
    return name.lower() in _ENDS


def is_failure(name: bytes) -> bool:
    """True if an event of this name reports a failure, after which nothing comes."""
    return _FAILED.search(name) is not None


def apart(data: bytes) -> list[bytes] | None:
    """The events in data of several lines, where no blank lines divide them; None if it is one.

    The last one may be cut.
    """
    lines = [line for line in data.split(b"\n") if line.strip()]
    if len(lines) > 1 and all(is_done(line.strip()) or _is_json(line) for line in lines[:-1]):
        return lines
    return None


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
