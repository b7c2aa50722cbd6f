"""The models that an endpoint lists. No I/O."""

from __future__ import annotations

import json
from typing import Any

from chat.upstream.tracks import clean

MAX_LIST_BYTES = 4 * 1024 * 1024

_NAME_LIMIT = 200


class NoListError(Exception):
    """The body is no list of models; `value` is its JSON, or None where it is not JSON."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


def read_models(body: bytes) -> list[str]:
    """The names in the order of the list, each once. Raises NoListError."""
    try:
        value = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise NoListError(None) from None
    rows = value
    if isinstance(value, dict):
        rows = next((value[k] for k in ("data", "models") if isinstance(value.get(k), list)), None)
    if not isinstance(rows, list):
        raise NoListError(value)
    return list(dict.fromkeys(name for row in rows if (name := _name(row))))


def _name(row: Any) -> str:
    if isinstance(row, dict):
        names = [row.get(key) for key in ("id", "name", "model")]
        row = next((name for name in names if isinstance(name, str) and name), None)
    name = clean(row) if isinstance(row, str) else ""
    return name if name.isprintable() and len(name) <= _NAME_LIMIT else ""
