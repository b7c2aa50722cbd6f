"""A fault that nobody expected is answered with the ids of what was asked."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client

from chat import commands

KEY = UUID("5f0c9b1e-3a52-4d2f-9a9b-7a1f0f6f1a01")
REPLY = UUID("0a4c3d7e-90b4-4b56-8f5e-2f1f4e9a7c11")
MESSAGE = UUID("8d5c2d4e-7c0f-4bfa-8a25-1c7b5f1f2e12")
BODY = {"id": str(KEY), "conversation": None, "parent": None, "text": "Hello"}

ASKED: list[tuple[str, str, dict[str, Any] | None, dict[str, str]]] = [
    ("post", "/messages", BODY, {"id": str(KEY)}),
    ("patch", f"/messages/{MESSAGE}", {"id": str(KEY), "text": "Hello"}, {"id": str(KEY)}),
    ("delete", f"/messages/{MESSAGE}?id={KEY}", None, {"id": str(KEY)}),
    (
        "post",
        f"/replies/{REPLY}/regenerate",
        {"id": str(KEY)},
        {"id": str(KEY), "reply": str(REPLY)},
    ),
    (
        "post",
        f"/replies/{REPLY}/continue",
        {"id": str(KEY)},
        {"id": str(KEY), "reply": str(REPLY)},
    ),
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("fault", "status"), [(RuntimeError("a fault"), 500), (OperationalError("away"), 503)]
)
@pytest.mark.parametrize(("method", "path", "body", "ids"), ASKED)
def test_a_fault_is_answered_with_the_ids_it_was_asked_with(
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
    fault: Exception,
    status: int,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    ids: dict[str, str],
) -> None:
    def broken(*_: object) -> None:
        raise fault

    monkeypatch.setattr(commands, "_store", broken)
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    answer = getattr(client, method)(
        f"/api/v1{path}",
        json.dumps(body) if body is not None else "",
        content_type="application/json",
    )
    told = answer.json()
    assert answer.status_code == status
    assert {name: told.get(name) for name in ids} == ids
    assert "a fault" not in str(told)
