"""A call without a key, and one with its key in the wrong place."""

from __future__ import annotations

import pytest
from django.test import AsyncClient

KEY = "prl_" + "k" * 43


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("/v1/models", 401, "invalid_api_key"),
        ("/v1/models?key=k", 401, "invalid_api_key"),
        (f"/v1/models?api_key={KEY}", 400, "token_in_url"),
        (f"/v1/chat/completions?x=%70{KEY[1:]}", 400, "token_in_url"),
    ],
)
async def test_key_in_an_address_is_told_from_none(address: str, status: int, code: str) -> None:
    answer = await AsyncClient().get(address)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert answer.headers.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)
    assert KEY not in error["message"]
