"""The server's part of the check page: a request as it arrived, and a stream."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client


@pytest.fixture
def client(carol: User) -> Client:
    client = Client(headers={"Host": "testserver"})  # as every browser says
    client.force_login(carol)
    return client


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://testserver", True),
        ("http://TESTSERVER", True),
        ("https://testserver", False),
        ("http://testserver:81", False),
        ("http://elsewhere", False),
        ("null", False),
        ("", False),
        ("http://[", False),
        ("http://tést☃", False),
    ],
)
def test_an_origin_is_judged_as_the_sockets_is(client: Client, origin: str, allowed: bool) -> None:
    answer = client.get("/check/seen", {"origin": origin})
    assert answer.status_code == 200
    assert answer.json()["origin_allowed"] is allowed


def test_the_request_is_told_as_it_arrived(client: Client) -> None:
    told = client.get("/check/seen", headers={"X-Forwarded-Proto": "https"}).json()
    assert (told["scheme"], told["host"]) == ("http", "testserver")
    assert (told["forwarded_proto"], told["trusts_proxies"]) == ("https", False)


@pytest.mark.parametrize("silent", ["x", "-1", "61", "nan", "1.5", "9" * 5000])
def test_a_silence_that_is_none_is_refused(client: Client, silent: str) -> None:
    assert client.get("/check/stream", {"silent": silent}).status_code == 400


@pytest.mark.parametrize("path", ["/check/seen", "/check/stream"])
def test_nothing_is_changed_there(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405


def test_the_stream_is_sent_as_replies_are(client: Client) -> None:
    answer = client.get("/check/stream")
    assert answer["Content-Type"].startswith("text/event-stream")
    assert "no-transform" in answer["Cache-Control"]
    assert answer["X-Accel-Buffering"] == "no"
