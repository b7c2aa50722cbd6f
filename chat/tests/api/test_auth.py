"""Forms of an answer, by `Accept`."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from chat.api.auth import preferred
from chat.api.frame_requests import TYPES

SSE, NDJSON = TYPES["sse"], TYPES["ndjson"]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("application/json; charset=utf-8", "application/json"),
        ("application/json;charset=UTF-8, text/plain, */*", "application/json"),
        ("text/event-stream;charset=utf-8", SSE),
        ("application/x-ndjson; version=1; q=0.5, text/event-stream; q=0.9", SSE),
        ("application/json;charset=utf-8;q=0, application/x-ndjson;q=0.1", NDJSON),
        ("application/json;charset=utf-8;q=0", None),
        ("text/html; charset=utf-8", None),
    ],
)
def test_parameters_do_not_count_but_for_q(accept: str, form: str | None) -> None:
    request = RequestFactory().get("/", headers={"Accept": accept})
    assert preferred(request, list(TYPES.values())) == form
