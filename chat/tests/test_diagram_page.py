"""The document of a diagram's frame: its rules, and that it is the same for everybody."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.test import Client


def test_only_our_own_pages_may_show_it_in_a_frame(client: Client, alice: User) -> None:
    answer = client.get("/diagram/")
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    client.force_login(alice)
    assert client.get("/").headers["X-Frame-Options"] == "DENY"


def test_it_has_no_origin_and_no_network_wherever_it_is_opened(client: Client) -> None:
    policy = client.get("/diagram/").headers["Content-Security-Policy"].split("; ")
    assert "sandbox allow-scripts" in policy
    assert "default-src 'none'" in policy
    assert not any(rule.startswith(("connect-src", "img-src", "frame-src")) for rule in policy)


def test_it_knows_nobody(client: Client, alice: User) -> None:
    unknown = client.get("/diagram/")
    client.force_login(alice)
    known = client.get("/diagram/")
    assert known.content == unknown.content
    assert "Set-Cookie" not in known.headers


def test_it_is_only_read(client: Client) -> None:
    assert client.post("/diagram/").status_code == 405
