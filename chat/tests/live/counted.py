"""Parley's application, which writes each statement of Django into the file STATEMENTS names."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from django.db.backends.signals import connection_created

__all__ = ["application"]

_file = open(os.environ["STATEMENTS"], "a", buffering=1)  # noqa: SIM115  as long as the process


def _note(execute: Callable[..., Any], sql: Any, *rest: Any) -> Any:
    try:
        return execute(sql, *rest)
    finally:
        _file.write(f"{' '.join(str(sql).split())}\n")


def _connected(connection: Any, **_: object) -> None:
    if _note not in connection.execute_wrappers:
        connection.execute_wrappers.append(_note)


connection_created.connect(_connected)

from chatproject.asgi import application  # noqa: E402  the first connection is noted already
