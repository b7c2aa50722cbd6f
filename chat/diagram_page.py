"""The document of a diagram's frame: without an origin, network or forms, and with inline styles.

Diagrams are drawn by a library that needs inline styles. No page of ours allows them, so it runs in
this document only. The page shows it in a frame and sends it the source of one diagram
(`frontend/src/markdown/diagram.js`). Nobody's data is in it, so nobody has to be logged in.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.csp import CSP
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_GET

DIAGRAM_POLICY: dict[str, list[str]] = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.UNSAFE_INLINE],
    "form-action": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.SELF],
    "sandbox": ["allow-scripts"],
}
"""The frame of a diagram: no origin, no network, no forms, no way to another page."""


@require_GET
@xframe_options_sameorigin
@csp_override(DIAGRAM_POLICY)
def diagram(request: HttpRequest) -> HttpResponse:
    """The same document for everybody: its script, and nothing else."""
    answer = render(request, "chat/diagram.html")
    answer.headers["Cache-Control"] = "public, max-age=300"
    return answer
