"""The page as an app that people install: its manifest, service worker and offline page.

All three are the same for everybody who reads the same language. The worker keeps the offline page
and its files in the browser, and nothing else (`frontend/src/service-worker.js`).
"""

from __future__ import annotations

import json
from hashlib import sha256

import parley_frontend
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

NAME = "Parley"
PAPER = "#fbfaf8"
"""The background of the page in the light theme."""

ICONS = (
    ("icon.svg", "any", "image/svg+xml", "any"),
    ("icon-192.png", "192x192", "image/png", "any"),
    ("icon-512.png", "512x512", "image/png", "any"),
    ("icon-maskable-512.png", "512x512", "image/png", "maskable"),
)
"""File, sizes, type and purpose; all from one drawing, by `frontend/icons/draw.py`."""

OFFLINE_FILES = ("offline.css", "offline.js", "icon.svg")
"""Files of the offline page. No other page uses the first two."""


@require_GET
def manifest(request: HttpRequest) -> HttpResponse:
    """The web app manifest. Browsers ask for it without cookies."""
    answer = JsonResponse(
        {
            "id": "/",
            "name": NAME,
            "short_name": NAME,
            "description": _("Chat with AI models."),
            "lang": get_language(),
            "start_url": reverse("chat"),
            "scope": "/",
            "display": "standalone",
            "background_color": PAPER,
            "theme_color": PAPER,
            "icons": [
                {"src": static(f"parley/{file}"), "sizes": sizes, "type": kind, "purpose": purpose}
                for file, sizes, kind, purpose in ICONS
            ],
        },
        content_type="application/manifest+json",
    )
    answer.headers["Cache-Control"] = "public, max-age=3600"
    return answer


@require_GET
def offline(request: HttpRequest) -> HttpResponse:
    """The offline page, for the service worker to keep."""
    return render(request, "chat/offline.html")


@require_GET
def service_worker(request: HttpRequest) -> HttpResponse:
    """The service worker's script.

    Browsers compare it with theirs whenever a page is loaded. It differs as soon as the offline
    page does, one of its files, or their language.
    """
    page = render_to_string("chat/offline.html")
    script = _built("service-worker.js")
    kept = {
        "version": _digest(page.encode(), script, *map(_built, OFFLINE_FILES)),
        "page": reverse("offline"),
        "files": [static(f"parley/{file}") for file in OFFLINE_FILES],
    }
    head = f"self.OFFLINE = {json.dumps(kept)};\n".encode()
    answer = HttpResponse(head + script, content_type="text/javascript; charset=utf-8")
    answer.headers["Cache-Control"] = "no-cache"
    return answer


def _built(file: str) -> bytes:
    return (parley_frontend.static_dir / "parley" / file).read_bytes()


def _digest(*contents: bytes) -> str:
    digest = sha256()
    for content in contents:
        digest.update(content)
    return digest.hexdigest()[:16]
