"""Pages of other sites: none gets in, unless it is named; and no cookie ever counts for one."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from pytest_django import Settings

from chat import checks
from chat.models import Token

ROOT = Path(__file__).resolve().parents[2]
SITE = "https://app.example"
OTHER = "https://evil.example"
API = "/api/v1/models"


@pytest.fixture
def opened(settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [SITE, "http://localhost:5173"]


def cors(answer: Any) -> dict[str, str]:
    """Its headers about other sites."""
    start = "access-control-"
    return {
        name.lower().removeprefix(start): value
        for name, value in answer.headers.items()
        if name.lower().startswith(start)
    }


def preflight(client: Client, path: str, origin: str, method: str = "POST") -> Any:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os",
    }
    return client.options(path, headers=headers)


def bearer(user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {Token.objects.make(user, 'Site', ['read'], None)[1]}"}


def test_closed_by_default(client: Client, alice: User, settings: Settings) -> None:
    assert settings.CORS_ALLOWED_ORIGINS == []
    headers = {"Origin": SITE} | bearer(alice)
    answer = client.get(API, headers=headers)
    assert answer.status_code == 200  # a program may set Origin; a browser keeps the answer
    assert cors(answer) == cors(preflight(client, API, SITE)) == {}


@pytest.mark.usefixtures("opened")
def test_a_named_site_reads_with_a_token(client: Client, alice: User) -> None:
    answer = client.get(API, headers={"Origin": SITE} | bearer(alice))
    assert answer.status_code == 200
    allowed = cors(answer)
    assert allowed.pop("allow-origin") == SITE
    assert {"Retry-After", "X-Request-Id"} <= set(allowed.pop("expose-headers").split(", "))
    assert allowed == {}  # no credentials
    assert "origin" in answer.headers["Vary"].lower()


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_a_named_site_may_ask_first_without_a_token(client: Client, db: None, method: str) -> None:
    answer = preflight(client, "/api/v1/conversations", SITE, method)
    assert answer.status_code == 200
    allowed = cors(answer)
    assert allowed["allow-origin"] == SITE
    assert method in allowed["allow-methods"].split(", ")
    assert "allow-credentials" not in allowed
    headers = set(allowed["allow-headers"].split(", "))
    assert {"authorization", "content-type", "accept", "last-event-id", "*"} <= headers


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize(
    "origin",
    [OTHER, "null", "http://app.example", "https://app.example:8443", "https://app.example.evil"],
)
def test_another_site_is_told_nothing(client: Client, alice: User, origin: str) -> None:
    answer = client.get(API, headers={"Origin": origin} | bearer(alice))
    assert cors(answer) == cors(preflight(client, API, origin)) == {}


@pytest.mark.usefixtures("opened")
def test_refusals_can_be_read_by_a_named_site(client: Client, db: None) -> None:
    wrong = {"Origin": SITE, "Authorization": "Bearer prl_" + "x" * 43}
    for path, headers, status in (
        (API, wrong, 401),
        ("/api/v1/conversations/x", wrong, (401, 404)),
        ("/api/v1/nowhere", wrong, 404),
    ):
        answer = client.get(path, headers=headers)
        assert answer.status_code in (status if isinstance(status, tuple) else (status,))
        assert cors(answer)["allow-origin"] == SITE


@pytest.mark.usefixtures("opened")
def test_the_openai_compatible_api_is_open_to_it_too(client: Client, db: None) -> None:
    assert cors(preflight(client, "/v1/chat/completions", SITE))["allow-origin"] == SITE


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/accounts/tokens/", "/admin/", "/v10/"])
def test_pages_are_open_to_nobody(client: Client, alice: User, path: str) -> None:
    client.force_login(alice)
    assert cors(client.get(path, headers={"Origin": SITE})) == {}
    assert cors(preflight(client, path, SITE)) == {}


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("origin", [SITE, OTHER])
def test_a_cookie_lets_no_other_site_in(client: Client, alice: User, origin: str) -> None:
    """A browser keeps what comes without `allow-credentials` from a page that sent cookies."""
    client.force_login(alice)
    answer = client.get(API, headers={"Origin": origin})
    assert "allow-credentials" not in cors(answer)
    assert cors(answer).get("allow-origin") != "*"
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    strict.cookies["csrftoken"] = "t" * 32
    headers = {"Origin": origin, "X-CSRFToken": "t" * 32}
    answer = strict.post(
        "/api/v1/conversations", {}, content_type="application/json", headers=headers
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")


def test_the_cookie_is_not_sent_from_other_sites(settings: Settings) -> None:
    assert settings.SESSION_COOKIE_SAMESITE == "Lax"
    assert settings.CORS_ALLOW_CREDENTIALS is False


# --- what may be set ---------------------------------------------------------------------------


def start(monkeypatch: pytest.MonkeyPatch, value: str) -> Any:
    """The settings of a start with this value."""
    monkeypatch.setenv("CORS_ALLOWED_ORIGINS", value)
    return runpy.run_path(str(ROOT / "chatproject" / "settings.py"))


@pytest.mark.parametrize(
    "value",
    [
        "*",
        "app.example",
        "https://app.example/",
        "https://app.example/chat",
        "https://*.example",
        "https://user@app.example",
        "https://APP.example",
        "https://app.example:443",
        "null",
        "https://app.example,oops",
        "https://app.example;https://b.example",
    ],
)
def test_a_wrong_value_stops_the_start_and_is_named(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    with pytest.raises(
        ImproperlyConfigured, match=r"CORS_ALLOWED_ORIGINS has .*https://app\.example"
    ):
        start(monkeypatch, value)


def test_several_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    found = start(monkeypatch, "https://app.example, http://[::1]:8000,app://notes.example")
    assert found["CORS_ALLOWED_ORIGINS"] == [
        "https://app.example",
        "http://[::1]:8000",
        "app://notes.example",
    ]


# --- allowed, but unwise -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("https", "origins", "expected"),
    [
        (True, ["http://app.example"], ["parley.W004"]),
        (True, ["https://app.example", "http://localhost:5173", "http://127.0.0.1"], []),
        (False, ["http://app.example"], []),  # nothing is encrypted there anyway
        (True, [], []),
    ],
)
def test_a_site_that_anybody_on_the_way_can_change_is_warned_of(
    settings: Settings, https: bool, origins: list[str], expected: list[str]
) -> None:
    settings.HTTPS, settings.CORS_ALLOWED_ORIGINS = https, origins
    assert [message.id for message in checks.check_cors()] == expected


@pytest.mark.parametrize(("tokens", "expected"), [(False, ["parley.W005"]), (True, [])])
def test_other_sites_can_do_nothing_without_tokens(
    settings: Settings, tokens: bool, expected: list[str]
) -> None:
    settings.API_TOKENS, settings.CORS_ALLOWED_ORIGINS = tokens, [SITE]
    assert [message.id for message in checks.check_cors()] == expected
