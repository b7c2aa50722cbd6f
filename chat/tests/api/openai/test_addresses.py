"""Forms of a base URL: served, or refused with the wrong part of the address."""

from __future__ import annotations

import json

import pytest
from django.test import AsyncClient

from chat.api.openai.addresses import canonical, explain
from chat.tests.api.openai.test_views_keys import KEY

BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/v1//chat/completions", "/v1/chat/completions"),
        ("//v1/chat//completions//", "/v1/chat/completions"),
        ("/v1/chat/completions/", "/v1/chat/completions"),
        ("/chat/completions", "/v1/chat/completions"),
        ("/v1/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/models/", "/v1/models"),
        ("/models", "/v1/models"),
        ("/models/openai/gpt-5", "/v1/models/openai/gpt-5"),
        ("/v1/models/openai//gpt-5/", "/v1/models/openai/gpt-5"),
        ("/v1/ chat/completions ", "/v1/chat/completions"),
        ("/v1/./chat/completions", "/v1/chat/completions"),
        ("/v1", "/v1/"),
        ("/v1//", "/v1/"),
        ("/responses", "/v1/responses"),
        ("/v1/embeddings/", "/v1/embeddings"),
        # These are told what is wrong with them.
        ("/api/v1/chat/completions", "/v1/api/v1/chat/completions"),
        ("/openai/v1/models", "/v1/openai/v1/models"),
        ("/openai/deployments/x/chat/completions", "/v1/openai/deployments/x/chat/completions"),
        ("/V1/chat/completions", "/v1/V1/chat/completions"),
        ("/v2/chat/completions", "/v1/v2/chat/completions"),
        ("/", None),
        ("/v1x", None),
        ("/admin/chat/conversation", None),
        ("/admin/chat/", None),
        ("/c/5", None),
        ("/api/v1/models", None),
        ("/accounts/models", None),
        ("/v10/models", None),
    ],
)
def test_the_address_that_is_meant(path: str, meant: str | None) -> None:
    assert canonical(path) == meant
    assert meant is None or canonical(meant) == meant


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/v1/chat/completions/models", "'/chat/completions' does not belong"),
        ("/v1/chat/completions/chat/completions", "'/chat/completions' does not belong"),
        ("/v1/models/chat/completions", "'/models' before '/chat/completions' does not belong"),
        ("/responses", "'/v1' is missing"),
        ("/v1/responses", "'/responses' does not exist"),
        ("/v1/chat", "'/chat' does not exist"),
        ("/v1/", ""),
        ("/api/v1/chat/completions", "'/api' before '/chat/completions'"),
        ("/openai/v1/models", "'/openai' before '/models'"),
        ("/openai/deployments/x/chat/completions", "'/openai/deployments/x' before"),
        ("/v1/openai/chat/completions", "'/openai' before"),
        ("/v1beta/openai/chat/completions", "'/v1beta/openai' before"),
        ("/v1/chat/completions/v1/chat/completions", "'/chat/completions' does not belong"),
        ("/v1/Chat/Completions", "lower case"),
        ("/V1/chat/completions", "'/V1' before"),
    ],
)
def test_the_part_of_an_address_that_is_wrong(path: str, said: str) -> None:
    assert said in explain(path)
    assert bool(said) == bool(explain(path))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1//chat/completions"),
        ("POST", "/v1/chat/completions/"),
        ("POST", "/chat/completions"),
        ("GET", "/v1/models/"),
        ("GET", "/models"),
        ("HEAD", "/v1/models"),
    ],
)
async def test_slashes_and_a_missing_v1_lead_to_the_route(method: str, path: str) -> None:
    """That route asks for the key, in OpenAI's shape."""
    answer = await AsyncClient().generic(method, path)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "path",
    [
        "/v1/responses",
        "/responses",
        "/v1/chat/completions/models",
        "/api/v1/chat/completions",
        "/openai/v1/chat/completions",
        "/V1/chat/completions",
    ],
)
async def test_an_address_of_no_use_is_told_what_there_is(path: str) -> None:
    answer = await AsyncClient().post(path, headers={"Authorization": f"Bearer {KEY}"})
    error = json.loads(answer.content)["error"]
    assert (answer.status_code, error["code"]) == (404, "unknown_url")
    assert "/v1/models" in error["message"]
    assert explain(path) in error["message"]
