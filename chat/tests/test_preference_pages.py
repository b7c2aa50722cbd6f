"""The choice of language on pages for visitors, and the defaults of new conversations."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from chat.models import Preferences, catalogue

LOGIN = "/accounts/login/"
CHOICE = "/accounts/language/"


@pytest.mark.django_db
def test_visitor_chooses_on_the_log_in_page(client: Client) -> None:
    User.objects.create(username="alice")
    page = client.get(f"{LOGIN}?next=/c/")
    assert f'action="{CHOICE}"' in page.text
    assert f'name="next" value="{LOGIN}?next=/c/"' in page.text

    answer = client.post(CHOICE, {"language": "hu", "next": f"{LOGIN}?next=/c/"})
    cookie = client.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert answer["Location"] == f"{LOGIN}?next=/c/"
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("hu", True, "Lax")
    assert client.get(LOGIN, headers={"Accept-Language": "de"})["Content-Language"] == "hu"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "to", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""]
)
def test_choice_leads_to_no_other_site(client: Client, to: str) -> None:
    assert client.post(CHOICE, {"language": "hu", "next": to})["Location"] == LOGIN


@pytest.mark.django_db
def test_an_unknown_language_changes_nothing(client: Client) -> None:
    client.post(CHOICE, {"language": "xx"})
    assert settings.LANGUAGE_COOKIE_NAME not in client.cookies


def test_choice_needs_the_token_of_a_form(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post(CHOICE, {"language": "hu"}).status_code == 403


# --- what new conversations begin with ----------------------------------------------------

DEFAULTS = "/accounts/defaults/"


def page_defaults(client: Client) -> Any:
    found = re.search(r'<script id="page"[^>]*>(.*?)</script>', client.get("/").text)
    assert found is not None
    return json.loads(found[1])["defaults"]


def test_defaults_reach_the_page(client: Client, alice: User, settings: Settings) -> None:
    settings.EMBEDDED_MODEL_URL = "http://127.0.0.1:9/v1"
    client.force_login(alice)
    assert page_defaults(client) == {"model": None, "settings": {}}
    (model,) = [offer.id for offer in catalogue(alice.pk).offers]
    sent = {
        "model": model,
        "system": " Answer </script> briefly. ",
        "temperature": "0.7",
        "max_tokens": "500",
        "reasoning_effort": "low",
    }
    assert client.post(DEFAULTS, sent)["Location"] == DEFAULTS
    chosen = {
        "system": "Answer </script> briefly.",
        "temperature": 0.7,
        "max_tokens": 500,
        "reasoning_effort": "low",
    }
    assert page_defaults(client) == {"model": model, "settings": chosen}
    page = client.get(DEFAULTS).text
    assert "Answer &lt;/script&gt; briefly." in page
    client.post(DEFAULTS, {})
    assert page_defaults(client) == {"model": None, "settings": {}}


def test_defaults_are_written_as_the_language_writes_numbers(client: Client, alice: User) -> None:
    client.force_login(alice)
    client.post(DEFAULTS, {"temperature": "0,7"}, headers={"accept-language": "de"})
    assert Preferences.objects.defaults_of(alice.pk) == ("", {"temperature": 0.7})
    page = client.get(DEFAULTS, headers={"accept-language": "de"}).text
    assert 'value="0,7"' in page


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", "2.1"),
        ("temperature", "nan"),
        ("top_p", "-1"),
        ("max_tokens", "0"),
        ("max_tokens", "1000001"),
        ("reasoning_effort", "most"),
        ("model", "unknown"),
        ("system", "x" * 8001),
    ],
)
def test_a_default_that_no_conversation_takes_is_refused(
    client: Client, alice: User, field: str, value: str
) -> None:
    client.force_login(alice)
    answer = client.post(DEFAULTS, {field: value})
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert not Preferences.objects.exists()


def test_language_and_defaults_do_not_overwrite_each_other(client: Client, alice: User) -> None:
    Preferences.objects.choose_defaults(alice.pk, "", {"top_p": 0.5})
    Preferences.objects.choose_language(alice.pk, "de")
    Preferences.objects.choose_defaults(alice.pk, "", {"top_p": 0.6})
    assert Preferences.objects.get().language == "de"
    assert Preferences.objects.defaults_of(alice.pk) == ("", {"top_p": 0.6})
