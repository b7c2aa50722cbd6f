"""Values of an endpoint: each is allowed or refused once, for form, variable and command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management import CommandError, call_command

from chat.admin.endpoint_form import EndpointForm
from chat.endpoint import OPTIONS, RESERVED_HEADERS, EndpointConfig, WrongValue, clean_value
from chat.models import Endpoint
from chatproject.endpoint_variables import read_endpoints
from chatproject.environment import Environment

ADDRESS = "https://api.example/v1"
SECRET = "sk-canary"


@pytest.mark.parametrize(
    "url",
    [
        "http://own",
        "https://api.example/v1",
        "http://[::1]:8080/v1",
        "http://10.0.0.1:1/a/b",
        "http://own_service:8000",
        "https://bücher.example/v1",
    ],
)
def test_addresses(url: str) -> None:
    assert clean_value("base_url", url) == url
    assert clean_value("base_url", f" {url}/chat/completions ") == url


@pytest.mark.parametrize(
    "url",
    ["", "own", "//own", "http://", "http://own:x", "http://own:99999", "http://own/v1#a",
     "http://a@own", "http://own\n/v1", "http://o wn", "http://own/v1/..", "http://own/v1?a=b",
     "http://own/%2e%2E/x", "http://own/a/.%252e;x/b", "http://-own", "http://1.2.3",
     "javascript:alert(1)", f"http://own/{'a' * 500}"],
)  # fmt: skip
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(WrongValue):
        clean_value("base_url", url)


@pytest.mark.parametrize("name", sorted(RESERVED_HEADERS))
def test_nobody_sets_a_header_that_frames_the_request(name: str) -> None:
    with pytest.raises(WrongValue, match="cannot be set"):
        clean_value("headers", [(name.title(), "a")])


def test_every_default_is_allowed() -> None:
    made = EndpointConfig("own", "Own", ADDRESS)
    for name, option in OPTIONS.items():
        assert clean_value(name, getattr(made, name)) == option.default


@pytest.mark.parametrize("bad", ["a b", f"{SECRET} b", "ä", "a\nb", "a" * 4097])
def test_a_key_has_no_blanks_and_is_not_repeated(bad: str) -> None:
    with pytest.raises(WrongValue) as refused:
        clean_value("api_key", bad)
    assert "canary" not in str(refused.value)


# --- the same through all doors --------------------------------------------------------------

WRONG: dict[str, Any] = {
    "prefix": "magic",
    "max_tokens_name": "n",
    "key_header": "cookie",
    "api_version": "a" * 41,
    "path": "/a/../b",
    "connect_timeout": 0,
    "first_token_timeout": 86_401,
    "idle_timeout": -1,
}
"""A wrong value of each option, except of switches."""


def by_form(field: str, value: Any) -> str:
    form = EndpointForm({"slug": "own", "label": "Own", "base_url": ADDRESS, field: value})
    assert field in form.errors
    return str(form.errors[field])


def by_row(field: str, value: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        Endpoint(slug="own", label="Own", base_url=ADDRESS, **{field: value}).full_clean()
    assert field in refused.value.message_dict
    return str(refused.value)


def by_command(field: str, value: Any) -> str:
    flag = f"--{field.replace('_', '-')}={value}"
    with pytest.raises(CommandError) as refused:
        call_command("endpoints", "add", "own", ADDRESS, flag)
    assert not Endpoint.objects.exists()
    return str(refused.value)


def by_variable(field: str, value: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(f"ENDPOINT_OPENAI_{field.upper()}", str(value))
    with pytest.raises(ImproperlyConfigured, match=f"ENDPOINT_OPENAI_{field.upper()}") as refused:
        read_endpoints(Environment(), [])
    return str(refused.value)


def test_each_option_has_a_wrong_value() -> None:
    switches = {name for name, option in OPTIONS.items() if isinstance(option.default, bool)}
    assert set(WRONG) == set(OPTIONS) - switches


@pytest.mark.django_db
@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_option_is_refused_everywhere(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    doors: list[Callable[[str, Any], str]] = [by_form, by_row, by_command]
    for door in doors:
        assert door(field, WRONG[field])
    by_variable(field, WRONG[field], monkeypatch)


def test_the_form_has_every_option() -> None:
    assert set(OPTIONS) <= set(EndpointForm().fields)
