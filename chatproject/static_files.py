"""Static files: a test for collected ones, their storage and their cache headers."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured


def is_collected(root: Path) -> bool:
    """True if `collectstatic` filled the folder. Raises ImproperlyConfigured if it is closed."""
    try:
        with (root / "staticfiles.json").open():
            return True
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ImproperlyConfigured(
            f"{error.filename} cannot be read by the user of this process ({error.strerror}). "
            "Run `python manage.py collectstatic --noinput` again: it makes them readable."
        ) from None


def keep_chunks(headers: MutableMapping[str, str], path: str, url: str) -> None:
    """Let browsers keep files that the page loads on demand: their names have a hash."""
    if url.startswith("/static/parley/chunks/"):
        headers["Cache-Control"] = "max-age=315360000, public, immutable"


def storages(collected: bool) -> dict[str, Any]:
    """Storage of uploads and static files; collected ones have a hash in their names."""
    backend = "django.contrib.staticfiles.storage.StaticFilesStorage"
    if collected:
        backend = "servestatic.storage.CompressedManifestStaticFilesStorage"
    return {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": backend},
    }
