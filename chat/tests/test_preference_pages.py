"""The choice of language on pages for visitors."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

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
