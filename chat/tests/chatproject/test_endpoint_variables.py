"""Endpoints named by the environment, and the table that documents how."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from chat.endpoint import EndpointConfig
from chat.models import environment_endpoints
from chatproject.endpoint_variables import read_endpoints
from chatproject.environment import Environment

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The least that an endpoint needs."""
    monkeypatch.setenv("ENDPOINT_OUR_OWN_URL", "http://own:1/v1")
    monkeypatch.setenv("ENDPOINT_OUR_OWN_MODELS", "a,vendor/b")
    return monkeypatch


def read(*names: str) -> dict[str, dict[str, object]]:
    return read_endpoints(Environment(), list(names))


def test_an_endpoint_needs_address_and_models(named: pytest.MonkeyPatch) -> None:
    assert read("our-own")["our-own"] == {
        "base_url": "http://own:1/v1", "api_key": "", "models": ["a", "vendor/b"], "label": "",
    }  # fmt: skip


def test_all_else_can_be_set(named: pytest.MonkeyPatch, settings: object) -> None:
    for name, value in {
        "KEY": " sk-canary ", "LABEL": "Our own", "PREFIX": "vllm", "API_VERSION": "v1",
        "HEADERS": "X-Title=Parley,X-Team=canary=", "MAX_TOKENS_NAME": "max_completion_tokens",
        "KEY_HEADER": "api-key", "PATH": "/d/{model}/chat", "CONTEXT": "9000",
        "CONNECT_TIMEOUT": "1.5", "FIRST_TOKEN_TIMEOUT": "2", "IDLE_TIMEOUT": "3",
    }.items():  # fmt: skip
        named.setenv(f"ENDPOINT_OUR_OWN_{name}", value)
    settings.ENDPOINTS = read("our-own")  # type: ignore[attr-defined]
    settings.OPENAI_API_KEY = settings.OPENAI_BASE_URL = ""  # type: ignore[attr-defined]
    found = environment_endpoints()
    assert found.endpoints["our-own"] == EndpointConfig(
        name="our-own", label="Our own", base_url="http://own:1/v1", api_key="sk-canary",
        headers=(("X-Title", "Parley"), ("X-Team", "canary=")), prefix="vllm",
        max_tokens_name="max_completion_tokens", key_header="api-key", api_version="v1",
        path="/d/{model}/chat", connect_timeout=1.5, first_token_timeout=2, idle_timeout=3,
    )  # fmt: skip
    assert [(offer.id, offer.context) for offer in found.offers] == [
        ("our-own/a", 9000), ("our-own/vendor/b", 9000),
    ]  # fmt: skip
    assert "canary" not in repr(found)


@pytest.mark.parametrize(
    "pairs",
    ["canary", "X-A=1,canary", "X A=canary", "X-A=canary\u00e4", "Host=canary", "X-A=canary,x-a=b"],
)
def test_a_wrong_header_is_told_without_its_value(named: pytest.MonkeyPatch, pairs: str) -> None:
    named.setenv("ENDPOINT_OUR_OWN_HEADERS", pairs)
    with pytest.raises(ImproperlyConfigured, match="ENDPOINT_OUR_OWN_HEADERS: ") as refused:
        read("our-own")
    assert "canary" not in str(refused.value)


def test_openai_takes_the_extras_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENDPOINT_OPENAI_PREFIX", "plain")
    monkeypatch.setenv("ENDPOINT_OPENAI_CONTEXT", "4096")
    assert read() == {"openai": {"prefix": "plain", "context": 4096}}


@pytest.mark.parametrize(
    "name", ["A", "a_b", "-a", "a-", "a/b", "", "a" * 41, "openai", "embedded"]
)
def test_names_that_break_ids_stop_the_start(named: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="ENDPOINTS has"):
        read(name)
    with pytest.raises(ImproperlyConfigured, match="another one"):
        read("our-own", "our-own")


@pytest.mark.parametrize(
    "url", ["", "own:1", "ftp://own", "http://u:p@own/v1", "http://own/v1?a=b"]
)
def test_a_wrong_address_stops_the_start(named: pytest.MonkeyPatch, url: str) -> None:
    named.setenv("ENDPOINT_OUR_OWN_URL", url)
    with pytest.raises(ImproperlyConfigured, match="ENDPOINT_OUR_OWN_URL"):
        read("our-own")


def test_an_endpoint_without_models_stops_the_start(named: pytest.MonkeyPatch) -> None:
    named.delenv("ENDPOINT_OUR_OWN_MODELS")
    with pytest.raises(ImproperlyConfigured, match="ENDPOINT_OUR_OWN_MODELS is not set"):
        read("our-own")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PREFIX", "magic"), ("MAX_TOKENS_NAME", "n"), ("KEY_HEADER", "x-key"), ("PATH", "chat"),
        ("PATH", "/a?b"), ("PATH", "/a/../b"),
        ("CONTEXT", "255"), ("CONTEXT", "many"), ("IDLE_TIMEOUT", "0"),
        ("CONNECT_TIMEOUT", "soon"),
    ],
)  # fmt: skip
def test_a_wrong_value_stops_the_start_and_is_named(
    named: pytest.MonkeyPatch, name: str, value: str
) -> None:
    named.setenv(f"ENDPOINT_OUR_OWN_{name}", value)
    with pytest.raises(ImproperlyConfigured, match=f"ENDPOINT_OUR_OWN_{name}"):
        read("our-own")


def test_the_table_has_every_variable_and_no_other(named: pytest.MonkeyPatch) -> None:
    env = Environment()
    read_endpoints(env, ["our-own"])
    own = {name for name in env.asked if name.startswith("ENDPOINT_OUR_OWN_")}
    table = (ROOT / "docs" / "endpoints.md").read_text()
    documented = re.findall(r"^\| `ENDPOINT_<NAME>_([A-Z_]+)` \|", table, re.MULTILINE)
    assert len(own) > 10
    assert sorted(documented) == sorted(name.removeprefix("ENDPOINT_OUR_OWN_") for name in own)
