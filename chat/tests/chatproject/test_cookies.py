"""Each instance has cookies of its own: a browser tells hosts apart, but not ports."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from chatproject.cookies import cookie_names


def test_instances_with_keys_of_their_own_have_names_of_their_own() -> None:
    one, other = (cookie_names("", key * 40, secure=False) for key in "ab")
    assert len({*one, *other}) == 6
    assert one == cookie_names("", "a" * 40, secure=False)
    assert "a" * 40 not in "".join(one)


def test_names_over_https_belong_to_the_very_host() -> None:
    assert all(name.startswith("__Host-") for name in cookie_names("", "k" * 40, secure=True))
    assert cookie_names("two", "k" * 40, secure=True)[0] == "__Host-two-session"
    assert cookie_names("two", "k" * 40, secure=False) == (
        "two-session",
        "two-csrf",
        "two-language",
    )


def test_names_of_the_version_before_can_be_kept() -> None:
    assert cookie_names("django", "k" * 40, secure=True) == (
        "sessionid",
        "csrftoken",
        "django_language",
    )


@pytest.mark.parametrize("name", ["a b", "a;b", "a=b", "ä", "x" * 41, "a\n"])
def test_name_that_no_cookie_can_have_is_refused(name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"COOKIE_NAME is .*letters, digits"):
        cookie_names(name, "k" * 40, secure=False)
