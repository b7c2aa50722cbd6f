"""The page of a refused form names what is wrong, and whom to tell."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db


def post(secure: bool = False, **headers: str) -> str:
    """The page that answers a log-in with the right token and cookie and these headers."""
    client = Client(enforce_csrf_checks=True)
    token = client.get("/accounts/login/", secure=secure).context["csrf_token"]
    form = {"login": "alice", "password": "no", "csrfmiddlewaretoken": str(token)}
    answer = client.post("/accounts/login/", form, headers=headers, secure=secure)
    assert answer.status_code == 403
    return answer.text


@pytest.mark.usefixtures("alice")
def test_null_origin_is_laid_to_the_proxys_referrer_policy() -> None:
    for text in (post(origin="null"), post(secure=True)):  # over HTTPS a Referer would do
        assert "The origin of the request is missing" in text
        assert "Referrer-Policy: no-referrer" in text
        assert "Ask an administrator" in text
        assert "expired" not in text


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize(
    ("headers", "secure", "origin", "address"),
    [
        ({"origin": "https://testserver"}, False, "https://testserver", "http://testserver"),
        ({"origin": "http://chat.test"}, False, "http://chat.test", "http://testserver"),
        ({"referer": "https://a.test/x"}, True, "https://a.test", "https://testserver"),
        ({"referer": "http://testserver/"}, True, "http://testserver", "https://testserver"),
    ],
)
def test_origin_and_address_that_differ_are_both_shown(
    headers: dict[str, str], secure: bool, origin: str, address: str
) -> None:
    text = post(secure, **headers)
    assert "Origin and address differ" in text
    assert f">{origin}<" in text
    assert f">{address}<" in text
    assert "TRUSTED_PROXIES" in text
    assert "expired" not in text


def test_old_form_is_to_be_loaded_again(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    for headers in ({}, {"origin": "http://testserver"}):
        answer = client.post("/accounts/logout/", headers=headers)
        assert answer.status_code == 403
        assert "This page has expired" in answer.text
        assert "reload the page" in answer.text


@pytest.mark.usefixtures("alice")
def test_claimed_origin_is_text_on_the_page() -> None:
    assert "<script>" not in post(origin="http://<script>alert(1)</script>")
