"""Starts that fail with one sentence: about a setting, or about the database."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured

from chat.database.faults import database_problem


def load_settings() -> None:
    """Read all settings. A wrong one ends the process with a sentence and exit code 1."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproject.settings")
    from django.conf import settings

    try:
        settings.INSTALLED_APPS  # noqa: B018  the first look at one reads all of them
    except ImproperlyConfigured as error:
        sys.exit(f"Parley does not start: {error}")


@contextmanager
def database_or_sentence() -> Iterator[None]:
    """End with one sentence where the database cannot be used; `--traceback` shows all of it."""
    from django.db import InterfaceError, OperationalError

    try:
        yield
    except (OperationalError, InterfaceError) as problem:
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"Parley cannot use its database: {database_problem(problem)}")
