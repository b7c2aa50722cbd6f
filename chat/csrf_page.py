"""The page of a form that was refused, which says why: an old form, or a proxy in between."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import (
    REASON_BAD_ORIGIN,
    REASON_BAD_REFERER,
    REASON_INSECURE_REFERER,
    REASON_MALFORMED_REFERER,
    REASON_NO_REFERER,
)
from django.shortcuts import render

NO_ORIGIN = (REASON_NO_REFERER, REASON_MALFORMED_REFERER)
OTHER_ORIGIN = (REASON_BAD_ORIGIN, REASON_BAD_REFERER, REASON_INSECURE_REFERER)


def refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403. `reason` is Django's, for the log."""
    origin = request.headers.get("origin", "")
    context = {"cause": cause_of(origin, reason)}
    if context["cause"] == "other":
        context["origin"] = origin or _origin_of(request.headers.get("referer", ""))
        context["address"] = f"{request.scheme}://{request.get_host()}"
    return render(request, "403_csrf.html", context, status=403)


def cause_of(origin: str, reason: str) -> str:
    """`none`: the browser named no origin; `other`: another than was asked; `old`: an old form."""
    if origin == "null" or reason.startswith(tuple(map(_beginning, NO_ORIGIN))):
        return "none"
    return "other" if reason.startswith(tuple(map(_beginning, OTHER_ORIGIN))) else "old"


def _beginning(reason: str) -> str:
    return reason.partition("%s")[0]


def _origin_of(referer: str) -> str:
    url = urlsplit(referer)
    return f"{url.scheme}://{url.netloc}"
