"""Rules for browsers: for our pages, and for the API on pages of other sites."""

from __future__ import annotations

from django.utils.csp import CSP

CONTENT_POLICY = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "frame-src": [CSP.SELF],
    "manifest-src": [CSP.SELF],
    "worker-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}
"""No content of other sites, and no code within a page."""

HEADERS_OF_OTHERS = [
    "authorization",
    "content-type",
    "accept",
    "last-event-id",
    "idempotency-key",
    "*",  # headers in which SDKs describe themselves; it does not cover Authorization
]
