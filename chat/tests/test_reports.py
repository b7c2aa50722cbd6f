"""The error page of DEBUG shows where it went wrong, and no value of anything."""

from __future__ import annotations

import sys

from django.test import RequestFactory
from django.views.debug import ExceptionReporter
from pytest_django import Settings

CANARY = "-".join(("canary", "4711"))  # not as it would stand in the shown source


def fail(secret: str) -> None:
    raise ValueError("It went wrong.")


def test_error_page_has_the_traceback_and_no_value(settings: Settings) -> None:
    settings.DEBUG = True
    settings.OPENAI_BASE_URL = f"http://{CANARY}/v1"
    request = RequestFactory().post(
        "/?q=1", {"key": CANARY}, headers={"x-api": CANARY, "cookie": f"sessionid={CANARY}"}
    )
    try:
        fail(CANARY)
    except ValueError:
        reporter = ExceptionReporter(request, *sys.exc_info())
    for page in (reporter.get_traceback_html(), reporter.get_traceback_text()):
        assert "It went wrong." in page
        assert "test_reports.py" in page
        assert CANARY not in page
