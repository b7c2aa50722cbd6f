"""`REDIS_URL`: its check, and the channel layer and cache that use it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from chatproject.redis_url import caches, channel_layers, check_redis_url


@pytest.mark.parametrize(
    "url", ["", "redis://h", "redis://:pw@h:6379/15", "rediss://h/0/", "unix:///run/r.sock?db=2"]
)
def test_an_address_of_redis_is_taken_as_it_is(url: str) -> None:
    assert check_redis_url(url) == url


@pytest.mark.parametrize(
    "url", ["http://h", "redis://", "redis://h/zero", "redis://h?db=x", "unix://", "unix://h/path"]
)
def test_another_one_is_refused_without_its_password(url: str) -> None:
    secret = url.replace("//", "//:hunter2@", 1)
    for one in (url, secret):
        with pytest.raises(ImproperlyConfigured, match="REDIS_URL") as refused:
            check_redis_url(one)
        assert "hunter2" not in str(refused.value)


def test_without_redis_there_is_one_process_and_the_cache_is_in_the_database() -> None:
    assert channel_layers("")["default"]["BACKEND"].endswith("InMemoryChannelLayer")
    assert caches("")["default"]["LOCATION"] == "chat_cache"


def host(url: str) -> dict[str, Any]:
    (found,) = channel_layers(url)["default"]["CONFIG"]["hosts"]
    return dict(found)


def test_a_certificate_of_no_authority_is_taken_over_tls_only() -> None:
    """PaaS Redis has one. With `redis://` the option would raise."""
    assert "ssl_cert_reqs" not in host("redis://h")
    assert "ssl_cert_reqs" not in caches("redis://h")["default"]["OPTIONS"]
    assert host("rediss://h")["ssl_cert_reqs"] is None
    assert caches("rediss://h")["default"]["OPTIONS"]["ssl_cert_reqs"] is None


def test_a_silent_redis_is_given_up_after_a_second() -> None:
    options = caches("redis://h")["default"]["OPTIONS"]
    assert (options["socket_timeout"], options["socket_connect_timeout"]) == (1, 1)
    # A socket of Unix has no time to connect, and the option would raise.
    assert "socket_connect_timeout" not in caches("unix:///run/r.sock")["default"]["OPTIONS"]
